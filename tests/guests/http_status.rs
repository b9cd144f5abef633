//! Answers with the status of `?status=`, or 200.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::{Request, Response, http_handler};

#[http_handler]
fn answer(request: Request) -> Response {
    let status = u16::try_from(number(&request, "status", 200)).unwrap_or(u16::MAX);
    Response::new(status)
}
