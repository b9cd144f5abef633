//! HTTP requests and responses.
//!
//! `export` (WebAssembly only) turns what the host hands over into a [`Request`] and writes a [`Response`] back;
//! everything else knows nothing of WASI and runs natively too.

use std::fmt;

mod body;
#[cfg(target_arch = "wasm32")]
pub(crate) mod export;
pub(crate) mod percent;
mod request;
mod response;

pub use body::{BodyStream, BodyWriter};
pub use request::Request;
pub use response::{IntoResponse, Response};

use body::ChunkSink;
#[cfg(target_arch = "wasm32")]
use body::ChunkSource;

#[cfg(test)]
mod tests;

/// Header names, in lower case, with their values, in order.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// Why a body could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The request's body was already taken by [`Request::body_stream`].
    BodyTaken,
    /// The body is not UTF-8 text.
    NotUtf8,
    /// The other side has gone away.
    Closed,
    /// The transfer broke off; in the host's words.
    Broken(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BodyTaken => write!(f, "the request's body was already taken as a stream"),
            Error::NotUtf8 => write!(f, "the body is not UTF-8 text"),
            Error::Closed => write!(f, "the client has gone away"),
            Error::Broken(reason) => write!(f, "the body broke off: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Closed => std::io::ErrorKind::BrokenPipe,
            Error::NotUtf8 => std::io::ErrorKind::InvalidData,
            Error::BodyTaken | Error::Broken(_) => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

/// Lets a streaming body use `?` on what comes from `write!` and `std::io::copy`.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let text = error.to_string();
        match error.into_inner().map(|inner| inner.downcast::<Error>()) {
            Some(Ok(inner)) => *inner,
            _ => Error::Broken(text),
        }
    }
}

/// The first value of a header that is valid text.
pub(crate) fn text_header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let of_that_name = headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    of_that_name
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .next()
}
