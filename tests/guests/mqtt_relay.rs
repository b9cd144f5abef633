//! Publishes each message's payload to `relayed/` and its topic, at the same QoS.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Message, mqtt, mqtt_handler};

#[mqtt_handler(publish = "relayed/#")]
fn relay(message: Message) -> Result<(), mqtt::Error> {
    let topic = format!("relayed/{}", message.topic);
    Message::new(topic, message.payload)
        .with_qos(message.qos)
        .publish()
}
