//! Fails until the attempt is the number that the configuration's `succeed-at` has. Adds the id and the attempt of each
//! run, a line each, to `attempts` in the bucket `default`.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Tick, config, key_value, schedule_handler};

#[schedule_handler(bucket = "default")]
fn fail(tick: Tick) -> Result<(), String> {
    let bucket = key_value::open("default").map_err(|error| error.to_string())?;
    let line = format!("{} {}\n", tick.id, tick.attempt);
    let append = |old: Option<&[u8]>| [old.unwrap_or_default(), line.as_bytes()].concat();
    bucket
        .update("attempts", append)
        .map_err(|error| error.to_string())?;
    let succeed_at = config::get("succeed-at").ok().flatten();
    match succeed_at.and_then(|number| number.parse().ok()) {
        Some(number) if tick.attempt >= number => Ok(()),
        _ => Err(format!("attempt {} fails", tick.attempt)),
    }
}
