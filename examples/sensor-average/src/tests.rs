//! Readings in, averages out, on the SDK's in-memory host.

use tidegate_sdk::testing::{self, Received};
use tidegate_sdk::{Delivery, Message};

use super::{average, reading};

fn receive(delivery: &str, sensor: &str, payload: &str) -> Result<(), String> {
    let message = Message::new(format!("sensors/{sensor}/temperature"), payload);
    reading(
        message.clone(),
        Delivery {
            id: delivery.to_owned(),
            ..testing::delivery(&message)
        },
    )
}

fn average_of(sensor: &str) -> Received {
    testing::respond(average(
        testing::request("GET", "/").param("sensor", sensor).build(),
    ))
}

#[test]
fn the_mean_is_of_the_last_ten_readings_of_one_sensor() {
    receive("other", "cellar", "-40").expect("handled");
    for celsius in 1..=12 {
        receive(&format!("d{celsius}"), "kitchen", &celsius.to_string()).expect("handled");
    }
    let response = average_of("kitchen");
    assert_eq!(response.text(), r#"{"average":7.50,"readings":10}"#);
    assert_eq!(response.header("content-type"), Some("application/json"));
}

#[test]
fn a_redelivered_reading_counts_once() {
    receive("d1", "kitchen", "20").expect("handled");
    receive("d2", "kitchen", "22").expect("handled");
    receive("d1", "kitchen", "20").expect("handled");
    assert_eq!(
        average_of("kitchen").text(),
        r#"{"average":21.00,"readings":2}"#
    );
}

#[test]
fn readings_that_arrive_at_once_are_both_kept() {
    testing::before_next_swap(|| receive("d2", "kitchen", "22").expect("handled"));
    receive("d1", "kitchen", "20").expect("handled");
    assert_eq!(
        average_of("kitchen").text(),
        r#"{"average":21.00,"readings":2}"#
    );
}

#[test]
fn what_is_no_temperature_is_refused() {
    let refusal = receive("d1", "kitchen", "warm").expect_err("refused");
    assert_eq!(
        refusal,
        "expected a temperature in °C such as 21.5, not `warm`"
    );
    assert!(receive("d2", "kitchen", "NaN").is_err());
    assert!(receive("d3", "", "21").is_err());
    assert_eq!(average_of("kitchen").status, 404);
}

#[test]
fn a_bucket_that_was_not_granted_is_an_error() {
    testing::deny_bucket("readings");
    assert_eq!(
        receive("d1", "kitchen", "20"),
        Err("access to bucket `readings` is not granted".to_owned())
    );
    assert_eq!(average_of("kitchen").status, 500);
}
