//! What client and server agree on in CONNECT and CONNACK (sections 3.1.2.10, 3.1.2.11 and 3.2.2.3): keep-alive, sizes,
//! aliases, and what the client wants to be told.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Connect, Publish, ServerPacket, Subscribe, Unsubscribe, Version, Will,
    packet, pingreq,
};

use super::clients::{client, expect_message, lasting, lasting_client};
use super::refusal::expect_ended_on;

/// How often a client says something that is not to be cast out.
const HALF_A_SECOND: Duration = Duration::from_millis(500);

fn packet_bytes_max(bytes: u32) -> property::Property {
    property::four_bytes(id::MAXIMUM_PACKET_SIZE, bytes)
}

#[tokio::test]
async fn a_client_that_says_nothing_for_one_and_a_half_times_its_keep_alive_is_cast_out() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let begin = Instant::now();
        let connect = Connect::new(version, "silent").keep_alive(1);
        let (mut silent, connack) =
            Client::connect_with_connack(host.mqtt_address(), &connect).await;
        // The client's own keep-alive holds.
        assert_eq!(connack.properties.value(id::SERVER_KEEP_ALIVE), None);
        silent.expect_cast_out(0x8d).await;
        assert!(
            begin.elapsed() >= Duration::from_millis(1500),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn bytes_that_make_no_packet_are_no_sign_of_life() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let connect = Connect::new(version, "slow").keep_alive(1);
        let mut slow = Client::connect(host.mqtt_address(), &connect).await;
        // All of it would take ten seconds.
        let publish = Publish::new("slow", "a dozen bytes").bytes(version);
        let mut bytes = publish.iter();
        let answer = loop {
            let byte = bytes
                .next()
                .expect("the broker closes before the packet ends");
            let _ = slow.try_send([*byte]).await;
            if let Ok(answer) = timeout(HALF_A_SECOND, slow.read()).await {
                break answer;
            }
        };
        match answer {
            None => assert_eq!(version, Version::V311),
            Some(ServerPacket::Disconnect(disconnect)) => assert_eq!(disconnect.reason, 0x8d),
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn any_packet_keeps_a_connection_alive() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        // Both have three seconds.
        let mut pings = keeps_alive(&host, version, "pings").await;
        let mut publishes = keeps_alive(&host, version, "publishes").await;
        // Without a keep-alive, nothing need be said.
        let mut silent = client(&host, version, "silent").await;
        // Four seconds later:
        let mut clock = clock(&host, 4).await;
        while timeout(HALF_A_SECOND, clock.expect_publish())
            .await
            .is_err()
        {
            pings.send(pingreq()).await;
            publishes
                .send(Publish::new("alive", "x").bytes(version))
                .await;
        }
        silent.ping().await;
        pings.ping().await;
        publishes.ping().await;
        silent.disconnect().await;
        pings.disconnect().await;
        publishes.disconnect().await;
    }
}

async fn keeps_alive(host: &TestHost, version: Version, client_id: &str) -> Client {
    let connect = Connect::new(version, client_id).keep_alive(2);
    Client::connect(host.mqtt_address(), &connect).await
}

/// A client that gets a message after this time: the will of another one.
async fn clock(host: &TestHost, seconds: u32) -> Client {
    let mut clock = client(host, Version::V5, "clock").await;
    clock.subscribe("clock", 0).await;
    let will = Will::new("clock", "x").with(property::four_bytes(id::WILL_DELAY, seconds));
    let wound_up = lasting(Version::V5, "wound up").will(will);
    Client::connect(host.mqtt_address(), &wound_up)
        .await
        .break_off()
        .await;
    clock
}

#[tokio::test]
async fn a_packet_that_is_too_large_for_its_client_is_not_sent() {
    const BYTES_MAX: u32 = 60;
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let connect = lasting(Version::V5, "small");
    let limited = connect.clone().with(packet_bytes_max(BYTES_MAX));
    let mut small = Client::connect(host.mqtt_address(), &limited).await;
    let mut large = client(&host, Version::V5, "large").await;
    for subscriber in [&mut small, &mut large] {
        assert_eq!(subscriber.subscribe("sizes", 2).await, 2);
    }
    for qos in 0..=2 {
        // Fixed header, topic, packet identifier, property length.
        let around = 2 + 7 + if qos == 0 { 0 } else { 2 } + 1;
        let fits = "f".repeat(BYTES_MAX as usize - around);
        let exceeds = "e".repeat(BYTES_MAX as usize - around + 1);
        for payload in [&exceeds, &fits] {
            publisher.publish("sizes", payload, qos).await;
            expect_message(&mut large, "sizes", payload, qos).await;
        }
        expect_message(&mut small, "sizes", &fits, qos).await;
        // PUBCOMP of the last one has been read.
        small.ping().await;
        small.expect_nothing().await;
    }
    // What was not sent counts as done: it does not come when there is room.
    small.break_off().await;
    let mut small = Client::connect(host.mqtt_address(), &connect).await;
    publisher.publish("sizes", "last", 1).await;
    expect_message(&mut small, "sizes", "last", 1).await;
    small.expect_nothing().await;
}

