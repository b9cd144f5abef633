//! Sessions (sections 3.1.2.4, 3.1.2.11.2, 3.2.2.1.1 and 4.1): what is kept, how long, and what the client is told.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, Property, id};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Connect, Publish, ServerPacket, Version, Will, disconnect,
};

use super::clients::{
    client, expect_message, expect_no_message, lasting, lasting_client, one_and_a_half_seconds,
};

use Acknowledgement::{Pubcomp, Pubrec, Pubrel};

/// Longer than any test.
const LONG_SECONDS: u32 = 3600;

fn expiry(seconds: u32) -> Property {
    property::four_bytes(id::SESSION_EXPIRY, seconds)
}

/// Connects without clean start, for a session that is not to outlive this connection; tells whether there was one.
async fn has_session(host: &TestHost, version: Version, client_id: &str) -> bool {
    let connect = Connect::new(version, client_id).resume();
    let (client, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    client.disconnect().await;
    if version == Version::V311 {
        let end = Client::connect(host.mqtt_address(), &Connect::v311(client_id)).await;
        end.disconnect().await;
    }
    connack.session_present
}

#[tokio::test]
async fn a_session_goes_on_where_it_was() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let (mut subscriber, connack) =
            Client::connect_with_connack(host.mqtt_address(), &lasting(version, "kept")).await;
        assert!(!connack.session_present, "there was none: {connack:?}");
        assert_eq!(subscriber.subscribe("kept/1", 1).await, 1);
        assert_eq!(subscriber.subscribe("kept/2", 2).await, 2);
        subscriber.disconnect().await;
        publisher.publish("kept/1", "one", 1).await;
        publisher.publish("kept/2", "two", 2).await;
        let (mut subscriber, connack) =
            Client::connect_with_connack(host.mqtt_address(), &lasting(version, "kept")).await;
        assert!(connack.session_present, "{connack:?}");
        expect_message(&mut subscriber, "kept/1", "one", 1).await;
        expect_message(&mut subscriber, "kept/2", "two", 2).await;
        // The subscriptions stand, and what was acknowledged does not come again.
        publisher.publish("kept/1", "three", 1).await;
        expect_message(&mut subscriber, "kept/1", "three", 1).await;
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, version, "kept").await;
        expect_no_message(&mut publisher, &mut subscriber, 1).await;
        subscriber.disconnect().await;
        assert!(has_session(&host, version, "kept").await);
    }
}

#[tokio::test]
async fn without_a_session_one_is_begun() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for connect in [Connect::new(version, "fresh"), lasting(version, "fresh")] {
            let (mut client, connack) =
                Client::connect_with_connack(host.mqtt_address(), &connect).await;
            assert_eq!((connack.reason, connack.session_present), (0, false));
            assert_eq!(client.subscribe("fresh", 1).await, 1);
            client.publish("fresh", "x", 1).await;
            expect_message(&mut client, "fresh", "x", 1).await;
            client.disconnect().await;
        }
        has_session(&host, version, "fresh").await;
    }
}

#[tokio::test]
async fn clean_start_discards_the_session() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "cleaned").await;
        assert_eq!(subscriber.subscribe("cleaned", 2).await, 2);
        // One message in flight, one that waits, and one whose second half is missing.
        publisher.publish("cleaned", "in flight", 1).await;
        subscriber.expect_publish().await;
        let half = Publish::new("cleaned/half", "x").qos(2, 7);
        subscriber.send(half.bytes(version)).await;
        subscriber.ping().await;
        subscriber.break_off().await;
        publisher.publish("cleaned", "waits", 2).await;

        let clean = Connect::new(version, "cleaned");
        let (mut subscriber, connack) =
            Client::connect_with_connack(host.mqtt_address(), &clean).await;
        assert_eq!((connack.reason, connack.session_present), (0, false));
        publisher.publish("cleaned", "new", 1).await;
        expect_no_message(&mut publisher, &mut subscriber, 1).await;
        subscriber.disconnect().await;
        // Nor is the new session there afterwards, or the old one.
        assert!(!has_session(&host, version, "cleaned").await);
    }
}

#[tokio::test]
async fn clean_start_can_begin_a_session_that_lasts() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let connect = Connect::v5("begun").with(expiry(LONG_SECONDS));
    let mut subscriber = Client::connect(host.mqtt_address(), &connect).await;
    subscriber.subscribe("begun", 1).await;
    subscriber.break_off().await;
    publisher.publish("begun", "x", 1).await;
    let (mut subscriber, connack) =
        Client::connect_with_connack(host.mqtt_address(), &lasting(Version::V5, "begun")).await;
    assert!(connack.session_present);
    expect_message(&mut subscriber, "begun", "x", 1).await;
}

