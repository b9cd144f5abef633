//! Flow control (section 4.9) in both directions, and what goes on beside a window that is full.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Connect, Publish, Unsubscribe, Version};

use super::clients::{client, expect_cast_out, expect_message, expect_no_message, lasting};

use Acknowledgement::{Puback, Pubcomp, Pubrec, Pubrel};

const V5: Version = Version::V5;

/// A subscriber that takes this many messages at once.
async fn narrow(host: &TestHost, client_id: &str, receive_maximum: u16) -> Client {
    let connect = Connect::v5(client_id);
    let connect = connect.with(property::two_bytes(id::RECEIVE_MAXIMUM, receive_maximum));
    Client::connect(host.mqtt_address(), &connect).await
}

/// A publisher, and how many messages the broker takes from it at once.
async fn publisher(host: &TestHost) -> (Client, u16) {
    let connect = Connect::v5("publisher");
    let (client, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    let maximum = connack.properties.number(id::RECEIVE_MAXIMUM);
    let maximum = u16::try_from(maximum.unwrap_or(u32::from(u16::MAX))).expect("two bytes");
    (client, maximum)
}

#[tokio::test]
async fn no_more_messages_are_sent_than_the_client_takes_at_once() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    for maximum in [1, 2, 7] {
        for qos in [1, 2] {
            let mut subscriber = narrow(&host, "subscriber", maximum).await;
            subscriber.subscribe("window", qos).await;
            for number in 0..20 {
                publisher.publish("window", number.to_string(), qos).await;
            }
            let mut open = Vec::new();
            for number in 0..20 {
                if open.len() == usize::from(maximum) {
                    subscriber.expect_nothing().await;
                    let oldest = open.remove(0);
                    subscriber.acknowledge(&oldest).await;
                }
                let message = subscriber.expect_publish().await;
                assert_eq!((message.text(), message.qos), (number.to_string(), qos));
                open.push(message);
            }
            subscriber.disconnect().await;
        }
    }
}

#[tokio::test]
async fn each_end_of_a_delivery_makes_room_for_one_more() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = narrow(&host, "subscriber", 1).await;
    subscriber.subscribe("room", 2).await;
    for (payload, qos) in [("1", 2), ("2", 1), ("3", 2), ("4", 1), ("5", 1)] {
        publisher.publish("room", payload, qos).await;
    }
    let first = subscriber.expect_publish().await.packet_id.expect("an id");
    // PUBREC is no end.
    subscriber.send(Pubrec.bytes(first)).await;
    subscriber.expect_ack(Pubrel, first).await;
    subscriber.expect_nothing().await;
    subscriber.send(Pubcomp.bytes(first)).await;
    let second = subscriber.expect_publish().await;
    assert_eq!(second.text(), "2");
    // Refusals are ends, and a second end of the same delivery is none.
    let second = second.packet_id.expect("an id");
    subscriber.send(Puback.bytes_with(second, 0x80, &[])).await;
    let third = subscriber.expect_publish().await;
    assert_eq!(third.text(), "3");
    subscriber.send(Puback.bytes_with(second, 0x80, &[])).await;
    subscriber.expect_nothing().await;
    let third = third.packet_id.expect("an id");
    subscriber.send(Pubrec.bytes_with(third, 0x97, &[])).await;
    expect_message(&mut subscriber, "room", "4", 1).await;
    expect_message(&mut subscriber, "room", "5", 1).await;
}

#[tokio::test]
async fn a_full_window_holds_up_nothing_but_messages() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = narrow(&host, "subscriber", 1).await;
    subscriber.subscribe("full", 1).await;
    publisher.publish("full", "1", 1).await;
    publisher.publish("full", "2", 1).await;
    let first = subscriber.expect_publish().await;
    subscriber.expect_nothing().await;
    assert_eq!(subscriber.subscribe("other", 2).await, 2);
    let unsuback = subscriber
        .unsubscribe_with(&Unsubscribe::new(20, "other"))
        .await;
    assert_eq!(unsuback.reasons, [0]);
    for qos in 0..=2 {
        subscriber.publish("elsewhere", "x", qos).await;
    }
    subscriber.expect_nothing().await;
    subscriber.acknowledge(&first).await;
    expect_message(&mut subscriber, "full", "2", 1).await;
}

