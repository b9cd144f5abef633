//! Messages, and publishing to the fake broker.

use crate::key_value;
use crate::mqtt::{self, Error, IntoOutcome};
use crate::{Delivery, Message, Qos, mqtt_handler, testing};

#[mqtt_handler(topic = ["in/#", "more/+"], qos = 1, order = "none", bucket = "default", publish = "out/#")]
fn relay(message: Message, delivery: Delivery) -> Result<(), Error> {
    mqtt::publish(
        format!("out/{}", message.topic),
        format!("{} {}", delivery.attempt, message.text()?),
    )
}

#[test]
fn an_annotated_function_stays_a_function() {
    let message = Message::new("in/a", "hi");
    assert_eq!(relay(message.clone(), testing::delivery(&message)), Ok(()));
    assert_eq!(testing::published(), [Message::new("out/in/a", "1 hi")]);
}

#[test]
fn a_message_is_published_as_it_was_built() {
    let message = Message::new("a/b", "x")
        .with_qos(Qos::ExactlyOnce)
        .retained()
        .with_content_type("text/plain")
        .with_user_property("unit", "K");
    assert_eq!(message.clone().publish(), Ok(()));
    assert_eq!(testing::published(), [message]);
}

#[test]
fn what_cannot_be_published_is_an_error() {
    assert!(matches!(
        mqtt::publish("a/+", ""),
        Err(Error::InvalidTopic(_))
    ));
    testing::fail_next_publish("full");
    assert_eq!(
        mqtt::publish("a", ""),
        Err(Error::Unavailable("full".to_owned()))
    );
    assert_eq!(mqtt::publish("a", ""), Ok(()));
}

#[test]
fn topics_have_levels_and_payloads_may_be_text() {
    let message = Message::new("sensors/kitchen/temperature", [0xff]);
    assert_eq!(
        (message.level(1), message.level(3)),
        (Some("kitchen"), None)
    );
    assert_eq!(message.text(), Err(Error::NotUtf8));
}

#[test]
fn nothing_and_results_are_outcomes() {
    assert_eq!(().into_outcome(), Ok(()));
    assert_eq!(Err("no").into_outcome(), Err("no".to_owned()));
}

fn delivery(id: u64) -> Delivery {
    Delivery {
        id: format!("{id:016x}"),
        attempt: 1,
        matched_filter: "a".to_owned(),
    }
}

#[test]
fn work_is_done_once_for_a_message() {
    let bucket = key_value::open("handled").expect("a bucket");
    let mut done = 0;
    let mut handle = |delivery: &Delivery, outcome: Result<(), key_value::Error>| {
        delivery.once(&bucket, || {
            done += 1;
            outcome
        })
    };
    let (first, second) = (delivery(1), delivery(2));
    let failure = key_value::Error::Host("no".to_owned());
    assert_eq!(handle(&first, Err(failure.clone())), Err(failure));
    assert_eq!(handle(&first, Ok(())), Ok(Some(())));
    assert_eq!(handle(&first, Ok(())), Ok(None));
    assert_eq!(handle(&second, Ok(())), Ok(Some(())));
    assert_eq!(done, 3);
}

#[test]
fn notes_of_what_was_done_are_forgotten_after_days() {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let bucket = key_value::open("handled").expect("a bucket");
    let at = |ms: u64| delivery(ms << 20);
    for ms in [1, 2 * DAY_MS] {
        let done = at(ms).once(&bucket, || Ok::<_, key_value::Error>(()));
        assert_eq!(done, Ok(Some(())));
    }
    let later = at(3 * DAY_MS).once(&bucket, || Ok::<_, key_value::Error>(()));
    assert_eq!(later, Ok(Some(())));
    let left = bucket.keys().expect("keys");
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    let kept = [2 * DAY_MS, 3 * DAY_MS].map(|ms| format!("once/{:016x}", ms << 20));
    assert_eq!(left, kept);
}
