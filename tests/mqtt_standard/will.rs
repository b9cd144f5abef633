//! Wills (sections 3.1.2.5 to 3.1.2.7, 3.1.3.2 to 3.1.3.4, 3.14.4): when they are published, when not, and as what.

use std::time::{Duration, Instant};

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, Property, id};
use tidegate_tests::raw_mqtt::{Client, Connect, Version, Will, disconnect, packet};

use super::clients::{client, expect_message, expect_no_message, lasting, one_and_a_half_seconds};

/// Longer than any test.
const LONG_SECONDS: u32 = 3600;

fn expiry(seconds: u32) -> Property {
    property::four_bytes(id::SESSION_EXPIRY, seconds)
}

fn delay(seconds: u32) -> Property {
    property::four_bytes(id::WILL_DELAY, seconds)
}

/// Somebody who subscribes to all wills of a test.
async fn witness(host: &TestHost, version: Version) -> Client {
    let mut witness = client(host, version, "witness").await;
    assert_eq!(witness.subscribe("wills/#", 2).await, 2);
    witness
}

async fn connect(host: &TestHost, connect: &Connect) -> Client {
    Client::connect(host.mqtt_address(), connect).await
}

#[tokio::test]
async fn a_will_is_published_when_the_connection_breaks() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = witness(&host, version).await;
        for qos in 0..=2 {
            let will = Will::new("wills/broken", "gone").qos(qos);
            let dying = connect(&host, &Connect::new(version, "dying").will(will)).await;
            // No sooner than that.
            expect_no_message(
                &mut client(&host, version, "publisher").await,
                &mut witness,
                1,
            )
            .await;
            dying.break_off().await;
            let message = expect_message(&mut witness, "wills/broken", "gone", qos).await;
            assert_eq!((message.retain, message.dup), (false, false));
        }
        witness.disconnect().await;
    }
}

#[tokio::test]
async fn a_will_is_published_when_the_connection_is_reset() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let will = Will::new("wills/reset", "gone").qos(1);
    let dying = connect(&host, &Connect::v5("dying").will(will)).await;
    drop(dying);
    expect_message(&mut witness, "wills/reset", "gone", 1).await;
}

#[tokio::test]
async fn a_will_is_published_when_the_client_breaks_the_rules() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = witness(&host, version).await;
        let will = Will::new("wills/rules", "gone").qos(1);
        let connect = Connect::new(version, "dying").will(will);
        for wrong in [
            packet(0x00, []),
            connect.bytes(),
            packet(0x36, b"\0\x01t\0\x01\0x"),
        ] {
            let mut dying = self::connect(&host, &connect).await;
            dying.send(wrong).await;
            expect_message(&mut witness, "wills/rules", "gone", 1).await;
        }
        witness.disconnect().await;
    }
}

#[tokio::test]
async fn a_will_is_published_when_the_client_says_nothing_for_too_long() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = witness(&host, version).await;
        let will = Will::new("wills/silent", "gone").qos(1);
        let silent = Connect::new(version, "dying").will(will).keep_alive(1);
        let begin = Instant::now();
        let _silent = connect(&host, &silent).await;
        expect_message(&mut witness, "wills/silent", "gone", 1).await;
        assert!(
            begin.elapsed() >= Duration::from_millis(1500),
            "{:?}",
            begin.elapsed()
        );
        witness.disconnect().await;
    }
}

#[tokio::test]
async fn a_will_is_published_when_another_connection_takes_over() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = witness(&host, version).await;
        let will = Will::new("wills/over", "taken").qos(1);
        let mut old = connect(&host, &lasting(version, "dying").will(will)).await;
        let new = connect(&host, &lasting(version, "dying")).await;
        old.expect_cast_out(0x8e).await;
        expect_message(&mut witness, "wills/over", "taken", 1).await;
        // The new connection has no will.
        new.break_off().await;
        let mut publisher = client(&host, version, "publisher").await;
        expect_no_message(&mut publisher, &mut witness, 1).await;
        witness.disconnect().await;
        connect(&host, &Connect::new(version, "dying"))
            .await
            .disconnect()
            .await;
    }
}

#[tokio::test]
async fn a_will_is_not_published_after_disconnect() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = witness(&host, version).await;
        let mut publisher = client(&host, version, "publisher").await;
        let will = Will::new("wills/left", "gone").qos(1);
        let connect = lasting(version, "leaving").will(will);
        self::connect(&host, &connect).await.disconnect().await;
        expect_no_message(&mut publisher, &mut witness, 1).await;
        // It is gone for good: a later connection of the session has none.
        self::connect(&host, &lasting(version, "leaving"))
            .await
            .break_off()
            .await;
        expect_no_message(&mut publisher, &mut witness, 1).await;
        // The same will, given again, is another one.
        self::connect(&host, &connect).await.break_off().await;
        expect_message(&mut witness, "wills/left", "gone", 1).await;
        // And was published once.
        self::connect(&host, &lasting(version, "leaving"))
            .await
            .break_off()
            .await;
        expect_no_message(&mut publisher, &mut witness, 1).await;
        witness.disconnect().await;
        self::connect(&host, &Connect::new(version, "leaving"))
            .await
            .disconnect()
            .await;
    }
}

