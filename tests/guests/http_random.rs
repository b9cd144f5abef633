//! Answers with `?bytes=` random bytes, asked for at once.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::{Request, http_handler};
use wasip2::random::random::get_random_bytes;

#[http_handler]
fn answer(request: Request) -> Vec<u8> {
    get_random_bytes(number(&request, "bytes", 16))
}