#[tokio::test]
async fn a_full_window_does_not_hold_up_qos_0_for_ever() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = narrow(&host, "subscriber", 1).await;
    subscriber.subscribe("mixed", 1).await;
    publisher.publish("mixed", "1", 1).await;
    let first = subscriber.expect_publish().await;
    publisher.publish("mixed", "2", 1).await;
    publisher.publish("mixed", "between", 0).await;
    expect_message(&mut subscriber, "mixed", "between", 0).await;
    subscriber.acknowledge(&first).await;
    expect_message(&mut subscriber, "mixed", "2", 1).await;
}

#[tokio::test]
async fn retained_messages_keep_to_the_window_too() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    for number in 0..10 {
        let kept = Publish::new(&format!("kept/{number}"), "x").retained();
        publisher.publish_with(kept.qos(1, 0)).await;
    }
    let mut subscriber = narrow(&host, "subscriber", 3).await;
    subscriber.subscribe("kept/+", 1).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(subscriber.expect_publish().await);
    }
    for _ in 0..7 {
        subscriber.expect_nothing().await;
        let oldest = open.remove(0);
        subscriber.acknowledge(&oldest).await;
        open.push(subscriber.expect_publish().await);
    }
}

#[tokio::test]
async fn a_client_of_3_1_1_gets_more_than_any_window_holds() {
    const MESSAGES: usize = 1000;
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    let mut subscriber = client(&host, Version::V311, "subscriber").await;
    subscriber.subscribe("many", 2).await;
    for number in 0..MESSAGES {
        let qos = if number % 2 == 0 { 1 } else { 2 };
        publisher.publish("many", number.to_string(), qos).await;
    }
    let (mut even, mut odd) = (0, 1);
    for _ in 0..MESSAGES {
        let message = subscriber.receive().await;
        let next = if message.qos == 1 {
            &mut even
        } else {
            &mut odd
        };
        assert_eq!(message.text(), next.to_string());
        *next += 2;
    }
    expect_no_message(&mut publisher, &mut subscriber, 1).await;
}

#[tokio::test]
async fn as_many_messages_as_the_server_takes_may_be_open_and_no_more() {
    let host = TestHost::start().await;
    let (mut publisher, maximum) = publisher(&host).await;
    let publish = |packet_id| Publish::new("open", "x").qos(2, packet_id).bytes(V5);
    for packet_id in 1..=maximum {
        publisher.send(publish(packet_id)).await;
        publisher.expect_ack(Pubrec, packet_id).await;
    }
    // One is done, one more is welcome; QoS 0 is, in any case.
    publisher.send(Pubrel.bytes(7)).await;
    publisher.expect_ack(Pubcomp, 7).await;
    publisher.send(publish(maximum + 1)).await;
    publisher.expect_ack(Pubrec, maximum + 1).await;
    publisher.send(Publish::new("open", "x").bytes(V5)).await;
    publisher.expect_nothing().await;

    publisher.send(publish(maximum + 2)).await;
    expect_cast_out(&mut publisher, &[0x93], "one too many").await;
}

#[tokio::test]
async fn a_message_that_is_sent_again_counts_once() {
    let host = TestHost::start().await;
    let connect = lasting(V5, "publisher");
    let mut publisher = Client::connect(host.mqtt_address(), &connect).await;
    let open = Publish::new("again", "x").qos(2, 1);
    publisher.send(open.bytes(V5)).await;
    publisher.expect_ack(Pubrec, 1).await;
    // More often than any window has places.
    for _ in 0..1000 {
        publisher.send(open.clone().dup().bytes(V5)).await;
        publisher.expect_ack(Pubrec, 1).await;
    }
    publisher.break_off().await;
    let mut publisher = Client::connect(host.mqtt_address(), &connect).await;
    publisher.send(open.dup().bytes(V5)).await;
    publisher.expect_ack(Pubrec, 1).await;
    publisher.send(Pubrel.bytes(1)).await;
    publisher.expect_ack(Pubcomp, 1).await;
}

#[tokio::test]
async fn what_is_open_from_before_may_be_sent_again_on_a_new_connection() {
    let host = TestHost::start().await;
    let connect = lasting(V5, "publisher");
    let address = host.mqtt_address();
    let (mut publisher, connack) = Client::connect_with_connack(address, &connect).await;
    let maximum = connack.properties.number(id::RECEIVE_MAXIMUM);
    let maximum = u16::try_from(maximum.unwrap_or(u32::from(u16::MAX))).expect("two bytes");
    for packet_id in 1..=maximum {
        let publish = Publish::new("before", "x").qos(2, packet_id);
        publisher.send(publish.bytes(V5)).await;
        publisher.expect_ack(Pubrec, packet_id).await;
    }
    publisher.break_off().await;
    let mut publisher = Client::connect(address, &connect).await;
    for packet_id in 1..=maximum {
        let publish = Publish::new("before", "x").qos(2, packet_id).dup();
        publisher.send(publish.bytes(V5)).await;
        publisher.expect_ack(Pubrec, packet_id).await;
    }
    for packet_id in 1..=maximum {
        publisher.send(Pubrel.bytes(packet_id)).await;
        publisher.expect_ack(Pubcomp, packet_id).await;
    }
    publisher.publish("before", "after", 2).await;
}

