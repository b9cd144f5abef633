//! Answers with an error code instead of a response.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{ErrorCode, IncomingRequest, ResponseOutparam};

struct Failing;

impl Guest for Failing {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let reason = "the guest gave up".to_owned();
        ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some(reason))));
    }
}

wasip2::http::proxy::export!(Failing);
