//! The three levels of delivery (section 4.3), from clients and to them.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Publish, Version};

use super::clients::{client, expect_message, expect_no_message, lasting, lasting_client};

use Acknowledgement::{Puback, Pubcomp, Pubrec, Pubrel};

#[tokio::test]
async fn qos_0_is_sent_once_and_answered_by_nothing() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("once", 2).await;
        publisher
            .send(Publish::new("once", "1").bytes(version))
            .await;
        publisher.expect_nothing().await;
        let message = expect_message(&mut subscriber, "once", "1", 0).await;
        assert_eq!((message.dup, message.packet_id), (false, None));
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn qos_1_is_acknowledged_and_its_packet_identifier_is_free_again() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("freed", 1).await;
        // The very same packet, with DUP and without: each is a new message once the one before was acknowledged.
        for packet_id in [1, 0x8000, u16::MAX] {
            let publish = Publish::new("freed", "x").qos(1, packet_id);
            for publish in [publish.clone(), publish.clone().dup(), publish] {
                publisher.send(publish.bytes(version)).await;
                publisher.expect_ack(Puback, packet_id).await;
                expect_message(&mut subscriber, "freed", "x", 1).await;
            }
        }
        expect_no_message(&mut publisher, &mut subscriber, 1).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("exactly", 2).await;
        for round in ["first", "second"] {
            let publish = Publish::new("exactly", round).qos(2, 33);
            for publish in [
                publish.clone(),
                publish.clone().dup(),
                publish.clone().dup(),
                publish,
            ] {
                publisher.send(publish.bytes(version)).await;
                publisher.expect_ack(Pubrec, 33).await;
            }
            // Once it is complete, the packet identifier is free; a release again is answered again.
            publisher.send(Pubrel.bytes(33)).await;
            assert_eq!(publisher.expect_ack(Pubcomp, 33).await.reason, 0);
            publisher.send(Pubrel.bytes(33)).await;
            publisher.expect_ack(Pubcomp, 33).await;
            expect_message(&mut subscriber, "exactly", round, 2).await;
        }
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn qos_2_from_a_client_is_passed_on_once_across_its_connections() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("across", 2).await;
        let mut publisher = lasting_client(&host, version, "publisher").await;
        let publish = Publish::new("across", "x").qos(2, 44);
        publisher.send(publish.bytes(version)).await;
        publisher.expect_ack(Pubrec, 44).await;
        publisher.break_off().await;

        let mut publisher = lasting_client(&host, version, "publisher").await;
        publisher.send(publish.clone().dup().bytes(version)).await;
        publisher.expect_ack(Pubrec, 44).await;
        publisher.break_off().await;

        let mut publisher = lasting_client(&host, version, "publisher").await;
        publisher.send(Pubrel.bytes(44)).await;
        assert_eq!(publisher.expect_ack(Pubcomp, 44).await.reason, 0);
        expect_message(&mut subscriber, "across", "x", 2).await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        publisher.disconnect().await;

        // A session that is new knows nothing of it.
        let mut publisher = client(&host, version, "publisher").await;
        publisher.send(publish.bytes(version)).await;
        publisher.expect_ack(Pubrec, 44).await;
        publisher.send(Pubrel.bytes(44)).await;
        publisher.expect_ack(Pubcomp, 44).await;
        expect_message(&mut subscriber, "across", "x", 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_refused_qos_2_message_leaves_its_packet_identifier_free() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let mut subscriber = client(&host, Version::V5, "subscriber").await;
    subscriber.subscribe("welcome", 2).await;
    let refused = Publish::new("$SYS/own", "x").qos(2, 55);
    publisher.send(refused.bytes(Version::V5)).await;
    assert!(publisher.expect_ack(Pubrec, 55).await.reason >= 0x80);
    let welcome = Publish::new("welcome", "x").qos(2, 55);
    publisher.send(welcome.bytes(Version::V5)).await;
    assert_eq!(publisher.expect_ack(Pubrec, 55).await.reason, 0);
    publisher.send(Pubrel.bytes(55)).await;
    publisher.expect_ack(Pubcomp, 55).await;
    expect_message(&mut subscriber, "welcome", "x", 2).await;
}

