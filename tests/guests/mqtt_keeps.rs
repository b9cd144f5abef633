//! Keeps the first word of each payload as a key of the bucket that the configuration names. A word
//! that is there already is counted in `repeated`. Fails at the first attempt at each message whose
//! number, the word's last part, is a multiple of `fails_every`; works for `works_ms` milliseconds.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Delivery, Message, config, key_value, mqtt_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;

#[mqtt_handler]
fn keep(message: Message, delivery: Delivery) -> Result<(), String> {
    let name = config::get("bucket").map_err(|error| error.to_string())?;
    let text = message.text().map_err(|error| error.to_string())?;
    let word = text.split(' ').next().unwrap_or_default();
    let number = word
        .rsplit('/')
        .next()
        .and_then(|last| last.parse::<u64>().ok());
    if let (1, Some(every), Some(number)) = (delivery.attempt, setting("fails_every")?, number)
        && number % every == 0
    {
        return Err("not at the first attempt".to_owned());
    }
    if let Some(milliseconds) = setting("works_ms")? {
        subscribe_duration(milliseconds * 1_000_000).block();
    }
    keep_once(&name.unwrap_or_default(), word).map_err(|error| error.to_string())
}

fn keep_once(bucket: &str, word: &str) -> Result<(), key_value::Error> {
    let bucket = key_value::open(bucket)?;
    if bucket.exists(word)? {
        bucket.increment("repeated", 1)?;
        return Ok(());
    }
    bucket.set(word, "")
}

fn setting(key: &str) -> Result<Option<u64>, String> {
    let value = config::get(key).map_err(|error| error.to_string())?;
    Ok(value.and_then(|value| value.parse().ok()))
}
