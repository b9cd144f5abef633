//! Keeps each message's payload in the bucket `default` under its topic, and adds a line `id
//! attempt filter` per delivery under `meta/` and its topic. Over HTTP it answers what `?key=`
//! holds, or 404.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::key_value::{self, Error};
use tidegate_sdk::{Delivery, Message, Request, Response, http_handler, mqtt_handler};

#[mqtt_handler(bucket = "default")]
fn record(message: Message, delivery: Delivery) -> Result<(), Error> {
    let bucket = key_value::open("default")?;
    let line = format!(
        "{} {} {}\n",
        delivery.id, delivery.attempt, delivery.matched_filter
    );
    bucket.update(&format!("meta/{}", message.topic), |old| {
        [old.unwrap_or_default(), line.as_bytes()].concat()
    })?;
    bucket.set(&message.topic, message.payload)
}

#[http_handler]
fn read(request: Request) -> Result<Response, Error> {
    let key = request.query_param("key").unwrap_or_default();
    Ok(match key_value::open("default")?.get(&key)? {
        Some(value) => Response::bytes("application/octet-stream", value),
        None => Response::text("no such key").with_status(404),
    })
}