#[tokio::test]
async fn what_waits_for_a_client_and_is_too_large_for_it_is_passed_over() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let mut away = lasting_client(&host, Version::V5, "away").await;
    away.subscribe("waits", 2).await;
    away.break_off().await;
    let large = "x".repeat(1000);
    for payload in ["first", &large, "second", &large, "third"] {
        publisher.publish("waits", payload, 1).await;
    }
    let limited = lasting(Version::V5, "away").with(packet_bytes_max(100));
    let mut back = Client::connect(host.mqtt_address(), &limited).await;
    for payload in ["first", "second", "third"] {
        expect_message(&mut back, "waits", payload, 1).await;
    }
    back.expect_nothing().await;
}

#[tokio::test]
async fn topic_aliases_are_only_used_within_the_clients_maximum() {
    const ALIASES_MAX: u16 = 2;
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let alias_max = |number| property::two_bytes(id::TOPIC_ALIAS_MAXIMUM, number);
    let mut none = client(&host, Version::V5, "absent").await;
    let zero = Connect::v5("zero").with(alias_max(0));
    let mut zero = Client::connect(host.mqtt_address(), &zero).await;
    let some = Connect::v5("some").with(alias_max(ALIASES_MAX));
    let mut some = Client::connect(host.mqtt_address(), &some).await;
    for subscriber in [&mut none, &mut zero, &mut some] {
        assert_eq!(subscriber.subscribe("aliases/#", 1).await, 1);
    }
    for round in 0..3 {
        for number in 0..5 {
            let topic = format!("aliases/{number}");
            publisher.publish(&topic, "x", round % 2).await;
            for subscriber in [&mut none, &mut zero] {
                let message = expect_message(subscriber, &topic, "x", round % 2).await;
                assert_eq!(message.properties.value(id::TOPIC_ALIAS), None);
            }
            let alias = some.receive().await.properties.number(id::TOPIC_ALIAS);
            assert!(
                alias.is_none_or(|alias| alias <= ALIASES_MAX.into()),
                "{alias:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_client_is_told_no_more_than_it_wants_to_know() {
    let host = TestHost::start().await;
    let wants = |id, value| property::byte(id, value);
    let connect = Connect::v5("modest").with(wants(id::REQUEST_PROBLEM_INFORMATION, 0));
    let (mut modest, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    // That there is a property for it, is none of this: it was not asked for either.
    assert_eq!(connack.properties.value(id::RESPONSE_INFORMATION), None);
    // Each of these is refused, or has something to be said about it.
    let suback = modest
        .subscribe_with(&Subscribe::new(1, "no/#/filter", 0))
        .await;
    assert!(
        suback.reasons[0] >= 0x80 && suback.properties.is_empty(),
        "{suback:?}"
    );
    let unsuback = modest.unsubscribe_with(&Unsubscribe::new(2, "never")).await;
    assert!(unsuback.properties.is_empty(), "{unsuback:?}");
    modest
        .send(
            Publish::new("nobody/listens", "x")
                .qos(1, 3)
                .bytes(Version::V5),
        )
        .await;
    let ack = modest.expect_ack(Acknowledgement::Puback, 3).await;
    assert!(ack.properties.is_empty(), "{ack:?}");
    modest
        .send(
            Publish::new("nobody/listens", "x")
                .qos(2, 4)
                .bytes(Version::V5),
        )
        .await;
    let ack = modest.expect_ack(Acknowledgement::Pubrec, 4).await;
    assert!(ack.properties.is_empty(), "{ack:?}");
    modest.send(Acknowledgement::Pubrel.bytes(5)).await;
    let ack = modest.expect_ack(Acknowledgement::Pubcomp, 5).await;
    assert_eq!(
        (ack.reason, ack.properties.is_empty()),
        (0x92, true),
        "{ack:?}"
    );
    for connect in [
        Connect::v5("curious").with(wants(id::REQUEST_RESPONSE_INFORMATION, 0)),
        Connect::v5("curious").with(wants(id::REQUEST_PROBLEM_INFORMATION, 1)),
    ] {
        let (_, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
        assert_eq!(connack.properties.value(id::RESPONSE_INFORMATION), None);
    }
}

#[tokio::test]
async fn what_the_server_can_do_is_what_it_says() {
    let host = TestHost::start().await;
    let connect = Connect::v5("client");
    let (mut client, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    let says = |id| connack.properties.number(id);
    // Everything is supported, which is what is understood where nothing is said; 1 would be right as well.
    assert_eq!(says(id::MAXIMUM_QOS), None);
    for id in [
        id::RETAIN_AVAILABLE,
        id::WILDCARDS_AVAILABLE,
        id::SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
        id::SHARED_SUBSCRIPTIONS_AVAILABLE,
    ] {
        assert!(
            says(id).is_none_or(|value| value == 1),
            "property {id:#04x}"
        );
    }
    assert_eq!(connack.properties.value(id::ASSIGNED_CLIENT_ID), None);
    assert_eq!(connack.properties.value(id::AUTHENTICATION_METHOD), None);
    assert_eq!(connack.properties.value(id::AUTHENTICATION_DATA), None);
    let subscribe = Subscribe::new(1, "can/+", 2)
        .and("$share/group/shared/#", 1)
        .with(property::subscription_identifier(5));
    assert_eq!(client.subscribe_with(&subscribe).await.reasons, [2, 1]);
    client
        .publish_with(Publish {
            qos: 2,
            ..Publish::new("can/do", "x").retained()
        })
        .await;
    let message = expect_message(&mut client, "can/do", "x", 2).await;
    assert_eq!(message.properties.subscription_identifiers(), [5]);
}

#[tokio::test]
async fn a_server_that_shortens_the_keep_alive_says_so() {
    let host = TestHost::start().await;
    for seconds in [0, 1, 60, u16::MAX] {
        let connect = Connect::v5("client").keep_alive(seconds);
        let (_, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
        let told = connack.properties.number(id::SERVER_KEEP_ALIVE);
        let is_right = match (seconds, told) {
            (_, None) => true,
            // From never to some time.
            (0, Some(told)) => told > 0,
            (seconds, Some(told)) => (1..u32::from(seconds)).contains(&told),
        };
        assert!(is_right, "{told:?} instead of {seconds}");
    }
}

#[tokio::test]
async fn a_packet_beyond_the_servers_maximum_ends_the_connection() {
    /// More than any broker takes that says nothing.
    const UNLIMITED: u32 = 0x0fff_ffff;
    let host = TestHost::start().await;
    let connect = Connect::v5("large");
    let (mut large, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    let bytes_max = connack.properties.number(id::MAXIMUM_PACKET_SIZE);
    let bytes_max = bytes_max.unwrap_or(UNLIMITED);
    assert!(bytes_max >= 256 * 1024, "{bytes_max}");
    large.ping().await;
    if bytes_max == UNLIMITED {
        return;
    }
    // It is told before it has sent all of it.
    for version in Version::ALL {
        let mut large = client(&host, version, "large").await;
        let length = tidegate_tests::raw_mqtt::variable_integer(bytes_max);
        let bytes = [&[0x30][..], &length, b"\0\x05large"].concat();
        expect_ended_on(&mut large, &bytes, &[0x95], "a packet beyond the maximum").await;
    }
}

#[tokio::test]
async fn a_refusal_in_words_is_no_larger_than_its_client_takes() {
    let host = TestHost::start().await;
    // CONNACK without properties has 5 bytes.
    for bytes_max in [5, 8, 20, 40, 60, 80, 100, 1000] {
        let connect = Connect::v5("limited").with(packet_bytes_max(bytes_max));
        let method = property::text(id::AUTHENTICATION_METHOD, "unknown");
        let mut refused = Client::open(host.mqtt_address(), Version::V5).await;
        refused.send(connect.with(method).bytes()).await;
        let connack = refused.expect_connack().await;
        assert_eq!(connack.reason, 0x8c);
        expect_within(&refused, bytes_max, &ServerPacket::Connack(connack));
    }
}

#[tokio::test]
async fn an_answer_in_words_is_no_larger_than_its_client_takes() {
    let host = TestHost::start().await;
    let wrong = [
        Subscribe::new(1, "no/#/filter", 0).bytes(Version::V5),
        Unsubscribe::new(2, "never").bytes(Version::V5),
        Acknowledgement::Pubrel.bytes(3),
        packet(0x00, []),
    ];
    // CONNACK that grants has more to say than a refusal.
    for bytes_max in [40, 60, 80, 100, 1000] {
        let limited = Connect::v5("limited").with(packet_bytes_max(bytes_max));
        let (mut client, connack) =
            Client::connect_with_connack(host.mqtt_address(), &limited).await;
        expect_within(&client, bytes_max, &ServerPacket::Connack(connack));
        for bytes in &wrong {
            client.send(bytes).await;
            let answer = client.expect_packet().await;
            expect_within(&client, bytes_max, &answer);
        }
        client.expect_closed().await;
    }
}

fn expect_within(client: &Client, bytes_max: u32, last: &ServerPacket) {
    let bytes = client.last_packet_bytes;
    assert!(
        bytes <= bytes_max as usize,
        "{bytes} bytes instead of {bytes_max}: {last:?}"
    );
}
