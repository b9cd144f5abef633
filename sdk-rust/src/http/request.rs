//! The request that started an invocation.

use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;

use super::{BodyStream, Error, Headers, percent, text_header};

/// What the host tells a function beside the client's own headers. It removes headers of these names that a client sends.
const CLIENT_ADDRESS: &str = "tidegate-client-address";
const INVOCATION_ID: &str = "tidegate-invocation-id";
const PARAM_PREFIX: &str = "tidegate-param-";
const ROUTE: &str = "tidegate-route";

/// An HTTP request.
///
/// The body stays with the host until it is asked for: [`body`](Request::body) and [`text`](Request::text) read all of
/// it on first use and keep it, [`body_stream`](Request::body_stream) hands it over chunk by chunk.
pub struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Headers,
    /// Names in lower case, as header names are, with decoded values.
    params: Vec<(String, String)>,
    unread: Cell<Option<BodyStream>>,
    read: OnceCell<Vec<u8>>,
}

impl Request {
    /// `target` is the path with the query, if any, behind a `?`.
    pub(crate) fn new(method: String, target: &str, headers: Headers, body: BodyStream) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        let params = headers.iter().filter_map(param).collect();
        Request {
            method,
            path,
            query,
            headers,
            params,
            unread: Cell::new(Some(body)),
            read: OnceCell::new(),
        }
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as the client sent it, percent-encoded, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What follows the `?`, as the client sent it.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The first query parameter of that name, decoded; empty where it has no `=`.
    pub fn query_param(&self, name: &str) -> Option<String> {
        let mut pairs = self
            .query()?
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .find(|(key, _)| percent::decode_query(key) == name)
            .map(|(_, value)| percent::decode_query(value))
    }

    /// The first header of that name, in any case, that is valid text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text_header(&self.headers, name)
    }

    /// All headers in order, names in lower case, including those the host adds (`tidegate-…`).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// What the segment in braces of the matched route stands for, decoded: `name` for `/hello/{name}`.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        params
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The route that matched, as the manifest has it.
    pub fn route(&self) -> Option<&str> {
        self.header(ROUTE)
    }

    /// The client's address as the host saw it.
    pub fn client_address(&self) -> Option<SocketAddr> {
        self.header(CLIENT_ADDRESS)?.parse().ok()
    }

    /// The id under which the host records this invocation.
    pub fn invocation_id(&self) -> Option<&str> {
        self.header(INVOCATION_ID)
    }

    /// The whole body. It has to fit into the function's memory; see [`body_stream`](Request::body_stream) otherwise.
    pub fn body(&self) -> Result<&[u8], Error> {
        if let Some(bytes) = self.read.get() {
            return Ok(bytes);
        }
        let bytes = self.unread.take().ok_or(Error::BodyTaken)?.read_to_end()?;
        Ok(self.read.get_or_init(|| bytes))
    }

    /// The whole body as text.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(self.body()?).map_err(|_| Error::NotUtf8)
    }

    /// The body as it arrives. It can be taken once; after [`body`](Request::body) it repeats what that has read.
    pub fn body_stream(&self) -> Result<BodyStream, Error> {
        match self.read.get() {
            Some(bytes) => Ok(BodyStream::of_bytes(bytes.clone())),
            None => self.unread.take().ok_or(Error::BodyTaken),
        }
    }
}

fn param((name, value): &(String, Vec<u8>)) -> Option<(String, String)> {
    let name = name.strip_prefix(PARAM_PREFIX)?;
    Some((
        name.to_owned(),
        percent::decode(std::str::from_utf8(value).ok()?),
    ))
}
