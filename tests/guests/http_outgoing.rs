//! Asks `?url=` through wasi:http/outgoing-handler, with `?method=` (GET), the `?header=name:value`
//! and the `?body=`, and the timeouts `?connect=`, `?first=` and `?between=` in milliseconds.
//! Answers `status N`, the response's headers a line each, an empty line and its body as it comes;
//! or 502 with the error code's text. `?duplex=true` sends the body in two halves instead, the
//! second after it has read the first one back.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Request, Response, http_handler};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

#[http_handler]
fn answer(request: Request) -> Response {
    let exchanged = match request.query_param("duplex") {
        Some(_) => exchange_halves(&request),
        None => exchange(&request),
    };
    exchanged.unwrap_or_else(|reason| Response::text(reason).with_status(502))
}

fn exchange(request: &Request) -> Result<Response, String> {
    let outgoing = outgoing(request)?;
    let body = request.query_param("body");
    let to = outgoing.body().map_err(|()| "no body")?;
    let future = handle(outgoing, Some(options(request)?)).map_err(|code| format!("{code:?}"))?;
    if let Some(text) = body {
        write(&to.write().map_err(|()| "written to already")?, &text)?;
    }
    OutgoingBody::finish(to, None).map_err(|code| format!("{code:?}"))?;
    let response = wait(&future)?;
    let mut head = format!("status {}\n", response.status());
    for (name, value) in response.headers().entries() {
        head += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
    }
    let body = response.consume().map_err(|()| "consumed")?;
    let stream = body.stream().map_err(|()| "streamed")?;
    // The stream is a child of the body, and the body of the response: they stay until the last chunk.
    let rest = Chunks(stream, body, response).map(|chunk| chunk.unwrap_or_else(String::into_bytes));
    Ok(Response::chunks(
        std::iter::once((head + "\n").into_bytes()).chain(rest),
    ))
}

fn exchange_halves(request: &Request) -> Result<Response, String> {
    let outgoing = outgoing(request)?;
    let to = outgoing.body().map_err(|()| "no body")?;
    let future = handle(outgoing, None).map_err(|code| format!("{code:?}"))?;
    let writer = to.write().map_err(|()| "written to already")?;
    write(&writer, "first")?;
    let response = wait(&future)?;
    let body = response.consume().map_err(|()| "consumed")?;
    let stream = body.stream().map_err(|()| "streamed")?;
    let read = |stream: &InputStream| match stream.blocking_read(100) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(format!("{error:?}")),
    };
    let first = read(&stream)?;
    write(&writer, "second")?;
    let second = read(&stream)?;
    drop(writer);
    OutgoingBody::finish(to, None).map_err(|code| format!("{code:?}"))?;
    Ok(Response::text(format!("{first}, {second}")))
}

/// The stream lives as long as what it belongs to.
#[expect(dead_code, reason = "only kept alive")]
struct Chunks(InputStream, IncomingBody, IncomingResponse);

impl Iterator for Chunks {
    type Item = Result<Vec<u8>, String>;

    fn next(&mut self) -> Option<Result<Vec<u8>, String>> {
        match self.0.blocking_read(4096) {
            Ok(bytes) => Some(Ok(bytes)),
            Err(StreamError::Closed) => None,
            Err(StreamError::LastOperationFailed(_)) => Some(Err("\nbroken off".to_owned())),
        }
    }
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, String> {
    let url = request.query_param("url").unwrap_or_default();
    let (scheme, rest) = url.split_once("://").ok_or("no URL")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let fields = Fields::new();
    if let Some(header) = request.query_param("header") {
        let (name, value) = header.split_once(':').ok_or("no header")?;
        let added = fields.append(name, value.as_bytes());
        added.map_err(|error| format!("{error:?}"))?;
    }
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.query_param("method").as_deref() {
        None | Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        Some("CONNECT") => Method::Connect,
        Some(other) => Method::Other(other.to_owned()),
    };
    outgoing
        .set_method(&method)
        .map_err(|()| "method refused")?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    let set = outgoing.set_scheme(Some(&scheme));
    set.map_err(|()| "scheme refused")?;
    let set = outgoing.set_authority(Some(authority));
    set.map_err(|()| "authority refused")?;
    let set = outgoing.set_path_with_query(Some(path));
    set.map_err(|()| "path refused")?;
    Ok(outgoing)
}

fn options(request: &Request) -> Result<RequestOptions, String> {
    let milliseconds = |name: &str| {
        let value = request.query_param(name)?.parse::<u64>().ok()?;
        Some(value * 1_000_000)
    };
    let options = RequestOptions::new();
    let set = options.set_connect_timeout(milliseconds("connect"));
    set.map_err(|()| "connect timeout refused")?;
    let set = options.set_first_byte_timeout(milliseconds("first"));
    set.map_err(|()| "first-byte timeout refused")?;
    let set = options.set_between_bytes_timeout(milliseconds("between"));
    set.map_err(|()| "between-bytes timeout refused")?;
    Ok(options)
}

fn write(stream: &OutputStream, text: &str) -> Result<(), String> {
    let written = stream.blocking_write_and_flush(text.as_bytes());
    written.map_err(|error| format!("{error:?}"))
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, String> {
    future.subscribe().block();
    let response = future.get().ok_or("not ready")?.map_err(|()| "taken")?;
    response.map_err(|code| format!("{code:?}"))
}
