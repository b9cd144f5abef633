//! What a function may use beyond its own instance: deny by default, granted by its manifest.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::{InvalidName, Name};
use super::outbound::{OutboundAuth, OutboundGrant};
use tidegate_broker::topic::{TopicFilter, TopicName};

/// All grants of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Buckets of key-value state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<StateGrant>,
    /// SQL databases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<StateGrant>,
    /// Topic filters that cover what may be published to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<TopicFilter>,
    /// Destinations of outbound connections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbound: Vec<OutboundGrant>,
    /// Headers that the host adds to outbound requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbound_auth: Vec<OutboundAuth>,
    /// Secrets that the function may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Name>,
}

/// A bucket or a database, for reading and writing or, written `name:ro`, for reading only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct StateGrant {
    /// Its name.
    pub name: Name,
    /// What may be done with it.
    pub access: Access,
}

/// What may be done with a bucket or a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    ReadWrite,
}

impl Grants {
    /// The grant of the bucket that a function calls by this label, if there is one.
    pub fn bucket(&self, label: &str) -> Option<&StateGrant> {
        find(&self.buckets, label)
    }

    /// The grant of the database that a function calls by this label, if there is one.
    pub fn database(&self, label: &str) -> Option<&StateGrant> {
        find(&self.databases, label)
    }

    /// Whether a message may be published to this topic.
    pub fn may_publish(&self, topic: &TopicName) -> bool {
        self.publish
            .iter()
            .any(|filter| filter.matches(topic.as_str()))
    }
}

fn find<'a>(grants: &'a [StateGrant], label: &str) -> Option<&'a StateGrant> {
    let name = name_of_label(label);
    grants.iter().find(|grant| grant.name.as_str() == name)
}

/// What a bucket or a database is named that components know by this label: where the label has `_`, a name has `-`.
pub fn name_of_label(label: &str) -> String {
    label.replace('_', "-")
}

impl FromStr for StateGrant {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<StateGrant, InvalidName> {
        let (name, access) = match text.strip_suffix(":ro") {
            Some(name) => (name, Access::Read),
            None => (text, Access::ReadWrite),
        };
        Ok(StateGrant {
            name: name.parse()?,
            access,
        })
    }
}

impl fmt::Display for StateGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.access {
            Access::Read => write!(f, "{}:ro", self.name),
            Access::ReadWrite => write!(f, "{}", self.name),
        }
    }
}

impl TryFrom<String> for StateGrant {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<StateGrant, InvalidName> {
        text.parse()
    }
}

impl From<StateGrant> for String {
    fn from(grant: StateGrant) -> String {
        grant.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_with_underscores_is_the_grants_name_with_hyphens() {
        let grants = Grants {
            buckets: vec!["user-sessions:ro".parse().expect("a grant")],
            ..Grants::default()
        };
        for (label, granted) in [
            ("user-sessions", true),
            ("user_sessions", true),
            ("user_sessions:ro", false),
            ("User-Sessions", false),
            ("user.sessions", false),
            ("user-session", false),
            ("", false),
        ] {
            let name = grants.bucket(label).map(|grant| grant.name.as_str());
            assert_eq!(name, granted.then_some("user-sessions"), "{label}");
            assert_eq!(grants.database(label), None, "{label}");
        }
    }
}
