//! What a guest's handles to key-value state stand for.

use super::digest::Digest;
use super::grant::Access;

/// An opened bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What may be done with it.
    pub access: Access,
}

/// A value as it was read, to be replaced only if nobody else did so meanwhile.
#[derive(Clone, Debug)]
pub struct CompareAndSwap {
    /// The bucket that the key is in.
    pub bucket: Bucket,
    /// The key.
    pub key: String,
    /// The digest of what it held: a guest may hold many of these, of large values.
    pub seen: Option<Digest>,
}
