//! Where the external broker is, and as who one connects: `mqtt://` and `mqtts://` addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where the external broker is: `mqtts://user@host:8883`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UpstreamAddress {
    /// Whether it is spoken to over TLS (`mqtts`).
    pub security: Security,
    /// Name or IP address; one of version 6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name.
    pub username: Option<String>,
}

/// How bytes travel to the external broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// As they are (`mqtt`).
    Plain,
    /// Over TLS (`mqtts`).
    Tls,
}

/// Why a text is no address of a broker.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidAddress {
    /// Another scheme, or none.
    #[error("`{0}` is not the address of a broker: begin with `mqtt://`, or `mqtts://` for TLS")]
    Scheme(String),
    /// A password shows in lists of processes and in logs.
    #[error(
        "a password does not belong into the broker's address: give the user name alone, as in \
         `mqtts://user@host`, and the password in a file"
    )]
    Password,
    /// No host, or not one.
    #[error(
        "`{0}` is not a host: a name or an IP address is wanted, one of version 6 in brackets, as in `[::1]`"
    )]
    Host(String),
    /// Not a port.
    #[error("`{0}` is not a port: use a number from 1 to 65535")]
    Port(String),
    /// A path, a query or a fragment.
    #[error("`{0}` behind the broker's host and port has no meaning: leave it out")]
    Rest(String),
    /// A percent sign that no two hexadecimal digits follow, or not UTF-8.
    #[error("`{0}` is not a user name: write special characters as `%` and two hexadecimal digits")]
    Username(String),
}

impl UpstreamAddress {
    /// Host and port, as one writes them.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for UpstreamAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<UpstreamAddress, InvalidAddress> {
        let (security, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (Security::Plain, rest),
            Some(("mqtts", rest)) => (Security::Tls, rest),
            // What stands there may be a password: only the scheme is repeated.
            Some((scheme, _)) => return Err(InvalidAddress::Scheme(format!("{scheme}://"))),
            None => return Err(InvalidAddress::Scheme("…".to_owned())),
        };
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(InvalidAddress::Password),
            Some((user, rest)) => (Some(decode(user)?), rest),
            None => (None, rest),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        if !["", "/"].contains(&behind) {
            return Err(InvalidAddress::Rest(behind.to_owned()));
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None if security == Security::Tls => 8883,
            None => 1883,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| InvalidAddress::Port(port.to_owned()))?,
        };
        Ok(UpstreamAddress {
            security,
            host,
            port,
            username: user.filter(|user| !user.is_empty()),
        })
    }
}

/// Host without brackets, and port.
fn split_port(authority: &str) -> Result<(String, Option<&str>), InvalidAddress> {
    let invalid = || InvalidAddress::Host(authority.to_owned());
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or_else(invalid)?;
            let _: std::net::Ipv6Addr = host.parse().map_err(|_| invalid())?;
            let port = match behind.strip_prefix(':') {
                None if behind.is_empty() => None,
                None => return Err(invalid()),
                port => port,
            };
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_host = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|letter| letter.is_alphanumeric() || "-_.:".contains(letter))
    };
    if is_host(host) {
        Ok((host.to_owned(), port))
    } else {
        Err(invalid())
    }
}

/// Replaces `%40` by `@`, and so on.
fn decode(text: &str) -> Result<String, InvalidAddress> {
    let invalid = || InvalidAddress::Username(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = rest.next().map(char::from)?;
            digit.to_digit(16)
        };
        let (high, low) = (digit(), digit());
        let (Some(high), Some(low)) = (high, low) else {
            return Err(invalid());
        };
        bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte"));
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

impl TryFrom<String> for UpstreamAddress {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<UpstreamAddress, InvalidAddress> {
        text.parse()
    }
}

impl From<UpstreamAddress> for String {
    fn from(address: UpstreamAddress) -> String {
        address.to_string()
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Plain => "mqtt",
            Security::Tls => "mqtts",
        };
        write!(f, "{scheme}://")?;
        if let Some(username) = &self.username {
            for byte in username.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        write!(f, "{}", char::from(byte))?;
                    }
                    byte => write!(f, "%{byte:02X}")?,
                }
            }
            write!(f, "@")?;
        }
        write!(f, "{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let cases = [
            ("mqtt://broker", "mqtt://broker:1883", None),
            ("mqtts://broker", "mqtts://broker:8883", None),
            (
                "mqtts://broker.example:443/",
                "mqtts://broker.example:443",
                None,
            ),
            (
                "mqtt://anna@10.0.0.7:1884",
                "mqtt://anna@10.0.0.7:1884",
                Some("anna"),
            ),
            ("mqtt://@broker", "mqtt://broker:1883", None),
            (
                "mqtt://anna%40plant@broker",
                "mqtt://anna%40plant@broker:1883",
                Some("anna@plant"),
            ),
            (
                "mqtt://anna@plant@broker",
                "mqtt://anna%40plant@broker:1883",
                Some("anna@plant"),
            ),
            (
                "mqtt://j%C3%BCrgen@broker",
                "mqtt://j%C3%BCrgen@broker:1883",
                Some("jürgen"),
            ),
            ("mqtts://[::1]:8884", "mqtts://[::1]:8884", None),
            ("mqtts://[::1]", "mqtts://[::1]:8883", None),
        ];
        for (text, written, username) in cases {
            let address: UpstreamAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), written, "{text}");
            assert_eq!(address.username.as_deref(), username, "{text}");
            let again: UpstreamAddress = written.parse().expect(written);
            assert_eq!(again, address, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_its_reason() {
        let rest = |text: &str| InvalidAddress::Rest(text.to_owned());
        let host = |text: &str| InvalidAddress::Host(text.to_owned());
        let port = |text: &str| InvalidAddress::Port(text.to_owned());
        let cases = [
            ("broker:1883", InvalidAddress::Scheme("…".to_owned())),
            (
                "http://broker",
                InvalidAddress::Scheme("http://".to_owned()),
            ),
            ("mqtt://anna:secret@broker", InvalidAddress::Password),
            ("mqtt://", host("")),
            ("mqtt://anna@", host("")),
            ("mqtt://a b", host("a b")),
            ("mqtt://[::1", host("[::1")),
            ("mqtt://[broker]", host("[broker]")),
            ("mqtt://[::1]1883", host("[::1]1883")),
            ("mqtt://broker:0", port("0")),
            ("mqtt://broker:", port("")),
            ("mqtt://broker:65536", port("65536")),
            ("mqtt://broker/topic", rest("/topic")),
            ("mqtt://broker?x=1", rest("?x=1")),
            (
                "mqtt://100%@broker",
                InvalidAddress::Username("100%".to_owned()),
            ),
            (
                "mqtt://%ff@broker",
                InvalidAddress::Username("%ff".to_owned()),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<UpstreamAddress>(), Err(expected), "{text}");
        }
    }
}
