//! Between `wasi:http` and this crate's [`Request`] and [`Response`]; what `#[http_handler]` exports calls [`handle`].

use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use super::{BodyStream, ChunkSink, ChunkSource, Error, Request, Response};

/// The largest piece of a request's body that is held at once.
const CHUNK_BYTES_MAX: u64 = 64 * 1024;

/// Answers one request.
pub fn handle(request: IncomingRequest, out: ResponseOutparam, handler: fn(Request) -> Response) {
    let response = handler(receive(&request));
    drop(request);
    send(response, out);
}

fn receive(request: &IncomingRequest) -> Request {
    let method = match request.method() {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    };
    let target = request.path_with_query().unwrap_or_default();
    let mut headers = request.headers().entries();
    headers
        .iter_mut()
        .for_each(|(name, _)| name.make_ascii_lowercase());
    Request::new(
        method,
        &target,
        headers,
        BodyStream::new(Incoming::of(request)),
    )
}

/// A request's body. The stream is a child of the body and has to go first, so it stands first.
struct Incoming {
    stream: Option<InputStream>,
    _body: Option<IncomingBody>,
}

impl Incoming {
    fn of(request: &IncomingRequest) -> Self {
        let body = request.consume().ok();
        let stream = body.as_ref().and_then(|body| body.stream().ok());
        Incoming {
            stream,
            _body: body,
        }
    }
}

impl ChunkSource for Incoming {
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(stream) = &self.stream else {
            return Ok(None);
        };
        loop {
            match stream.blocking_read(CHUNK_BYTES_MAX) {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => return Ok(Some(chunk)),
                Err(StreamError::Closed) => {
                    self.stream = None;
                    return Ok(None);
                }
                Err(error) => return Err(broken(&error)),
            }
        }
    }
}

fn send(response: Response, out: ResponseOutparam) {
    let response = match head(&response) {
        Ok(outgoing) => return send_with_body(outgoing, response, out),
        Err(reason) => {
            eprintln!("answering 500: {reason}");
            Response::text("the function's response is not valid HTTP").with_status(500)
        }
    };
    if let Ok(outgoing) = head(&response) {
        send_with_body(outgoing, response, out);
    }
}

fn head(response: &Response) -> Result<OutgoingResponse, String> {
    let headers = Fields::new();
    for (name, value) in response.headers() {
        headers
            .append(name, value)
            .map_err(|error| format!("header `{name}`: {error}"))?;
    }
    let may_have_body = !matches!(response.status(), 100..=199 | 204 | 304);
    if let (true, Some(length), None) = (
        may_have_body,
        response.body_bytes(),
        response.header("content-length"),
    ) {
        let length = length.to_string();
        headers
            .append("content-length", length.as_bytes())
            .map_err(|error| format!("content-length: {error}"))?;
    }
    let outgoing = OutgoingResponse::new(headers);
    outgoing
        .set_status_code(response.status())
        .map_err(|()| format!("{} is not a status", response.status()))?;
    Ok(outgoing)
}

/// The head leaves before the first byte of the body is written: the body may be longer than what the host buffers.
fn send_with_body(outgoing: OutgoingResponse, response: Response, out: ResponseOutparam) {
    let body = outgoing.body();
    ResponseOutparam::set(out, Ok(outgoing));
    let Ok(body) = body else { return };
    if let Err(error) = write_body(&body, response) {
        // The body is dropped unfinished, which tells the host, and it the client, that something is missing.
        eprintln!("the response broke off: {error}");
        return;
    }
    if let Err(error) = OutgoingBody::finish(body, None) {
        eprintln!("the response broke off: {error}");
    }
}

fn write_body(body: &OutgoingBody, response: Response) -> Result<(), Error> {
    let Ok(mut stream) = body.write() else {
        return Err(Error::Closed);
    };
    response.write_body(&mut stream)?;
    stream.blocking_flush().map_err(|error| broken(&error))
}

impl ChunkSink for OutputStream {
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let room = self.check_write().map_err(|error| broken(&error))?;
            if room == 0 {
                self.subscribe().block();
                continue;
            }
            let length = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(length);
            OutputStream::write(self, now).map_err(|error| broken(&error))?;
            bytes = later;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        OutputStream::flush(self).map_err(|error| broken(&error))
    }
}

fn broken(error: &StreamError) -> Error {
    match error {
        StreamError::Closed => Error::Closed,
        StreamError::LastOperationFailed(error) => Error::Broken(error.to_debug_string()),
    }
}