#[tokio::test]
async fn qos_1_to_a_client_has_a_packet_identifier_of_its_own_until_it_is_acknowledged() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("apart/+", 2).await;
        let mut open = Vec::new();
        for number in 0..10 {
            let qos = 1 + number % 2;
            let topic = format!("apart/{number}");
            publisher.publish(&topic, "x", qos).await;
            let message = subscriber.expect_publish().await;
            assert_eq!((message.topic.as_str(), message.qos), (topic.as_str(), qos));
            assert!(!message.dup);
            open.push(message.packet_id);
        }
        open.sort_unstable();
        open.dedup();
        assert_eq!(open.len(), 10, "{open:?}");
        // None comes again by itself.
        subscriber.expect_nothing().await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn qos_2_to_a_client_takes_its_four_steps() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("steps", 2).await;
        publisher.publish("steps", "x", 2).await;
        let message = subscriber.expect_publish().await;
        assert!(!message.dup);
        let packet_id = message.packet_id.expect("an id");
        subscriber.expect_nothing().await;
        subscriber.send(Pubrec.bytes(packet_id)).await;
        assert_eq!(subscriber.expect_ack(Pubrel, packet_id).await.reason, 0);
        subscriber.expect_nothing().await;
        // It is told again where it asks again.
        subscriber.send(Pubrec.bytes(packet_id)).await;
        assert_eq!(subscriber.expect_ack(Pubrel, packet_id).await.reason, 0);
        subscriber.send(Pubcomp.bytes(packet_id)).await;
        subscriber.expect_nothing().await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn what_is_released_is_not_published_again() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("released", 2).await;
        publisher.publish("released", "x", 2).await;
        let message = subscriber.expect_publish().await;
        let packet_id = message.packet_id.expect("an id");
        subscriber.send(Pubrec.bytes(packet_id)).await;
        subscriber.expect_ack(Pubrel, packet_id).await;
        for _ in 0..2 {
            subscriber.break_off().await;
            subscriber = lasting_client(&host, version, "subscriber").await;
            subscriber.expect_ack(Pubrel, packet_id).await;
        }
        subscriber.send(Pubcomp.bytes(packet_id)).await;
        subscriber.ping().await;
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_packet_identifier_in_use_is_passed_over_when_all_have_been_used() {
    // All that there are, and some.
    const MESSAGES: u32 = 66_000;
    const BATCH: u16 = 100;
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    let connect =
        lasting(Version::V5, "subscriber").with(property::two_bytes(id::RECEIVE_MAXIMUM, 200));
    let mut subscriber = Client::connect(host.mqtt_address(), &connect).await;
    subscriber.subscribe("around", 1).await;
    publisher.publish("around", "held", 1).await;
    let held = subscriber.expect_publish().await.packet_id;
    let batch = (1..=BATCH).map(|packet_id| {
        let publish = Publish::new("around", "x").qos(1, packet_id);
        publish.bytes(Version::V311)
    });
    let batch = batch.collect::<Vec<_>>().concat();
    for _ in 0..MESSAGES / u32::from(BATCH) {
        publisher.send(&batch).await;
        let mut acknowledgements = Vec::new();
        for _ in 0..BATCH {
            let packet_id = subscriber.expect_publish().await.packet_id;
            assert_ne!(packet_id, held);
            acknowledgements.extend(Puback.bytes(packet_id.expect("an id")));
        }
        subscriber.send(acknowledgements).await;
        for packet_id in 1..=BATCH {
            publisher.expect_ack(Puback, packet_id).await;
        }
    }
    subscriber.break_off().await;
    let mut subscriber = Client::connect(host.mqtt_address(), &connect).await;
    let message = expect_message(&mut subscriber, "around", "held", 1).await;
    assert_eq!((message.packet_id, message.dup), (held, true));
}
