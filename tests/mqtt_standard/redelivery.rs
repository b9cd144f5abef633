//! Delivery again (section 4.4): what a client has not acknowledged comes again when it connects again, and only then.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Publish, Version};

use super::clients::{client, expect_message, expect_no_message, lasting, lasting_client};

use Acknowledgement::{Puback, Pubcomp, Pubrec, Pubrel};

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_in_its_order_before_anything_new() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("again/+", 2).await;
        let mut open = Vec::new();
        for number in 0..12 {
            let topic = format!("again/{}", number % 3);
            publisher
                .publish(&topic, number.to_string(), 1 + number % 2)
                .await;
            open.push(subscriber.expect_publish().await);
        }
        // Some are acknowledged, from the middle too.
        for index in [7, 4, 0] {
            let done = open.remove(index);
            subscriber.acknowledge(&done).await;
        }
        subscriber.ping().await;
        for _ in 0..2 {
            subscriber.break_off().await;
            publisher.publish("again/new", "queued", 1).await;
            subscriber = lasting_client(&host, version, "subscriber").await;
            for first in &open {
                let again = subscriber.expect_publish().await;
                assert_eq!(
                    again,
                    Publish {
                        dup: true,
                        ..first.clone()
                    }
                );
            }
            // Nothing of it was sent before.
            let queued = subscriber.expect_publish().await;
            assert_eq!((queued.text().as_str(), queued.dup), ("queued", false));
            assert!(open.iter().all(|open| open.packet_id != queued.packet_id));
            subscriber.acknowledge(&queued).await;
            subscriber.expect_nothing().await;
        }
        for again in &open {
            subscriber.acknowledge(again).await;
        }
        subscriber.ping().await;
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn releases_come_again_as_well() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("release", 2).await;
        let mut ids = Vec::new();
        for payload in ["0", "1", "2"] {
            publisher.publish("release", payload, 2).await;
            ids.push(subscriber.expect_publish().await.packet_id.expect("an id"));
        }
        for packet_id in &ids[..2] {
            subscriber.send(Pubrec.bytes(*packet_id)).await;
            subscriber.expect_ack(Pubrel, *packet_id).await;
        }
        subscriber.break_off().await;

        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        for packet_id in &ids[..2] {
            assert_eq!(subscriber.expect_ack(Pubrel, *packet_id).await.reason, 0);
            subscriber.send(Pubcomp.bytes(*packet_id)).await;
        }
        let again = expect_message(&mut subscriber, "release", "2", 2).await;
        assert_eq!((again.dup, again.packet_id), (true, Some(ids[2])));
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn nothing_comes_again_on_the_same_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("still", 2).await;
        publisher.publish("still", "1", 1).await;
        publisher.publish("still", "2", 2).await;
        let first = subscriber.expect_publish().await;
        let second = subscriber.expect_publish().await;
        // Neither another message nor a new subscription brings them back.
        subscriber.subscribe("still", 2).await;
        publisher.publish("still", "3", 1).await;
        expect_message(&mut subscriber, "still", "3", 1).await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.acknowledge(&first).await;
        subscriber.acknowledge(&second).await;
        subscriber.expect_nothing().await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_clean_session_gets_nothing_again() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("forgotten", 2).await;
        for qos in [1, 2] {
            publisher.publish("forgotten", "x", qos).await;
            subscriber.expect_publish().await;
        }
        subscriber.break_off().await;
        let mut subscriber = client(&host, version, "subscriber").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
        // Nor does the session after it.
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_take_over_brings_what_is_not_acknowledged_to_the_new_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut old = lasting_client(&host, version, "subscriber").await;
        old.subscribe("over", 2).await;
        publisher.publish("over", "1", 1).await;
        publisher.publish("over", "2", 2).await;
        let first = old.expect_publish().await;
        let second = old.expect_publish().await;
        let mut new = lasting_client(&host, version, "subscriber").await;
        for first in [first, second] {
            let again = new.receive().await;
            assert_eq!(again, Publish { dup: true, ..first });
        }
        expect_no_message(&mut publisher, &mut new, 2).await;
        new.disconnect().await;
    }
}

#[tokio::test]
async fn a_message_that_the_client_refuses_does_not_come_again() {
    let host = TestHost::start().await;
    let version = Version::V5;
    let mut publisher = client(&host, version, "publisher").await;
    let mut subscriber = lasting_client(&host, version, "subscriber").await;
    subscriber.subscribe("refused", 2).await;
    for reason in [0x80, 0x83, 0x87, 0x97, 0x99] {
        for (qos, kind) in [(1, Puback), (2, Pubrec)] {
            publisher.publish("refused", "x", qos).await;
            let message = subscriber.expect_publish().await;
            let packet_id = message.packet_id.expect("an id");
            subscriber
                .send(kind.bytes_with(packet_id, reason, &[]))
                .await;
            // No release follows.
            subscriber.expect_nothing().await;
        }
    }
    subscriber.break_off().await;
    let mut subscriber = lasting_client(&host, version, "subscriber").await;
    expect_no_message(&mut publisher, &mut subscriber, 2).await;
}

#[tokio::test]
async fn what_comes_again_keeps_to_the_receive_maximum_of_the_new_connection() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let mut subscriber = lasting_client(&host, Version::V5, "subscriber").await;
    subscriber.subscribe("fewer", 1).await;
    let mut open = Vec::new();
    for number in 0..6 {
        publisher.publish("fewer", number.to_string(), 1).await;
        open.push(subscriber.expect_publish().await);
    }
    subscriber.break_off().await;
    let narrow =
        lasting(Version::V5, "subscriber").with(property::two_bytes(id::RECEIVE_MAXIMUM, 2));
    let mut subscriber = Client::connect(host.mqtt_address(), &narrow).await;
    let mut unacknowledged = Vec::new();
    for first in open {
        if unacknowledged.len() == 2 {
            subscriber.expect_nothing().await;
            let oldest = unacknowledged.remove(0);
            subscriber.acknowledge(&oldest).await;
        }
        let again = subscriber.expect_publish().await;
        assert_eq!(again, Publish { dup: true, ..first });
        unacknowledged.push(again);
    }
}

#[tokio::test]
async fn a_session_may_go_on_in_the_other_version() {
    let host = TestHost::start().await;
    for (before, after) in [(Version::V311, Version::V5), (Version::V5, Version::V311)] {
        let mut publisher = client(&host, before, "publisher").await;
        let mut subscriber = lasting_client(&host, before, "subscriber").await;
        subscriber.subscribe("other", 2).await;
        publisher.publish("other", "1", 1).await;
        publisher.publish("other", "2", 2).await;
        let first = subscriber.expect_publish().await;
        let second = subscriber.expect_publish().await;
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, after, "subscriber").await;
        for first in [first, second] {
            let again = subscriber.receive().await;
            assert_eq!(again, Publish { dup: true, ..first });
        }
        client(&host, after, "subscriber").await.disconnect().await;
    }
}
