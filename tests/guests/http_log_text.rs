//! Writes the request's body to standard output, and to wasi:logging as context and as message.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::log::Level;
use tidegate_sdk::{Request, http_handler, log};

#[http_handler]
fn answer(request: Request) -> &'static str {
    let text = String::from_utf8_lossy(request.body().unwrap_or_default()).into_owned();
    println!("{text}");
    log::log(Level::Info, &text, &text);
    "logged"
}
