//! Where a function may connect to: grants, destinations, and whether one covers the other.
//!
//! A grant is `scheme://host[:port]`, in the grammar that Spin's manifests have as well. A destination is what a
//! function asks for. That a grant covers a destination by its name says nothing about the address behind the name:
//! [`check_address`] has the rule for that.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::Reach;
use super::app::INTERNAL_DOMAIN;
use super::name::Name;

/// The name of this host's own MQTT broker, wherever it listens, and also where it does not.
pub const OWN_BROKER: &str = "tidegate.internal";

/// Destinations that are granted: `https://api.example.com`, `http://*.plant.local:8080`, `tcp://10.0.0.0/8:502`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct OutboundGrant {
    text: String,
    /// Any, where there is none.
    scheme: Option<String>,
    host: HostPattern,
    /// Half open, and wide enough to have the last port in it.
    ports: Range<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// With the dot before it.
    Subdomains(String),
    Name(String),
    Network(IpNet),
    /// The routes of the function's own app: `self`, `self.alt`.
    OwnApp,
}

/// The host name by which a function asks the routes of its own app.
pub const SELF: &str = "self";
/// The same by the name that Spin has for it in URLs.
const SELF_ALT: &str = "self.alt";

/// What a function wants to connect to: a scheme, a name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct Destination {
    scheme: String,
    host: Host,
    port: u16,
}

/// A name as it was asked for, in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Host {
    Name(String),
    Address(IpAddr),
}

/// A header that the host adds to requests of a function, whose value the function does not get to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutboundAuth {
    /// Requests to this destination, and to no other.
    pub destination: Destination,
    /// The header's name.
    pub header: String,
    /// The secret that the value is made of.
    pub secret: Name,
    /// What comes before the secret, such as `Bearer `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// Text that is no grant or no destination; says what to write instead.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a destination, which is written as `https://api.example.com`: {reason}")]
pub struct InvalidDestination {
    text: String,
    reason: String,
}

/// The port that is meant where a URL of this scheme has none.
fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "mqtt" => 1883,
        "mqtts" => 8883,
        "postgres" => 5432,
        "mysql" => 3306,
        "redis" => 6379,
        _ => return None,
    })
}

/// Whether one of these grants covers a destination.
pub fn permits(grants: &[OutboundGrant], destination: &Destination) -> bool {
    grants.iter().any(|grant| grant.permits(destination))
}

/// Whether a destination that is granted may be reached at this address, which it is or which its name stands for.
///
/// A public address may. Any other needs a grant that says so: the address, a network that it is in, or `localhost`
/// for a loopback address. A metadata service needs its very address. `reach` is where the address leads.
pub fn check_address(
    grants: &[OutboundGrant],
    destination: &Destination,
    address: IpAddr,
    reach: Reach,
) -> Result<(), Reach> {
    let granted = |grant: &OutboundGrant| {
        grant.covers(&destination.scheme, destination.port)
            && match &grant.host {
                HostPattern::Network(network) if network.contains(&address.to_canonical()) => {
                    reach != Reach::Metadata || network.prefix_len() == network.max_prefix_len()
                }
                HostPattern::Name(name) => {
                    name == "localhost"
                        && reach == Reach::Loopback
                        && destination.host == Host::Name("localhost".to_owned())
                }
                _ => false,
            }
    };
    match reach == Reach::Public || grants.iter().any(granted) {
        true => Ok(()),
        false => Err(reach),
    }
}

