//! Who a client is, and what it may do.
//!
//! The broker asks its [`Access`] once, at CONNECT, and is given an [`Identity`]. Its permissions are looked at anew for each
//! message and subscription, as they may change while the client is connected; [`crate::Broker::access_changed`] makes the
//! broker look at what was granted before.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use crate::topic::{TopicFilter, TopicName};

/// Tells who a client is.
pub trait Access: Send + Sync + 'static {
    /// Who this client is, or why it is not let in.
    fn authenticate<'a>(&'a self, client: &'a Credentials) -> Authenticated<'a>;
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

/// A topic filter in which `%c` stands for the client id and `%u` for the identity's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionFilter(TopicFilter);

/// [`Permissions`] of one client: with its names in place.
#[derive(Clone, Debug)]
pub struct Resolved {
    publish: Vec<TopicFilter>,
    subscribe: Vec<TopicFilter>,
}

impl Permissions {
    /// Everything, `$SYS/#` included.
    pub fn all() -> Permissions {
        let everything =
            || ["#", "$SYS/#"].map(|filter| PermissionFilter(filter.parse().expect("a filter")));
        Permissions {
            publish: everything()[..1].to_vec(),
            subscribe: everything().to_vec(),
        }
    }

    /// With this client's names in place. A filter with a placeholder grants nothing to a client whose name has a wildcard
    /// or a level separator in it, or none at all.
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

fn is_one_level(name: &str) -> bool {
    // A `%` would be taken for a placeholder in what was put in place before.
    !name.is_empty() && !name.contains(['/', '+', '#', '%'])
}

impl Resolved {
    /// Whether messages may be published to this topic. The server's own topics are nobody's.
    pub fn may_publish(&self, topic: &TopicName) -> bool {
        self.publish
            .iter()
            .any(|filter| filter.matches(topic.as_str()))
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
