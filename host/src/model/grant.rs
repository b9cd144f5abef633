//! What a function may use beyond its own instance: deny by default, granted by its manifest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::{InvalidName, Name};
use super::topic::{TopicFilter, TopicName};

/// All grants of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Buckets of key-value state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<BucketGrant>,
    /// Topic filters that cover what may be published to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<TopicFilter>,
}

/// A bucket, for reading and writing or, written `name:ro`, for reading only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketGrant {
    /// The bucket.
    pub bucket: Name,
    /// What may be done with it.
    pub access: Access,
}

/// What may be done with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    ReadWrite,
}

impl Grants {
    /// What may be done with this bucket, if anything.
    pub fn bucket_access(&self, bucket: &str) -> Option<Access> {
        self.buckets
            .iter()
            .find(|grant| grant.bucket.as_str() == bucket)
            .map(|grant| grant.access)
    }

    /// Whether a message may be published to this topic.
    pub fn may_publish(&self, topic: &TopicName) -> bool {
        self.publish
            .iter()
            .any(|filter| filter.matches(topic.as_str()))
    }
}

impl FromStr for BucketGrant {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<BucketGrant, InvalidName> {
        let (bucket, access) = match text.strip_suffix(":ro") {
            Some(bucket) => (bucket, Access::Read),
            None => (text, Access::ReadWrite),
        };
        Ok(BucketGrant {
            bucket: bucket.parse()?,
            access,
        })
    }
}

impl fmt::Display for BucketGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.access {
            Access::Read => write!(f, "{}:ro", self.bucket),
            Access::ReadWrite => write!(f, "{}", self.bucket),
        }
    }
}

impl TryFrom<String> for BucketGrant {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<BucketGrant, InvalidName> {
        text.parse()
    }
}

impl From<BucketGrant> for String {
    fn from(grant: BucketGrant) -> String {
        grant.to_string()
    }
}