#[tokio::test]
async fn a_session_without_expiry_ends_with_its_connection() {
    let host = TestHost::start().await;
    for connect in [
        Connect::v5("short"),
        Connect::v5("short").resume(),
        Connect::v5("short").with(expiry(0)),
        Connect::v5("short").resume().with(expiry(0)),
    ] {
        let mut client = Client::connect(host.mqtt_address(), &connect).await;
        client.subscribe("short", 1).await;
        client.break_off().await;
        assert!(
            !has_session(&host, Version::V5, "short").await,
            "{connect:?}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_when_its_expiry_interval_has_passed() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let mut witness = client(&host, Version::V5, "witness").await;
    witness.subscribe("expired", 1).await;
    // A will that waits longer than the session is published when the session ends.
    let will = Will::new("expired", "x")
        .qos(1)
        .with(property::four_bytes(id::WILL_DELAY, LONG_SECONDS));
    let connect = lasting(Version::V5, "expiring");
    let mut connect = connect.will(will);
    connect.properties.0 = vec![expiry(2)];
    let mut subscriber = Client::connect(address, &connect).await;
    subscriber.subscribe("expiring", 1).await;
    subscriber.break_off().await;
    // Within the interval it is there, and coming back winds it up again.
    let (subscriber, connack) = Client::connect_with_connack(address, &connect).await;
    assert!(connack.session_present, "{connack:?}");
    subscriber.break_off().await;
    witness.publish("expiring", "too late", 1).await;
    expect_message(&mut witness, "expired", "x", 1).await;
    let (mut subscriber, connack) = Client::connect_with_connack(address, &connect).await;
    assert!(!connack.session_present, "{connack:?}");
    expect_no_message(&mut witness, &mut subscriber, 1).await;
}

#[tokio::test]
async fn a_session_is_gone_the_moment_it_expires() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let connect = Connect::v5("punctual").resume().with(expiry(1));
    // More than once, at times that are no whole seconds apart: a broker may look for what has expired now and then, but
    // is not to be seen doing so.
    for round in 0..3 {
        let (subscriber, connack) = Client::connect_with_connack(address, &connect).await;
        assert!(!connack.session_present, "round {round}");
        subscriber.break_off().await;
        one_and_a_half_seconds(&host).await;
    }
}

#[tokio::test]
async fn a_session_that_never_expires_is_kept() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let connect = Connect::v5("for ever").with(expiry(u32::MAX));
    let (mut client, connack) = Client::connect_with_connack(address, &connect).await;
    // A server that keeps it for a shorter time says so.
    let granted = connack.properties.number(id::SESSION_EXPIRY);
    assert!(
        granted.is_none_or(|seconds| seconds > LONG_SECONDS),
        "{connack:?}"
    );
    client.subscribe("for ever", 1).await;
    client.break_off().await;
    assert!(has_session(&host, Version::V5, "for ever").await);
}

#[tokio::test]
async fn disconnect_may_change_the_expiry_interval() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let connect = Connect::v5("changed").with(expiry(LONG_SECONDS));
    // Unchanged; shorter, longer and for ever; none.
    let changes = [
        (vec![], true),
        (vec![expiry(LONG_SECONDS / 2)], true),
        (vec![expiry(LONG_SECONDS * 2)], true),
        (vec![expiry(u32::MAX)], true),
        (vec![expiry(0)], false),
    ];
    for (change, is_kept) in changes {
        let mut client = Client::connect(address, &connect).await;
        client.send(disconnect(Version::V5, 0, &change)).await;
        client.expect_closed().await;
        let has_session = has_session(&host, Version::V5, "changed").await;
        assert_eq!(has_session, is_kept, "{change:?}");
    }
    // And it counts from then on.
    let mut witness = self::client(&host, Version::V5, "witness").await;
    witness.subscribe("changed", 1).await;
    let will = Will::new("changed", "x").qos(1);
    let will = will.with(property::four_bytes(id::WILL_DELAY, LONG_SECONDS));
    let mut client = Client::connect(address, &connect.will(will)).await;
    client
        .send(disconnect(Version::V5, 0x04, &[expiry(1)]))
        .await;
    client.expect_closed().await;
    expect_message(&mut witness, "changed", "x", 1).await;
    assert!(!has_session(&host, Version::V5, "changed").await);
}

#[tokio::test]
async fn a_session_without_expiry_cannot_be_given_one_at_its_end() {
    let host = TestHost::start().await;
    for connect in [Connect::v5("late"), Connect::v5("late").with(expiry(0))] {
        let mut client = Client::connect(host.mqtt_address(), &connect).await;
        client
            .send(disconnect(Version::V5, 0, &[expiry(LONG_SECONDS)]))
            .await;
        client.expect_disconnect(0x82).await;
        assert!(!has_session(&host, Version::V5, "late").await);
        // It had none, and need not be given one.
        let mut client = Client::connect(host.mqtt_address(), &connect).await;
        client.send(disconnect(Version::V5, 0, &[expiry(0)])).await;
        client.expect_closed().await;
    }
}

