//! In the bucket `default`, counts the runs of each tick under `ticks/` and its id, and adds a line to `lines`: id, due
//! time, attempt, missed, local time, time zone, expression. Then sleeps for as many milliseconds as the configuration's
//! `sleep-ms` says.

#![cfg(target_arch = "wasm32")]

use std::time::SystemTime;

use tidegate_sdk::key_value::{self, Error};
use tidegate_sdk::{Tick, config, schedule_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;

#[schedule_handler(bucket = "default")]
fn record(tick: Tick) -> Result<(), Error> {
    let bucket = key_value::open("default")?;
    bucket.increment(&format!("ticks/{}", tick.id), 1)?;
    let due = tick.scheduled.duration_since(SystemTime::UNIX_EPOCH);
    let due = due.unwrap_or_default().as_secs();
    let line = format!(
        "{} {due} {} {} {} {} {}\n",
        tick.id, tick.attempt, tick.missed, tick.local_time, tick.timezone, tick.cron
    );
    bucket.update("lines", |old| {
        [old.unwrap_or_default(), line.as_bytes()].concat()
    })?;
    let sleep = config::get("sleep-ms").ok().flatten();
    if let Some(ms) = sleep.and_then(|ms| ms.parse::<u64>().ok()) {
        subscribe_duration(ms * 1_000_000).block();
    }
    Ok(())
}
