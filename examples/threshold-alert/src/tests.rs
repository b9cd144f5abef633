//! Readings in, alerts out, on the SDK's in-memory host.

use tidegate_sdk::{Message, Qos, testing};

use super::reading;

fn receive(sensor: &str, celsius: &str) -> Result<(), String> {
    reading(Message::new(
        format!("sensors/{sensor}/temperature"),
        celsius,
    ))
}

fn alerts() -> Vec<(String, String)> {
    let alert = |alert: Message| {
        (
            alert.topic,
            String::from_utf8_lossy(&alert.payload).into_owned(),
        )
    };
    testing::published().into_iter().map(alert).collect()
}

fn kitchen(text: &str) -> (String, String) {
    ("alerts/kitchen/temperature".to_owned(), text.to_owned())
}

#[test]
fn only_changes_are_published_and_each_limit_counts_in_its_direction() {
    for celsius in [
        "29.9", "30", "30.1", "35", "29", "28", "27.9", "20", "29", "31",
    ] {
        receive("kitchen", celsius).expect("handled");
    }
    assert_eq!(
        alerts(),
        [
            kitchen("alert 30.1"),
            kitchen("clear 27.9"),
            kitchen("alert 31")
        ]
    );
}

#[test]
fn alerts_are_retained_and_sent_at_least_once() {
    receive("kitchen", "31").expect("handled");
    let alert = &testing::published()[0];
    assert_eq!((alert.retain, alert.qos), (true, Qos::AtLeastOnce));
}

#[test]
fn each_sensor_has_its_own_state() {
    receive("kitchen", "31").expect("handled");
    receive("cellar", "20").expect("handled");
    assert_eq!(alerts(), [kitchen("alert 31")]);
}

#[test]
fn the_limits_are_configuration() {
    testing::set_config("high", "10");
    testing::set_config("low", "8.5");
    for celsius in ["11", "9", "8"] {
        receive("kitchen", celsius).expect("handled");
    }
    assert_eq!(alerts(), [kitchen("alert 11"), kitchen("clear 8")]);

    testing::set_config("high", "hot");
    let refusal = receive("kitchen", "11").expect_err("refused");
    assert_eq!(
        refusal,
        "config `high` is `hot`, which is no temperature in °C"
    );
}

#[test]
fn an_alert_that_could_not_be_published_is_published_by_the_next_attempt() {
    testing::fail_next_publish("starting");
    assert_eq!(
        receive("kitchen", "31"),
        Err("the broker is not available: starting".to_owned())
    );
    receive("kitchen", "31").expect("handled");
    assert_eq!(alerts(), [kitchen("alert 31")]);
}

#[test]
fn what_is_no_temperature_is_refused() {
    let refusal = receive("kitchen", "hot").expect_err("refused");
    assert_eq!(
        refusal,
        "expected a temperature in °C such as 21.5, not `hot`"
    );
}
