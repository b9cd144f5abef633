//! Messages, and publishing to the fake broker.

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
