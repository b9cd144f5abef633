//! How the functions of a component are called.

use schemars::JsonSchema;
use serde::Serialize;

/// Which canonical ABI of the component model a component needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Abi {
    /// One call after another, as in WASI 0.2.
    Sync,
    /// Concurrent calls, streams and futures, as in WASI 0.3. It runs on an engine of its own: supporting it costs
    /// every call, and widens what a guest can reach.
    Async,
}

impl Abi {
    /// The word for storage, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Abi::Sync => "sync",
            Abi::Async => "async",
        }
    }
}

impl std::str::FromStr for Abi {
    type Err = UnknownAbi;

    fn from_str(text: &str) -> Result<Abi, UnknownAbi> {
        [Abi::Sync, Abi::Async]
            .into_iter()
            .find(|abi| abi.as_str() == text)
            .ok_or_else(|| UnknownAbi(text.to_owned()))
    }
}

/// Neither `sync` nor `async`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an ABI: `sync` or `async`")]
pub struct UnknownAbi(String);
