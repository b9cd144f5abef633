//! Who a client is, and what it may do.
//!
//! The broker asks its [`Access`] once, at CONNECT, and is given an [`Identity`]. Its permissions are looked at anew for each
//! message and subscription, as they may change while the client is connected; [`crate::Broker::access_changed`] makes the
//! broker look at what was granted before.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::topic::{InvalidTopic, TopicFilter, TopicName};

/// Tells who a client is.
pub trait Access: Send + Sync + 'static {
    /// Who this client is, or why it is not let in.
    fn authenticate<'a>(&'a self, client: &'a Credentials) -> Authenticated<'a>;

    /// What the identity of this name may do at present, whether it has a client or not: a session waits for its client, and
    /// a will message for its time. None where the name is nobody's by now, or a token's, whose rights only its client has.
    fn permissions(&self, name: &str) -> Option<Arc<Permissions>>;
}

/// What [`Access::authenticate`] returns.
pub type Authenticated<'a> = Pin<Box<dyn Future<Output = Result<Identity, Refused>> + Send + 'a>>;

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Where it is.
    pub address: SocketAddr,
    /// Its client identifier: what it sent, or what was assigned to it.
    pub client_id: String,
    /// User name.
    pub username: Option<String>,
    /// Password; any bytes.
    pub password: Option<Bytes>,
    /// Names in the client certificate that TLS has verified: the subject's common name, then the subject alternative names
    /// (DNS, URI, e-mail).
    pub certificate_names: Vec<String>,
    /// Whether a page in a browser connects: any page may, so that where the browser is says nothing about who that is.
    pub is_page: bool,
}

/// What counts as one address: with IPv6, whoever has one has the 64 bits below it as well.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Unknown user, wrong password, or a token that is not valid (any more).
    #[error("bad user name or password")]
    BadUserNameOrPassword,
    /// Anonymous clients are not let in from there, or the client id is not the identity's.
    #[error("not authorized")]
    NotAuthorized,
    /// Too many attempts; to be tried again later.
    #[error("connection rate exceeded")]
    TooManyAttempts,
    /// The host cannot look it up at present.
    #[error("server unavailable")]
    Unavailable,
}

/// Who a client is. Clones share the permissions.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The device's or the token's name; none of an anonymous client.
    pub name: Option<Arc<str>>,
    /// What it may do, as it is now; none when the identity is gone, and its connections are to end.
    pub permissions: Arc<ArcSwapOption<Permissions>>,
    /// When it ends: a token expires.
    pub expires: Option<SystemTime>,
}

/// What an identity may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Topics that it may publish to, its will included.
    pub publish: Vec<PermissionFilter>,
    /// Topics that it may subscribe to.
    pub subscribe: Vec<PermissionFilter>,
}

/// A topic filter in which `%c` stands for the client id and `%u` for the identity's name, each as a level of its own or
/// as a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct PermissionFilter(TopicFilter);

/// Why a text is not a [`PermissionFilter`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPermission {
    /// Whoever may subscribe to a filter may share the subscription.
    #[error(
        "`{0}` is a shared subscription; give the filter alone, as in `sensors/#`: it covers sharing as well"
    )]
    Shared(String),
    /// A `%` that no `c` and no `u` follows.
    #[error(
        "`{0}` has a `%` that stands for nothing: `%c` is the client id, `%u` the device's name, as in `sensors/%u/#`"
    )]
    Placeholder(String),
    /// It is no topic filter otherwise.
    #[error(transparent)]
    Filter(#[from] InvalidTopic),
}

/// [`Permissions`] of one client: with its names in place.
#[derive(Clone, Debug)]
pub struct Resolved {
    publish: Vec<TopicFilter>,
    subscribe: Vec<TopicFilter>,
}

impl Permissions {
    /// Everything, `$SYS/#` included.
    pub fn all() -> Permissions {
        let everything = || ["#", "$SYS/#"].map(|filter| filter.parse().expect("a filter"));
        Permissions {
            publish: everything()[..1].to_vec(),
            subscribe: everything().to_vec(),
        }
    }

    /// With this client's names in place. A filter with a placeholder grants nothing to a client whose name has `+`, `#`,
    /// `/`, `$` or `%` in it, or that has none at all.
    pub fn resolve(&self, client_id: &str, identity: Option<&str>) -> Resolved {
        let resolve = |filters: &[PermissionFilter]| {
            let resolved = filters
                .iter()
                .filter_map(|filter| filter.resolve(client_id, identity));
            resolved.collect()
        };
        Resolved {
            publish: resolve(&self.publish),
            subscribe: resolve(&self.subscribe),
        }
    }
}

impl PermissionFilter {
    /// The filter as text, with its placeholders.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn resolve(&self, client_id: &str, identity: Option<&str>) -> Option<TopicFilter> {
        let mut text = self.0.as_str().to_owned();
        for (placeholder, name) in [("%c", Some(client_id)), ("%u", identity)] {
            if text.contains(placeholder) {
                let name = name.filter(|name| is_one_level(name))?;
                text = text.replace(placeholder, name);
            }
        }
        text.parse().ok()
    }
}

impl FromStr for PermissionFilter {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<PermissionFilter, InvalidPermission> {
        if text.starts_with("$share/") {
            return Err(InvalidPermission::Shared(text.to_owned()));
        }
        let mut after_percent = text.split('%').skip(1);
        if after_percent.any(|rest| !rest.starts_with(['c', 'u'])) {
            return Err(InvalidPermission::Placeholder(text.to_owned()));
        }
        Ok(PermissionFilter(text.parse()?))
    }
}

impl TryFrom<String> for PermissionFilter {
    type Error = InvalidPermission;

    fn try_from(text: String) -> Result<PermissionFilter, InvalidPermission> {
        text.parse()
    }
}

impl From<PermissionFilter> for String {
    fn from(filter: PermissionFilter) -> String {
        filter.0.into()
    }
}

impl fmt::Display for PermissionFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a name can stand in a topic without meaning anything there but itself. A `$` makes a topic the server's own
/// where it is the first character, and a `%` would be taken for a placeholder.
fn is_one_level(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '+', '#', '$', '%'])
}

impl Resolved {
    /// Whether messages may be published to this topic. The server's own topics are nobody's.
    pub fn may_publish(&self, topic: &TopicName) -> bool {
        let topic = topic.as_str();
        !topic.starts_with('$') && self.publish.iter().any(|filter| filter.matches(topic))
    }

    /// Whether this filter asks for nothing that is not granted.
    pub fn may_subscribe(&self, wanted: &TopicFilter) -> bool {
        self.subscribe.iter().any(|granted| granted.covers(wanted))
    }
}

impl Default for Resolved {
    /// Nothing.
    fn default() -> Resolved {
        Resolved {
            publish: Vec::new(),
            subscribe: Vec::new(),
        }
    }
}