/// Whether this is the name of a header that may be added to an outbound request: not of one that says where the
/// request goes, where it ends, or what becomes of the connection.
pub fn may_add(header: &str) -> bool {
    let Ok(name) = http::HeaderName::from_bytes(header.as_bytes()) else {
        return false;
    };
    const NOT_ADDED: [&str; 10] = [
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    !NOT_ADDED.contains(&name.as_str()) && !name.as_str().starts_with("proxy-")
}

impl OutboundGrant {
    /// Whether it covers a destination, as far as its scheme, name and port say.
    ///
    /// The own app is no place on the network: whether it is asked as `http` or `https` and at which port means
    /// nothing, as with Spin.
    pub fn permits(&self, destination: &Destination) -> bool {
        const HTTP: [&str; 2] = ["http", "https"];
        if destination.is_own_app() {
            let names_it = matches!(self.host, HostPattern::Any | HostPattern::OwnApp);
            return names_it
                && HTTP.contains(&destination.scheme())
                && HTTP.iter().any(|scheme| self.has_scheme(scheme));
        }
        let host = match (&self.host, &destination.host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Subdomains(suffix), Host::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (HostPattern::Name(granted), Host::Name(name)) => granted == name,
            (HostPattern::Network(network), Host::Address(address)) => network.contains(address),
            _ => false,
        };
        host && self.covers(&destination.scheme, destination.port)
    }

    /// Whether connections of this scheme are granted at all, wherever they go.
    pub fn has_scheme(&self, scheme: &str) -> bool {
        self.scheme
            .as_deref()
            .is_none_or(|granted| granted == scheme)
    }

    /// The first port that it covers.
    pub fn first_port(&self) -> u16 {
        u16::try_from(self.ports.start.max(1)).unwrap_or(u16::MAX)
    }

    fn covers(&self, scheme: &str, port: u16) -> bool {
        self.has_scheme(scheme) && self.ports.contains(&u32::from(port))
    }
}

fn is_own_app(name: &str) -> bool {
    [SELF, SELF_ALT].contains(&name)
}

impl Destination {
    /// What these parts of a URL lead to. An IPv6 address may be in brackets.
    pub fn new(
        scheme: &str,
        host: &str,
        port: Option<u16>,
    ) -> Result<Destination, InvalidDestination> {
        let shown_port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let invalid = |reason: String| InvalidDestination {
            text: format!("{scheme}://{host}{shown_port}"),
            reason,
        };
        let scheme = parse_scheme(scheme).map_err(invalid)?;
        let port = port.or_else(|| default_port(&scheme));
        let port = port.filter(|port| *port != 0);
        let port = port.ok_or_else(|| invalid(NO_PORT.to_owned()))?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match bare.unwrap_or(host).parse::<IpAddr>() {
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) if bare.is_some() => return Err(invalid(NO_ADDRESS.to_owned())),
            Err(_) => Host::Name(parse_name(host).map_err(invalid)?),
        };
        Ok(Destination { scheme, host, port })
    }

    /// The same destination by one of its addresses: what a grant for it looks like.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Destination {
        Destination {
            host: Host::Address(address.to_canonical()),
            ..self.clone()
        }
    }

    /// Host and port as a URL has them, without the port that its scheme implies.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        match default_port(&self.scheme) == Some(self.port) {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }

    /// Whether it names a function of this host instead of something on the network.
    pub fn is_internal(&self) -> bool {
        self.component().is_some() || self.is_own_app()
    }

    /// Whether it names the routes of the asking function's own app.
    pub fn is_own_app(&self) -> bool {
        matches!(&self.host, Host::Name(name) if is_own_app(name))
    }

    /// The component of the same app that it names, if it names one.
    pub fn component(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => name.strip_suffix(INTERNAL_DOMAIN),
            Host::Address(_) => None,
        }
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The name or the address.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

const NO_PORT: &str =
    "this scheme has no port of its own, so write one, as in `tcp://10.0.0.7:502`";
const NO_ADDRESS: &str = "only an IPv6 address without a zone is written in brackets";
const USERINFO: &str = "a user name or a password does not belong here";

impl FromStr for OutboundGrant {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<OutboundGrant, InvalidDestination> {
        parse_grant(text.trim()).map_err(|reason| InvalidDestination {
            text: text.to_owned(),
            reason,
        })
    }
}

fn parse_grant(text: &str) -> Result<OutboundGrant, String> {
    if text == "insecure:allow-all" {
        return Err("for every public address, write `*://*:*`".to_owned());
    }
    if text.contains(['{', '}']) {
        return Err("lists in braces are not read: write one grant for each".to_owned());
    }
    let (scheme, host, port) = split(text)?;
    let scheme = match scheme {
        "*" => None,
        scheme => Some(parse_scheme(scheme)?),
    };
    let ports = match port {
        Some(port) => parse_ports(port)?,
        None => {
            let default = scheme.as_deref().and_then(default_port).ok_or(NO_PORT)?;
            one_port(default)
        }
    };
    Ok(OutboundGrant {
        text: text.to_owned(),
        host: parse_host(host)?,
        scheme,
        ports,
    })
}

