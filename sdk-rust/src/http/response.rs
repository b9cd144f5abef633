//! The response to a request, and what may stand for one.

use std::fmt::Display;

use super::{BodyWriter, ChunkSink, Error, Headers, text_header};

type WriteBody = Box<dyn FnOnce(&mut BodyWriter<'_>) -> Result<(), Error>>;

enum Body {
    Bytes(Vec<u8>),
    Stream(WriteBody),
}

/// An HTTP response.
pub struct Response {
    status: u16,
    headers: Headers,
    body: Body,
}

impl Response {
    /// A response without a body.
    pub fn new(status: u16) -> Self {
        Response {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Vec::new()),
        }
    }

    /// 200 with plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Response::bytes("text/plain; charset=utf-8", text.into())
    }

    /// 200 with JSON, given as text.
    pub fn json(text: impl Into<String>) -> Self {
        Response::bytes("application/json", text.into())
    }

    /// 200 with HTML.
    pub fn html(text: impl Into<String>) -> Self {
        Response::bytes("text/html; charset=utf-8", text.into())
    }

    /// 200 with a body of that content type.
    pub fn bytes(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Response::new(200)
            .with_header("content-type", content_type)
            .with_body(body)
    }

    /// 200 with a body that `write` sends after the head has gone out. An error ends the response before its time,
    /// which the client sees as a broken transfer.
    pub fn stream(write: impl FnOnce(&mut BodyWriter<'_>) -> Result<(), Error> + 'static) -> Self {
        Response {
            status: 200,
            headers: Vec::new(),
            body: Body::Stream(Box::new(write)),
        }
    }

    /// 200 with a body of chunks, each sent when it is there.
    pub fn chunks<I>(chunks: I) -> Self
    where
        I: IntoIterator<Item: AsRef<[u8]>> + 'static,
    {
        Response::stream(move |writer| chunks.into_iter().try_for_each(|chunk| writer.send(chunk)))
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with that header instead of any of the same name.
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.and_header(name, value)
    }

    /// The same with one more header, beside any of the same name.
    pub fn and_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// The same with another body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of that name, in any case, that is valid text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text_header(&self.headers, name)
    }

    /// All headers in order, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How long the body is, where that is known before it is written.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn body_bytes(&self) -> Option<usize> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes.len()),
            Body::Stream(_) => None,
        }
    }

    pub(crate) fn write_body(self, sink: &mut dyn ChunkSink) -> Result<(), Error> {
        match self.body {
            Body::Bytes(bytes) => sink.write(&bytes),
            Body::Stream(write) => write(&mut BodyWriter::new(sink)),
        }
    }
}

/// What an `#[http_handler]` may return.
pub trait IntoResponse {
    /// The response it stands for.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

/// 200 without a body.
impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(200)
    }
}

/// Plain text.
impl IntoResponse for &str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

/// Plain text.
impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

/// Bytes of no particular type.
impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Response::bytes("application/octet-stream", self)
    }
}

/// Another status.
impl<T: IntoResponse> IntoResponse for (u16, T) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
    }
}

/// 500 with the error's text, which also goes to standard error and so into the function's log. Turn errors that
/// clients should not read into a response of your own.
impl<T: IntoResponse, E: Display> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        self.map_or_else(
            |error| {
                eprintln!("answering 500: {error}");
                Response::text(error.to_string()).with_status(500)
            },
            T::into_response,
        )
    }
}
