//! Fails until the attempt is the number in the payload. Adds each attempt's number, a line each,
//! to `attempts/` and the topic in the bucket `default`.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Delivery, Message, key_value, mqtt_handler};

#[mqtt_handler(bucket = "default")]
fn handle(message: Message, delivery: Delivery) -> Result<(), String> {
    let line = format!("{}\n", delivery.attempt);
    let bucket = key_value::open("default").map_err(|error| error.to_string())?;
    let append = |old: Option<&[u8]>| [old.unwrap_or_default(), line.as_bytes()].concat();
    bucket
        .update(&format!("attempts/{}", message.topic), append)
        .map_err(|error| error.to_string())?;

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
