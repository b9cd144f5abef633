//! Fails until the attempt is the number in the payload. Adds each attempt's number, a line each,
//! to `attempts/` and the topic in the bucket `default`, and its delivery's id to `ids/` and the topic.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Delivery, Message, key_value, mqtt_handler};

#[mqtt_handler(bucket = "default")]
fn handle(message: Message, delivery: Delivery) -> Result<(), String> {
    let bucket = key_value::open("default").map_err(|error| error.to_string())?;
    let attempt = delivery.attempt.to_string();
    for (prefix, text) in [("ids", &delivery.id), ("attempts", &attempt)] {
        let line = format!("{text}\n");
        let append = |old: Option<&[u8]>| [old.unwrap_or_default(), line.as_bytes()].concat();
        bucket
            .update(&format!("{prefix}/{}", message.topic), append)
            .map_err(|error| error.to_string())?;
    }

    let wanted = message
        .text()
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok())
        .unwrap_or(u32::MAX);
    if delivery.attempt < wanted {
        return Err(format!("attempt {} of {wanted}", delivery.attempt));
    }
    Ok(())
}
