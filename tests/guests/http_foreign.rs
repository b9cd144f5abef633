//! Answers the path that it was asked for with nothing but WASI: no SDK, no manifest, not made for this host.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Foreign;

impl Guest for Foreign {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body, for the first time");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream, for the first time");
        stream
            .blocking_write_and_flush(format!("asked for {target}").as_bytes())
            .expect("the client listens");
        drop(stream);
        OutgoingBody::finish(body, None).expect("the whole body");
    }
}

wasip2::http::proxy::export!(Foreign);
