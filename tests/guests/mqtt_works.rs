//! Handles every message, after the milliseconds that the configuration has as `works_ms`, if any.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Message, config, mqtt_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;

#[mqtt_handler]
fn work(_message: Message) -> Result<(), config::Error> {
    let milliseconds = config::get("works_ms")?.and_then(|text| text.parse::<u64>().ok());
    if let Some(milliseconds) = milliseconds {
        subscribe_duration(milliseconds * 1_000_000).block();
    }
    Ok(())
}
