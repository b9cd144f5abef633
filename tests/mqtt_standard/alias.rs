//! Topic aliases (MQTT 5, section 3.3.2.3.4), from clients and to them.

use std::collections::HashMap;

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Connect, Publish, Version};

use super::clients::{FORBIDDEN, client, expect_cast_out, expect_message, expect_refused, lasting};

const V5: Version = Version::V5;

fn aliased(topic: &str, alias: u16, payload: &str) -> Publish {
    Publish::new(topic, payload).with(property::two_bytes(id::TOPIC_ALIAS, alias))
}

/// A publisher, and how many aliases the broker takes from it.
async fn publisher(host: &TestHost) -> (Client, u16) {
    let connect = Connect::v5("publisher");
    let (client, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    let maximum = connack.properties.number(id::TOPIC_ALIAS_MAXIMUM);
    let maximum = u16::try_from(maximum.unwrap_or(0)).expect("two bytes");
    assert!(maximum > 0, "no aliases at all");
    (client, maximum)
}

#[tokio::test]
async fn each_alias_up_to_the_servers_maximum_stands_for_its_topic() {
    let host = TestHost::start().await;
    let (mut publisher, maximum) = publisher(&host).await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    subscriber.subscribe("alias/#", 2).await;
    for alias in 1..=maximum {
        let topic = format!("alias/{alias}");
        publisher
            .publish_with(aliased(&topic, alias, "first"))
            .await;
        let message = expect_message(&mut subscriber, &topic, "first", 0).await;
        assert_eq!(
            message.properties.len(),
            0,
            "the publisher's alias is its own"
        );
    }
    for alias in (1..=maximum).rev() {
        for qos in 0..=2 {
            let publish = aliased("", alias, "again");
            publisher.publish_with(Publish { qos, ..publish }).await;
            expect_message(&mut subscriber, &format!("alias/{alias}"), "again", qos).await;
        }
    }
}

#[tokio::test]
async fn an_alias_can_be_given_to_another_topic() {
    let host = TestHost::start().await;
    let (mut publisher, _) = publisher(&host).await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    subscriber.subscribe("given/+", 0).await;
    for (topic, expected) in [
        ("given/a", "given/a"),
        ("", "given/a"),
        ("given/b", "given/b"),
        ("", "given/b"),
        ("given/a", "given/a"),
        ("", "given/a"),
    ] {
        publisher.publish_with(aliased(topic, 1, "x")).await;
        expect_message(&mut subscriber, expected, "x", 0).await;
    }
}

#[tokio::test]
async fn aliases_that_are_none_end_the_connection() {
    let host = TestHost::start().await;
    let (publisher, maximum) = publisher(&host).await;
    publisher.disconnect().await;
    let invalid = [0x94, FORBIDDEN[0], FORBIDDEN[1]];
    for (what, publish, reasons) in [
        ("alias 0", aliased("t", 0, "x"), &invalid[..]),
        ("above the maximum", aliased("t", maximum + 1, "x"), &[0x94]),
        (
            "far above the maximum",
            aliased("t", u16::MAX, "x"),
            &[0x94],
        ),
        ("not known", aliased("", 1, "x"), &invalid),
        (
            "not known, at QoS 1",
            aliased("", maximum, "x").qos(1, 1),
            &invalid,
        ),
    ] {
        expect_refused(&host, V5, &publish.bytes(V5), reasons, what).await;
    }
}

#[tokio::test]
async fn an_alias_ends_with_its_connection() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let mut first = Client::connect(address, &lasting(V5, "publisher")).await;
    first.publish_with(aliased("ends", 1, "x")).await;
    first.break_off().await;
    let mut second = Client::connect(address, &lasting(V5, "publisher")).await;
    second.send(aliased("", 1, "x").bytes(V5)).await;
    let reasons = [0x94, FORBIDDEN[0], FORBIDDEN[1]];
    expect_cast_out(&mut second, &reasons, "an alias of the last connection").await;
}

/// Keeps what the broker's aliases stand for on one connection.
struct Aliases {
    maximum: u16,
    topics: HashMap<u16, String>,
    used: usize,
}

impl Aliases {
    fn new(maximum: u16) -> Aliases {
        Aliases {
            maximum,
            topics: HashMap::new(),
            used: 0,
        }
    }

