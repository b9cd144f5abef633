//! Returns without having answered.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Silent;

impl Guest for Silent {
    fn handle(_request: IncomingRequest, _out: ResponseOutparam) {}
}

wasip2::http::proxy::export!(Silent);