#[tokio::test]
async fn messages_that_are_refused_do_not_count_as_open() {
    let host = TestHost::start().await;
    let (mut publisher, maximum) = publisher(&host).await;
    for _ in 0..2 {
        for packet_id in 1..=maximum {
            let refused = Publish::new("$SYS/own", "x").qos(2, packet_id);
            publisher.send(refused.bytes(V5)).await;
            let ack = publisher.expect_ack(Pubrec, packet_id).await;
            assert!(ack.reason >= 0x80);
        }
    }
    publisher.expect_nothing().await;
}

#[tokio::test]
async fn a_client_of_3_1_1_has_no_window_to_keep_to() {
    const MESSAGES: u16 = 600;
    let host = TestHost::start().await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    subscriber.subscribe("no-window", 2).await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    for packet_id in 1..=MESSAGES {
        let publish = Publish::new("no-window", packet_id.to_string()).qos(2, packet_id);
        publisher.send(publish.bytes(Version::V311)).await;
        publisher.expect_ack(Pubrec, packet_id).await;
    }
    for packet_id in 1..=MESSAGES {
        publisher.send(Pubrel.bytes(packet_id)).await;
        publisher.expect_ack(Pubcomp, packet_id).await;
    }
    for packet_id in 1..=MESSAGES {
        expect_message(&mut subscriber, "no-window", &packet_id.to_string(), 2).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody() {
    // More than the sockets of both sides hold.
    const MESSAGES: u16 = 3000;
    const BYTES: usize = 16 * 1024;
    const BATCH: u16 = 50;
    let host = TestHost::start().await;
    for qos in [0, 1] {
        let mut stuck = client(&host, Version::V311, "stuck").await;
        stuck.subscribe("heavy", qos).await;
        let mut reader = client(&host, Version::V311, "reader").await;
        reader.subscribe("heavy", 1).await;
        let mut publisher = client(&host, Version::V311, "publisher").await;
        for first in (1..=MESSAGES).step_by(BATCH.into()) {
            let ids = first..first + BATCH;
            for packet_id in ids.clone() {
                let publish = Publish::new("heavy", vec![b'x'; BYTES]).qos(1, packet_id);
                publisher.send(publish.bytes(Version::V311)).await;
            }
            for _ in ids.clone() {
                assert_eq!(reader.receive().await.payload.len(), BYTES);
            }
            for packet_id in ids {
                publisher.expect_ack(Puback, packet_id).await;
            }
        }
        // Where it reads again, it gets what was kept for it.
        assert_eq!(stuck.receive().await.payload.len(), BYTES);
    }
}

#[tokio::test]
async fn what_waits_for_a_client_that_is_away_is_bounded_and_holds_up_nobody() {
    // Of `host/broker/src/limits.rs`.
    const SESSION_QUEUE_MAX: usize = 10_000;
    const BATCH: u16 = 100;
    let host = TestHost::start().await;
    let mut away = Client::connect(host.mqtt_address(), &lasting(V5, "away")).await;
    away.subscribe("queue", 1).await;
    away.break_off().await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    for first in (0..SESSION_QUEUE_MAX + 500).step_by(BATCH.into()) {
        let mut packets = Vec::new();
        for packet_id in 1..=BATCH {
            let number = first + usize::from(packet_id) - 1;
            let publish = Publish::new("queue", number.to_string()).qos(1, packet_id);
            packets.extend(publish.bytes(Version::V311));
        }
        publisher.send(packets).await;
        for packet_id in 1..=BATCH {
            publisher.expect_ack(Puback, packet_id).await;
        }
    }
    let mut away = Client::connect(host.mqtt_address(), &lasting(V5, "away")).await;
    for number in 0..SESSION_QUEUE_MAX {
        expect_message(&mut away, "queue", &number.to_string(), 1).await;
    }
    expect_no_message(&mut publisher, &mut away, 1).await;
}
