//! Temperature readings come in by MQTT; the mean of each sensor's last ten goes out by HTTP.
//!
//! Messages are delivered at least once and, with `order = "none"`, several at a time. So each reading is kept with the
//! id of its delivery, which a redelivery repeats, and the list is changed by compare-and-swap.

use std::fmt::Display;

use tidegate_sdk::{Delivery, Message, Request, Response, http_handler, key_value, mqtt_handler};

const BUCKET: &str = "readings";
const READINGS_MAX: usize = 10;

#[mqtt_handler(
    topic = "sensors/+/temperature",
    qos = 1,
    order = "none",
    bucket = "readings"
)]
fn reading(message: Message, delivery: Delivery) -> Result<(), String> {
    let sensor = message
        .level(1)
        .filter(|sensor| !sensor.is_empty())
        .ok_or("the topic names no sensor")?;
    let celsius = temperature(&message)?;
    let bucket = key_value::open(BUCKET).map_err(text)?;
    bucket
        .update(sensor, |old| with_reading(old, &delivery.id, celsius))
        .map_err(text)?;
    Ok(())
}

#[http_handler(route = "/sensors/{sensor}/average", methods = ["GET"], bucket = "readings")]
fn average(request: Request) -> Result<Response, key_value::Error> {
    let stored = key_value::open(BUCKET)?.get(request.param("sensor").unwrap_or_default())?;
    let readings: Vec<f64> = entries(stored.as_deref())
        .map(|(_, celsius)| celsius)
        .collect();
    if readings.is_empty() {
        return Ok(Response::json(r#"{"error":"no readings of that sensor"}"#).with_status(404));
    }
    let mean = readings.iter().sum::<f64>() / readings.len() as f64;
    Ok(Response::json(format!(
        r#"{{"average":{mean:.2},"readings":{}}}"#,
        readings.len()
    )))
}

fn temperature(message: &Message) -> Result<f64, String> {
    let payload = String::from_utf8_lossy(&message.payload);
    let number = payload
        .trim()
        .parse()
        .ok()
        .filter(|celsius: &f64| celsius.is_finite());
    number.ok_or_else(|| format!("expected a temperature in °C such as 21.5, not `{payload:.40}`"))
}

/// The stored list with one more reading: a line per delivery, oldest first.
fn with_reading(stored: Option<&[u8]>, delivery: &str, celsius: f64) -> Vec<u8> {
    let mut list: Vec<_> = entries(stored).collect();
    if !list.iter().any(|(known, _)| known == delivery) {
        list.push((delivery.to_owned(), celsius));
    }
    let newest = &list[list.len().saturating_sub(READINGS_MAX)..];
    newest
        .iter()
        .map(|(delivery, celsius)| format!("{delivery} {celsius}\n"))
        .collect::<String>()
        .into_bytes()
}

fn entries(stored: Option<&[u8]>) -> impl Iterator<Item = (String, f64)> {
    let lines = String::from_utf8_lossy(stored.unwrap_or_default()).into_owned();
    let entry = |line: &str| {
        let (delivery, celsius) = line.rsplit_once(' ')?;
        Some((delivery.to_owned(), celsius.parse().ok()?))
    };
    lines
        .lines()
        .filter_map(entry)
        .collect::<Vec<_>>()
        .into_iter()
}

fn text(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
