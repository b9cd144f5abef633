//! Message expiry (MQTT 5, section 3.3.2.3.3): counted down while a message waits, passed on reduced, and obeyed.

use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Connect, Publish, Version};
use tidegate_tests::{SOON, TestHost, eventually};

use super::clients::{client, expect_message, expect_no_message, lasting_client};

const V5: Version = Version::V5;

fn expiring(topic: &str, payload: &str, seconds: u32) -> Publish {
    Publish::new(topic, payload).with(property::four_bytes(id::MESSAGE_EXPIRY, seconds))
}

fn expiry(message: &Publish) -> Option<u32> {
    message.properties.number(id::MESSAGE_EXPIRY)
}

/// Waits until what is good for a second has expired, even where a broker counts whole seconds only: until a retained
/// message that is good for two is gone.
async fn let_a_second_pass(host: &TestHost) {
    let mut clock = client(host, V5, "clock").await;
    let tick = expiring("clock", "tick", 2).retained();
    clock.publish_with(tick).await;
    eventually("a message expires", SOON, async || {
        let mut reader = client(host, V5, "clock-reader").await;
        reader.subscribe("clock", 0).await;
        reader.subscribe("clock-reader", 0).await;
        reader.publish("clock-reader", "", 0).await;
        let message = reader.receive().await;
        (message.topic == "clock-reader").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_that_does_not_wait_keeps_its_expiry() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    subscriber.subscribe("fresh", 2).await;
    for seconds in [1, 60, u32::MAX] {
        for qos in 0..=2 {
            let publish = expiring("fresh", "x", seconds);
            publisher.publish_with(Publish { qos, ..publish }).await;
            let message = expect_message(&mut subscriber, "fresh", "x", qos).await;
            let left = expiry(&message).expect("an expiry");
            // The machine may be slow, but a message is not early.
            assert!(
                (seconds.saturating_sub(30)..=seconds).contains(&left),
                "{left}"
            );
        }
    }
    publisher.publish("fresh", "x", 1).await;
    assert_eq!(expiry(&subscriber.receive().await), None);
}

#[tokio::test]
async fn expiry_0_is_allowed() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    publisher
        .publish_with(expiring("at/once", "x", 0).qos(1, 0))
        .await;
    publisher
        .publish_with(expiring("at/once", "x", 0).qos(2, 0))
        .await;
    publisher.publish_with(expiring("at/once", "x", 0)).await;
    publisher.expect_nothing().await;
}

#[tokio::test]
async fn a_queued_message_expires_or_comes_with_what_is_left() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    for version in Version::ALL {
        let mut subscriber = lasting_client(&host, version, "away").await;
        subscriber.subscribe("queued", 2).await;
        subscriber.break_off().await;
        for qos in [1, 2] {
            publisher
                .publish_with(expiring("queued", "short", 1).qos(qos, 0))
                .await;
            publisher
                .publish_with(expiring("queued", "long", 100).qos(qos, 0))
                .await;
            publisher.publish("queued", "for ever", qos).await;
        }
        let_a_second_pass(&host).await;

        let mut subscriber = lasting_client(&host, version, "away").await;
        for qos in [1, 2] {
            let long = expect_message(&mut subscriber, "queued", "long", qos).await;
            if version == V5 {
                let left = expiry(&long).expect("an expiry");
                assert!((50..100).contains(&left), "{left}");
            }
            let for_ever = expect_message(&mut subscriber, "queued", "for ever", qos).await;
            assert_eq!(expiry(&for_ever), None);
        }
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_retained_message_expires_or_comes_with_what_is_left() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    publisher
        .publish_with(expiring("kept/short", "x", 1).retained())
        .await;
    publisher
        .publish_with(expiring("kept/long", "x", 100).retained())
        .await;
    let_a_second_pass(&host).await;
    for _ in 0..2 {
        let mut late = client(&host, V5, "late").await;
        late.subscribe("kept/+", 0).await;
        let message = expect_message(&mut late, "kept/long", "x", 0).await;
        let left = expiry(&message).expect("an expiry");
        assert!((50..100).contains(&left), "{left}");
        expect_no_message(&mut publisher, &mut late, 0).await;
    }
}

#[tokio::test]
async fn a_message_behind_a_full_window_expires() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let connect = Connect::v5("slow");
    let connect = connect.with(property::two_bytes(id::RECEIVE_MAXIMUM, 1));
    let mut slow = Client::connect(host.mqtt_address(), &connect).await;
    slow.subscribe("window", 1).await;
    publisher.publish("window", "first", 1).await;
    let first = slow.expect_publish().await;
    publisher
        .publish_with(expiring("window", "short", 1).qos(1, 0))
        .await;
    publisher
        .publish_with(expiring("window", "long", 100).qos(1, 0))
        .await;
    let_a_second_pass(&host).await;
    slow.acknowledge(&first).await;
    let long = expect_message(&mut slow, "window", "long", 1).await;
    assert!((50..100).contains(&expiry(&long).expect("an expiry")));
}

#[tokio::test]
async fn a_message_that_was_sent_once_does_not_expire_any_more() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = lasting_client(&host, V5, "subscriber").await;
    subscriber.subscribe("begun", 2).await;
    publisher
        .publish_with(expiring("begun", "x", 1).qos(2, 0))
        .await;
    let first = subscriber.expect_publish().await;
    subscriber.break_off().await;
    let_a_second_pass(&host).await;

    let mut subscriber = lasting_client(&host, V5, "subscriber").await;
    let again = expect_message(&mut subscriber, "begun", "x", 2).await;
    assert_eq!((again.dup, again.packet_id), (true, first.packet_id));
}

#[tokio::test]
async fn the_exchange_with_the_publisher_goes_on_when_its_message_has_expired() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let publish = expiring("too/late", "x", 1).qos(2, 5);
    publisher.send(publish.bytes(V5)).await;
    publisher.expect_ack(Acknowledgement::Pubrec, 5).await;
    let_a_second_pass(&host).await;
    publisher.send(publish.dup().bytes(V5)).await;
    publisher.expect_ack(Acknowledgement::Pubrec, 5).await;
    publisher.send(Acknowledgement::Pubrel.bytes(5)).await;
    let complete = publisher.expect_ack(Acknowledgement::Pubcomp, 5).await;
    assert_eq!(complete.reason, 0);
}
