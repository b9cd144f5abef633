//! Sets a cookie of its own, and those that carry a session of the dashboard.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Response, http_handler};

#[http_handler]
fn answer() -> Response {
    Response::text("set")
        .and_header("set-cookie", "tidegate=forged; Path=/")
        .and_header("set-cookie", "own=1; Path=/")
        .and_header("set-cookie", "__Host-tidegate=forged; Path=/; Secure")
}