/// Scheme, host and port of a URL that has nothing else.
fn split(text: &str) -> Result<(&str, &str, Option<&str>), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("it has no scheme: write `https://…`, or `*://…` for any".to_owned());
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return Err(USERINFO.to_owned());
    }
    let port_at = match rest.rfind(']') {
        Some(end) => rest[end..].find(':').map(|at| end + at),
        None => rest.rfind(':'),
    };
    let (host, port) = match port_at {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    if port.is_some_and(|port| port.contains(['/', '?', '#'])) {
        return Err("a path does not belong here; an IPv6 address goes in brackets".to_owned());
    }
    Ok((scheme, host, port))
}

fn parse_scheme(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!(
            "`{text}` is not a scheme, which has letters only; `*` is for any"
        )),
    }
}

fn parse_ports(text: &str) -> Result<Range<u32>, String> {
    let number = |text: &str| match text.parse::<u16>() {
        Ok(port) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(format!(
            "`{text}` is not a port: write a number up to 65535, a range `1..1024`, or `*` for any"
        )),
    };
    if text == "*" {
        return Ok(1..65_536);
    }
    let ports = match text.split_once("..") {
        Some((first, end)) => u32::from(number(first)?)..u32::from(number(end)?),
        None => one_port(number(text)?),
    };
    match ports.is_empty() || ports.end == 1 {
        true => Err(format!(
            "no port is in `{text}`: the end of a range is not part of it"
        )),
        false => Ok(ports),
    }
}

fn one_port(port: u16) -> Range<u32> {
    u32::from(port)..u32::from(port) + 1
}

fn parse_host(text: &str) -> Result<HostPattern, String> {
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    if is_own_app(text) {
        return Ok(HostPattern::OwnApp);
    }
    let unbracketed = text.replace(['[', ']'], "");
    if let Ok(network) = unbracketed.parse::<IpNet>() {
        return Ok(HostPattern::Network(canonical(network.trunc())));
    }
    if let Ok(address) = unbracketed.parse::<IpAddr>() {
        return Ok(HostPattern::Network(address.to_canonical().into()));
    }
    if text.contains(['[', ']']) {
        return Err(NO_ADDRESS.to_owned());
    }
    if text.contains('/') {
        return Err(
            "a path does not belong here, and this is no network such as `10.0.0.0/8`".to_owned(),
        );
    }
    if let Some(domain) = text.strip_prefix("*.") {
        return Ok(HostPattern::Subdomains(format!(
            ".{}",
            parse_granted_name(domain)?
        )));
    }
    parse_granted_name(text).map(HostPattern::Name)
}

/// IPv4 networks that are written as IPv6 ones (`::ffff:10.0.0.0/104`), as what they are.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    let v4 = v6.addr().to_ipv4_mapped();
    let length = v6.prefix_len().checked_sub(96);
    let v4 = v4
        .zip(length)
        .and_then(|(v4, length)| Ipv4Net::new(v4, length).ok());
    v4.map_or(network, IpNet::V4)
}

/// A name in a grant. What a resolver would take for an oddly written address is no name.
fn parse_granted_name(text: &str) -> Result<String, String> {
    if text.contains('*') {
        return Err(
            "`*` stands for a whole host, or for its first labels as in `*.example.com`".to_owned(),
        );
    }
    let name = parse_name(text)?;
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    match is_number {
        true => Err(format!(
            "`{text}` is no name: write an IPv4 address as four numbers"
        )),
        false => Ok(name),
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let valid = !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed);
    match valid && !text.starts_with('.') && !text.contains("..") {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!("`{text}` is not a host name or address")),
    }
}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Destination, InvalidDestination> {
        let invalid = |reason: String| InvalidDestination {
            text: text.to_owned(),
            reason,
        };
        let (scheme, host, port) = split(text).map_err(invalid)?;
        let port = port.map(|port| port.parse::<u16>());
        let port = port
            .transpose()
            .map_err(|error| invalid(error.to_string()))?;
        Destination::new(scheme, host, port)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

impl fmt::Display for OutboundGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for OutboundGrant {
    type Error = InvalidDestination;

    fn try_from(text: String) -> Result<OutboundGrant, InvalidDestination> {
        text.parse()
    }
}

impl From<OutboundGrant> for String {
    fn from(grant: OutboundGrant) -> String {
        grant.text
    }
}

impl TryFrom<String> for Destination {
    type Error = InvalidDestination;

    fn try_from(text: String) -> Result<Destination, InvalidDestination> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> String {
        destination.to_string()
    }
}

#[cfg(test)]
#[path = "outbound/tests.rs"]
mod tests;
