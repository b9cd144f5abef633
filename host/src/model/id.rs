//! Identifiers made by the host: unique, sortable by time, safe in a URL and in a header.

use std::fmt;

/// The id of one invocation (a ULID: 26 characters, in the order of creation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvocationId(ulid::Ulid);

impl InvocationId {
    /// A new id.
    pub fn new() -> InvocationId {
        InvocationId(ulid::Ulid::generate())
    }

    /// Its 128 bits: six bytes of time, ten at random.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }
}

impl Default for InvocationId {
    fn default() -> Self {
        InvocationId::new()
    }
}

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
