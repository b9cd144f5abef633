//! Answers with what it was asked: a line of method, target, authority and scheme, a line per
//! header, an empty line, then the request's body as it arrives. The reply's head leaves before the
//! body ends; request trailers come back as response trailers.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

struct Echo;

impl Guest for Echo {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let received = request.headers();
        let headers = Fields::new();
        headers
            .append("content-type", b"text/plain")
            .expect("a header");
        // HTTP/1.1 sends no trailers that the head has not announced.
        for value in received.get("trailer") {
            headers.append("trailer", &value).expect("a header");
        }
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("the body, for the first time");
        ResponseOutparam::set(out, Ok(response));

        let stream = body.write().expect("the stream, for the first time");
        let mut text = format!(
            "{{\"method\":{:?},\"target\":{:?},\"authority\":{:?},\"scheme\":{:?}}}\n",
            method(&request),
            request.path_with_query().unwrap_or_default(),
            request.authority().unwrap_or_default(),
            request.scheme().map(scheme).unwrap_or_default(),
        );
        for (name, value) in received.entries() {
            text += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
        }
        text += "\n";
        for part in text.as_bytes().chunks(4096) {
            stream
                .blocking_write_and_flush(part)
                .expect("the client listens");
        }

        let incoming = request.consume().expect("the body, for the first time");
        let input = incoming.stream().expect("the stream, for the first time");
        loop {
            match input.blocking_read(4096) {
                Ok(chunk) => stream
                    .blocking_write_and_flush(&chunk)
                    .expect("the client listens"),
                Err(StreamError::Closed) => break,
                Err(error) => panic!("the request broke off: {error}"),
            }
        }
        drop((input, stream));
        let trailers = trailers(incoming).expect("the request ended well");
        OutgoingBody::finish(body, trailers).expect("the response ends well");
    }
}

fn method(request: &IncomingRequest) -> String {
    match request.method() {
        Method::Other(name) => name,
        known => last_word(&format!("{known:?}")),
    }
}

fn scheme(scheme: Scheme) -> String {
    match scheme {
        Scheme::Other(name) => name,
        known => last_word(&format!("{known:?}")),
    }
}

/// `GET` of `Method::Get`, `HTTP` of `Scheme::Http`.
fn last_word(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_ascii_uppercase()
}

fn trailers(body: IncomingBody) -> Result<Option<Fields>, ErrorCode> {
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    let received = trailers
        .get()
        .expect("ready")
        .expect("for the first time")?;
    Ok(received.map(|fields| Fields::from_list(&fields.entries()).expect("valid fields")))
}

wasip2::http::proxy::export!(Echo);
