//! Reads the whole request body, then answers how many bytes it had.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Request, http, http_handler};

#[http_handler]
fn answer(request: Request) -> Result<String, http::Error> {
    Ok(request.body()?.len().to_string())
}
