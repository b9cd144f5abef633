//! Sends a head and one chunk, `first`, then panics: at once, or with `?later` after 200 milliseconds.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};

struct HalfDone;

impl Guest for HalfDone {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body, for the first time");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream, for the first time");
        stream
            .blocking_write_and_flush(b"first")
            .expect("the client listens");
        if target.ends_with("?later") {
            subscribe_duration(200_000_000).block();
        }
        panic!("asked to panic");
    }
}

wasip2::http::proxy::export!(HalfDone);
