//! Answers `v1`.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::http_handler;

#[http_handler]
fn answer() -> &'static str {
    "v1"
}
