//! Publishes each message again to `loop/in`, which is also meant to be its trigger.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Message, mqtt, mqtt_handler};

#[mqtt_handler(publish = "loop/in")]
fn again(message: Message) -> Result<(), mqtt::Error> {
    mqtt::publish("loop/in", message.payload)
}
