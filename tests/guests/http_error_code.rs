//! Answers with an error code instead of a response: a short one or, with `?` and a number, one of so many bytes.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{ErrorCode, IncomingRequest, ResponseOutparam};

struct Failing;

impl Guest for Failing {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let bytes = target
            .split_once('?')
            .and_then(|(_, bytes)| bytes.parse().ok());
        let reason = match bytes {
            Some(bytes) => "\u{1}".repeat(bytes),
            None => "the guest gave up".to_owned(),
        };
        ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some(reason))));
    }
}

wasip2::http::proxy::export!(Failing);