#[tokio::test]
async fn a_client_may_leave_and_have_its_will_published() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    // 0x04 asks for it; so does each other reason but 0.
    for reason in [0x04, 0x80, 0x82, 0x97] {
        let will = Will::new("wills/wanted", "gone").qos(2);
        let mut leaving = connect(&host, &Connect::v5("leaving").will(will)).await;
        leaving.send(disconnect(Version::V5, reason, &[])).await;
        leaving.expect_closed().await;
        expect_message(&mut witness, "wills/wanted", "gone", 2).await;
    }
}

#[tokio::test]
async fn a_will_is_retained_if_it_asks_for_it() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for (topic, is_retained) in [("wills/kept", true), ("wills/not kept", false)] {
            let mut witness = witness(&host, version).await;
            let will = Will {
                retain: is_retained,
                ..Will::new(topic, "gone").qos(1)
            };
            connect(&host, &Connect::new(version, "dying").will(will))
                .await
                .break_off()
                .await;
            // To those who had subscribed before it is a message like others.
            let message = expect_message(&mut witness, topic, "gone", 1).await;
            assert!(!message.retain);
            witness.disconnect().await;
            let mut late = client(&host, version, "late").await;
            assert_eq!(late.subscribe(topic, 1).await, 1);
            if is_retained {
                let message = expect_message(&mut late, topic, "gone", 1).await;
                assert!(message.retain);
            }
            late.expect_nothing().await;
            // An empty will clears it.
            let empty = Will::new(topic, "").retained();
            connect(&host, &Connect::new(version, "dying").will(empty))
                .await
                .break_off()
                .await;
            expect_message(&mut late, topic, "", 0).await;
            late.disconnect().await;
        }
    }
}

#[tokio::test]
async fn a_will_is_passed_on_with_its_properties() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let properties = [
        property::byte(id::PAYLOAD_FORMAT, 1),
        property::text(id::CONTENT_TYPE, "text/plain"),
        property::text(id::RESPONSE_TOPIC, "answers/here"),
        property::binary(id::CORRELATION_DATA, b"\0\x01\xff"),
    ];
    let pairs = [("b", "1"), ("a", "2"), ("b", "1"), ("", ""), ("b", "0")];
    let mut will = Will::new("wills/properties", "gone").qos(1);
    will.properties.0 = properties.to_vec();
    for (name, value) in pairs {
        will = will.with(property::user(name, value));
    }
    will = will
        .with(property::four_bytes(id::MESSAGE_EXPIRY, 100))
        .with(delay(0));
    connect(&host, &Connect::v5("dying").will(will))
        .await
        .break_off()
        .await;
    let message = expect_message(&mut witness, "wills/properties", "gone", 1).await;
    assert_eq!(message.properties.user(), pairs);
    for (id, value) in &properties {
        assert_eq!(message.properties.value(*id), Some(value));
    }
    let seconds = message.properties.number(id::MESSAGE_EXPIRY);
    assert!(
        seconds.is_some_and(|seconds| (98..=100).contains(&seconds)),
        "{message:?}"
    );
    assert_eq!(message.properties.value(id::WILL_DELAY), None);
}

#[tokio::test]
async fn a_will_may_be_empty_or_64_kib_of_any_bytes() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut witness = witness(&host, version).await;
        let long: Vec<u8> = (0..=255).cycle().take(65_535).collect();
        for payload in [Vec::new(), long] {
            let mut will = Will::new("wills/any", "").qos(1);
            will.payload = payload.clone();
            connect(&host, &Connect::new(version, "dying").will(will))
                .await
                .break_off()
                .await;
            let message = witness.receive().await;
            assert!(
                message.payload == payload,
                "{} bytes",
                message.payload.len()
            );
        }
        witness.disconnect().await;
    }
}

#[tokio::test]
async fn a_will_waits_for_its_delay() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let will = Will::new("wills/delayed", "gone").qos(1).with(delay(2));
    let connect = Connect::v5("dying").with(expiry(LONG_SECONDS)).will(will);
    let dying = self::connect(&host, &connect).await;
    let begin = Instant::now();
    dying.break_off().await;
    expect_no_message(&mut publisher, &mut witness, 1).await;
    expect_message(&mut witness, "wills/delayed", "gone", 1).await;
    assert!(
        begin.elapsed() >= Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn coming_back_too_late_cancels_nothing() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let will = Will::new("wills/late", "gone").qos(1).with(delay(1));
    let connect = lasting(Version::V5, "late").will(will);
    // At times that are no whole seconds apart.
    for _ in 0..3 {
        self::connect(&host, &connect).await.break_off().await;
        one_and_a_half_seconds(&host).await;
        self::connect(&host, &connect).await.disconnect().await;
        expect_message(&mut witness, "wills/late", "gone", 1).await;
    }
}

