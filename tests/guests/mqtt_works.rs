//! Handles every message, after the milliseconds that the configuration has as `works_ms`, if any.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use tidegate_sdk::{Message, config, mqtt_handler};

#[mqtt_handler]
fn work(_message: Message) -> Result<(), config::Error> {
    let milliseconds = config::get("works_ms")?.and_then(|text| text.parse().ok());
    if let Some(milliseconds) = milliseconds {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }
    Ok(())
}