    /// The topic that a message was published to.
    fn topic(&mut self, message: &Publish) -> String {
        let Some(alias) = message.properties.number(id::TOPIC_ALIAS) else {
            return message.topic.clone();
        };
        let alias = u16::try_from(alias).expect("two bytes");
        assert!(alias <= self.maximum, "{message:?}");
        if message.topic.is_empty() {
            self.used += 1;
            return self.topics[&alias].clone();
        }
        self.topics.insert(alias, message.topic.clone());
        message.topic.clone()
    }
}

fn with_aliases(connect: Connect, maximum: u16) -> Connect {
    connect.with(property::two_bytes(id::TOPIC_ALIAS_MAXIMUM, maximum))
}

#[tokio::test]
async fn the_servers_aliases_are_no_more_than_a_client_takes_and_stand_for_the_right_topics() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    for maximum in [0, 1, 3, u16::MAX] {
        let connect = with_aliases(Connect::v5("subscriber"), maximum);
        let mut subscriber = Client::connect(host.mqtt_address(), &connect).await;
        subscriber.subscribe("from-server/+", 1).await;
        let mut aliases = Aliases::new(maximum);
        for round in 0..3 {
            for number in 0..5 {
                let topic = format!("from-server/{number}");
                let payload = format!("{round} {number}");
                publisher.publish(&topic, &payload, number % 2).await;
                let message = subscriber.receive().await;
                assert_eq!(aliases.topic(&message), topic);
                assert_eq!(message.text(), payload);
            }
        }
        // At least the topic that came first is short from its second message on.
        let least = if maximum == 0 { 0 } else { 2 };
        assert!(aliases.used >= least, "{} of {maximum}", aliases.used);
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn without_a_maximum_the_server_uses_no_alias() {
    let host = TestHost::start().await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    subscriber.subscribe("never-short", 0).await;
    let (mut publisher, _) = publisher(&host).await;
    publisher.publish_with(aliased("never-short", 1, "x")).await;
    for _ in 0..2 {
        publisher.publish_with(aliased("", 1, "x")).await;
        let message = expect_message(&mut subscriber, "never-short", "x", 0).await;
        assert_eq!(message.properties.len(), 0);
    }
}

#[tokio::test]
async fn the_servers_aliases_end_with_the_connection() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let mut publisher = client(&host, Version::V311, "publisher").await;
    let connect = with_aliases(lasting(V5, "subscriber"), 10);
    let mut subscriber = Client::connect(address, &connect).await;
    subscriber.subscribe("short", 1).await;
    let mut aliases = Aliases::new(10);
    for payload in ["1", "2"] {
        publisher.publish("short", payload, 1).await;
        // Neither is acknowledged, so that both come again.
        assert_eq!(aliases.topic(&subscriber.expect_publish().await), "short");
    }
    subscriber.break_off().await;
    publisher.publish("short", "3", 1).await;

    let mut subscriber = Client::connect(address, &connect).await;
    let mut aliases = Aliases::new(10);
    for payload in ["1", "2", "3"] {
        let message = subscriber.receive().await;
        assert_eq!(aliases.topic(&message), "short");
        assert_eq!(message.text(), payload);
    }
    // Nor are they of use to a connection that takes none.
    subscriber.break_off().await;
    let mut subscriber = Client::connect(address, &lasting(V5, "subscriber")).await;
    publisher.publish("short", "4", 1).await;
    assert_eq!(subscriber.receive().await.topic, "short");
}

#[tokio::test]
async fn a_refused_message_does_not_spoil_its_alias() {
    let host = TestHost::start().await;
    let (mut publisher, _) = publisher(&host).await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    subscriber.subscribe("good", 0).await;
    let refused = aliased("$SYS/own", 1, "x").qos(1, 7);
    publisher.send(refused.bytes(V5)).await;
    publisher.expect_ack(Acknowledgement::Puback, 7).await;
    publisher.publish_with(aliased("good", 1, "x")).await;
    publisher.publish_with(aliased("", 1, "y")).await;
    expect_message(&mut subscriber, "good", "x", 0).await;
    expect_message(&mut subscriber, "good", "y", 0).await;
}