#[tokio::test]
async fn coming_back_in_time_cancels_a_will() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let connect = |client_id, topic, seconds| {
        let will = Will::new(topic, "gone").qos(1).with(delay(seconds));
        lasting(Version::V5, client_id).will(will)
    };
    let first = connect("returning", "wills/cancelled", 2);
    self::connect(&host, &first).await.break_off().await;
    // It comes back, with a will and without, and leaves as it should.
    self::connect(&host, &first).await.disconnect().await;
    // So does one whose connection is taken over, for the session goes on.
    let taken = connect("taken", "wills/taken", 2);
    let mut old = self::connect(&host, &taken).await;
    let _new = self::connect(&host, &lasting(Version::V5, "taken")).await;
    old.expect_disconnect(0x8e).await;
    // The will of another client is due later than theirs would have been.
    self::connect(&host, &connect("clock", "wills/clock", 3))
        .await
        .break_off()
        .await;
    expect_message(&mut witness, "wills/clock", "gone", 1).await;
    expect_no_message(&mut publisher, &mut witness, 1).await;
}

#[tokio::test]
async fn a_will_that_was_cancelled_does_not_come_when_its_session_ends() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let will = Will::new("wills/cancelled", "gone").qos(1);
    let connect = lasting(Version::V5, "returning").will(will.with(delay(LONG_SECONDS)));
    self::connect(&host, &connect).await.break_off().await;
    let mut returned = self::connect(&host, &lasting(Version::V5, "returning")).await;
    returned
        .send(disconnect(Version::V5, 0x04, &[expiry(0)]))
        .await;
    returned.expect_closed().await;
    expect_no_message(&mut publisher, &mut witness, 1).await;
}

#[tokio::test]
async fn a_will_is_published_when_its_session_ends_before_its_delay() {
    let host = TestHost::start().await;
    let mut witness = witness(&host, Version::V5).await;
    let will = Will::new("wills/ended", "gone")
        .qos(1)
        .with(delay(LONG_SECONDS));
    // The session ends at once, as it has no expiry.
    let connect = Connect::v5("dying").will(will);
    self::connect(&host, &connect).await.break_off().await;
    expect_message(&mut witness, "wills/ended", "gone", 1).await;
    // After a second.
    let begin = Instant::now();
    self::connect(&host, &connect.clone().with(expiry(1)))
        .await
        .break_off()
        .await;
    expect_message(&mut witness, "wills/ended", "gone", 1).await;
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    // With a clean start, of a client that is away and of one that is there.
    let lasting = connect.with(expiry(LONG_SECONDS));
    self::connect(&host, &lasting).await.break_off().await;
    let clean = Connect::v5("dying");
    self::connect(&host, &clean).await.disconnect().await;
    expect_message(&mut witness, "wills/ended", "gone", 1).await;
    let mut old = self::connect(&host, &lasting).await;
    self::connect(&host, &clean).await.disconnect().await;
    old.expect_disconnect(0x8e).await;
    expect_message(&mut witness, "wills/ended", "gone", 1).await;
    // When it is given up on leaving.
    let mut leaving = self::connect(&host, &lasting).await;
    leaving
        .send(disconnect(Version::V5, 0x04, &[expiry(0)]))
        .await;
    leaving.expect_closed().await;
    expect_message(&mut witness, "wills/ended", "gone", 1).await;
}

#[tokio::test]
async fn a_will_topic_that_is_no_topic_is_refused() {
    use super::refusal::expect_not_connected;
    let host = TestHost::start().await;
    for version in Version::ALL {
        for topic in ["", "wills/#", "+/wills"] {
            let connect = Connect::new(version, "offender").will(Will::new(topic, "x"));
            let what = format!("the will topic {topic:?}");
            let reasons = [0x81, 0x82, 0x90];
            expect_not_connected(&host, version, &connect.bytes(), &reasons, &what).await;
        }
    }
}

#[tokio::test]
async fn a_will_is_published_once_however_often_the_host_starts() {
    let mut host = TestHost::start().await;
    let will = Will::new("wills/once", "gone").qos(2);
    let dying = connect(&host, &lasting(Version::V5, "dying").will(will)).await;
    let mut witness = Client::connect(host.mqtt_address(), &lasting(Version::V5, "witness")).await;
    assert_eq!(witness.subscribe("wills/#", 2).await, 2);
    for start in 0..3 {
        if start == 0 {
            // Nobody has said goodbye.
            host.kill9();
        }
        host.restart().await;
        let resumed = lasting(Version::V5, "witness");
        witness = Client::connect(host.mqtt_address(), &resumed).await;
        if start == 0 {
            expect_message(&mut witness, "wills/once", "gone", 2).await;
            // The host has had all acknowledgements before it goes.
            witness.ping().await;
        }
    }
    expect_no_message(
        &mut client(&host, Version::V5, "publisher").await,
        &mut witness,
        2,
    )
    .await;
    drop(dying);
}
