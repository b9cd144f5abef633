//! Panics on every request.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::http_handler;

#[http_handler]
fn answer() {
    panic!("asked to panic");
}
