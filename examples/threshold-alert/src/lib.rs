//! Raises an alert when a sensor is hotter than `high` and clears it once it is cooler than `low`; in between nothing
//! changes, so that a temperature around one limit does not flood anybody with alerts.
//!
//! Messages of one topic arrive one after the other (`order = "per-topic"`), so a plain read and write of the state will
//! do. The alert is published before the state is saved: an attempt that fails in between is repeated, and repeats the
//! alert rather than losing it. Alerts are retained: who subscribes later learns how things stand.

use std::fmt::Display;

use tidegate_sdk::{Message, Qos, config, key_value, log, mqtt_handler};

const HIGH_CELSIUS: f64 = 30.0;
const LOW_CELSIUS: f64 = 28.0;

#[mqtt_handler(
    topic = "sensors/+/temperature",
    qos = 1,
    order = "per-topic",
    bucket = "alerts",
    publish = "alerts/#"
)]
fn reading(message: Message) -> Result<(), String> {
    let sensor = message
        .level(1)
        .filter(|sensor| !sensor.is_empty())
        .ok_or("the topic names no sensor")?;
    let celsius = temperature(&message)?;
    let states = key_value::open("alerts").map_err(text)?;

    let before = states
        .get_text(sensor)
        .map_err(text)?
        .unwrap_or_else(|| "clear".to_owned());
    let now = match before.as_str() {
        "clear" if celsius > limit("high", HIGH_CELSIUS)? => "alert",
        "alert" if celsius < limit("low", LOW_CELSIUS)? => "clear",
        _ => return Ok(()),
    };

    let alert = Message::new(
        format!("alerts/{sensor}/temperature"),
        format!("{now} {celsius}"),
    );
    alert
        .with_qos(Qos::AtLeastOnce)
        .retained()
        .publish()
        .map_err(text)?;
    states.set(sensor, now).map_err(text)?;
    log::info!("{sensor}: {now} at {celsius} °C");
    Ok(())
}

fn limit(key: &str, default_celsius: f64) -> Result<f64, String> {
    match config::get(key).map_err(text)? {
        Some(value) => value
            .parse()
            .map_err(|_| format!("config `{key}` is `{value}`, which is no temperature in °C")),
        None => Ok(default_celsius),
    }
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

fn text(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
