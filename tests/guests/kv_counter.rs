//! Counts its invocations under `count` in the bucket `default`, and answers the count.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{http_handler, key_value};

#[http_handler(bucket = "default")]
fn answer() -> Result<String, key_value::Error> {
    Ok(key_value::open("default")?
        .increment("count", 1)?
        .to_string())
}
