//! Panics on every message.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Message, mqtt_handler};

#[mqtt_handler]
fn handle(_message: Message) {
    panic!("asked to panic");
}