#[tokio::test]
async fn a_session_is_there_as_long_as_its_connection() {
    let host = TestHost::start().await;
    let mut witness = client(&host, Version::V5, "witness").await;
    witness.subscribe("later", 1).await;
    let mut short = Vec::new();
    for (version, seconds) in [(Version::V311, 0), (Version::V5, 0), (Version::V5, 1)] {
        let mut connect = Connect::new(version, &format!("short {}", short.len()));
        if seconds > 0 {
            connect = connect.with(expiry(seconds));
        }
        let mut client = Client::connect(host.mqtt_address(), &connect).await;
        assert_eq!(client.subscribe("short", 1).await, 1);
        short.push(client);
    }
    // Two seconds later:
    let will = Will::new("later", "x")
        .qos(1)
        .with(property::four_bytes(id::WILL_DELAY, 2));
    let connect = Connect::v5("clock").with(expiry(LONG_SECONDS)).will(will);
    Client::connect(host.mqtt_address(), &connect)
        .await
        .break_off()
        .await;
    expect_message(&mut witness, "later", "x", 1).await;
    witness.publish("short", "x", 1).await;
    for client in &mut short {
        expect_message(client, "short", "x", 1).await;
    }
}

#[tokio::test]
async fn retained_messages_outlive_the_session_that_sent_them() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        publisher
            .publish_with(Publish {
                qos: 1,
                ..Publish::new("outlives", "x").retained()
            })
            .await;
        publisher.disconnect().await;
        assert!(!has_session(&host, version, "publisher").await);
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("outlives", 1).await;
        let message = expect_message(&mut subscriber, "outlives", "x", 1).await;
        assert!(message.retain);
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_session_keeps_what_the_client_has_not_acknowledged() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "unfinished").await;
        subscriber.subscribe("unfinished/#", 2).await;
        let mut messages = Vec::new();
        for (topic, qos) in [
            ("unfinished/1", 1),
            ("unfinished/2", 2),
            ("unfinished/3", 2),
        ] {
            publisher.publish(topic, "x", qos).await;
            messages.push(subscriber.expect_publish().await);
        }
        let released = messages[2].packet_id.expect("above QoS 0");
        subscriber.send(Pubrec.bytes(released)).await;
        subscriber.expect_ack(Pubrel, released).await;
        subscriber.break_off().await;

        // Two come again, and of the third one the release, wherever among them.
        let mut subscriber = lasting_client(&host, version, "unfinished").await;
        let mut again = Vec::new();
        let mut is_released = false;
        for _ in 0..3 {
            match subscriber.expect_packet().await {
                ServerPacket::Publish(publish) => again.push(publish),
                ServerPacket::Ack(ack) => {
                    assert_eq!((ack.kind, ack.packet_id), (Pubrel, released));
                    is_released = true;
                }
                other => panic!("{other:?}"),
            }
        }
        messages.truncate(2);
        messages.iter_mut().for_each(|message| message.dup = true);
        assert_eq!((again, is_released), (messages.clone(), true));
        subscriber.send(Pubcomp.bytes(released)).await;
        for message in &messages {
            subscriber.acknowledge(message).await;
        }
        subscriber.ping().await;
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, version, "unfinished").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        client(&host, version, "unfinished")
            .await
            .disconnect()
            .await;
    }
}

#[tokio::test]
async fn a_session_keeps_what_the_client_has_not_released() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = client(&host, version, "witness").await;
        witness.subscribe("half", 2).await;
        let mut publisher = lasting_client(&host, version, "unfinished").await;
        let half = Publish::new("half", "x").qos(2, 7);
        publisher.send(half.bytes(version)).await;
        publisher.expect_ack(Pubrec, 7).await;
        publisher.break_off().await;
        // The same identifier before its release is the same message.
        let mut publisher = lasting_client(&host, version, "unfinished").await;
        publisher.send(half.clone().dup().bytes(version)).await;
        publisher.expect_ack(Pubrec, 7).await;
        publisher.send(Pubrel.bytes(7)).await;
        publisher.expect_ack(Pubcomp, 7).await;
        expect_message(&mut witness, "half", "x", 2).await;
        expect_no_message(&mut publisher, &mut witness, 2).await;
        // After it, another one.
        publisher.send(half.bytes(version)).await;
        publisher.expect_ack(Pubrec, 7).await;
        publisher.send(Pubrel.bytes(7)).await;
        publisher.expect_ack(Pubcomp, 7).await;
        expect_message(&mut witness, "half", "x", 2).await;
        witness.disconnect().await;
        client(&host, version, "unfinished")
            .await
            .disconnect()
            .await;
    }
}
