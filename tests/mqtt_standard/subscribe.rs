//! SUBSCRIBE and SUBACK (sections 3.8 and 3.9): what is granted and refused, replaced and answered.

use std::collections::BTreeSet;

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::{Publish, ServerPacket, Subscribe, Version, packet, property, text};

use super::clients::{
    FORBIDDEN, client, expect_message, expect_no_message, expect_refused, lasting_client,
};

const V5: Version = Version::V5;

/// Filters that are none, each for another reason. The empty one is tested as a packet that is none where there are no
/// reason codes.
pub(super) const INVALID_FILTERS: [&str; 19] = [
    "a#",
    "a/b#",
    "#a",
    "#/",
    "sport/#/x",
    "##",
    "++",
    "a+",
    "+a",
    "a/+b/c",
    "a/b+/c",
    "+#",
    "$share//x",
    "$share/group",
    "$share/group/",
    "$share/g+/x",
    "$share/g#/x",
    "$share/+/x",
    "$share/group/a#",
];

fn refusal(version: Version) -> u8 {
    match version {
        Version::V311 => 0x80,
        Version::V5 => 0x8f,
    }
}

#[tokio::test]
async fn each_filter_that_is_none_is_refused_and_the_connection_goes_on() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        let empty = (version == V5).then_some("");
        for filter in INVALID_FILTERS.into_iter().chain(empty) {
            assert_eq!(
                client.subscribe(filter, 1).await,
                refusal(version),
                "{filter:?}"
            );
        }
        client.expect_nothing().await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn many_filters_are_answered_by_one_suback_in_their_order() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        let mut subscribe = Subscribe {
            packet_id: 0xfedc,
            ..Subscribe::default()
        };
        let mut expected = Vec::new();
        for (number, invalid) in INVALID_FILTERS.iter().enumerate() {
            for qos in [2, 0, 1] {
                subscribe = subscribe.and(&format!("valid/{number}/{qos}"), qos);
                expected.push(qos);
            }
            subscribe = subscribe.and(invalid, 1);
            expected.push(refusal(version));
        }
        let suback = client.subscribe_with(&subscribe).await;
        assert_eq!(suback.reasons, expected);
        for qos in 0..=2 {
            let topic = format!("valid/7/{qos}");
            client.publish(&topic, "x", 2).await;
            expect_message(&mut client, &topic, "x", qos).await;
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn one_packet_with_many_filters_is_as_many_packets_with_one() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        client
            .publish_with(Publish::new("seq/a", "kept").retained().qos(1, 0))
            .await;
        // The last one with the same filter counts, and each of them brings the retained message.
        let subscribe = Subscribe::new(9, "seq/a", 2)
            .and("seq/+", 0)
            .and("seq/a", 1);
        client.send(subscribe.bytes(version)).await;
        let ServerPacket::Suback(suback) = client.expect_packet().await else {
            panic!("no SUBACK");
        };
        assert_eq!((suback.packet_id, &suback.reasons[..]), (9, &[2, 0, 1][..]));
        let mut levels = Vec::new();
        for _ in 0..3 {
            let message = client.receive().await;
            assert!(message.retain);
            levels.push(message.qos);
        }
        levels.sort_unstable();
        assert_eq!(levels, [0, 1, 1]);
        client.disconnect().await;
    }
}

#[tokio::test]
async fn messages_come_with_the_lower_qos_of_both() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for granted in 0..=2 {
            let mut subscriber = client(&host, version, "subscriber").await;
            assert_eq!(subscriber.subscribe("lower", granted).await, granted);
            for published in 0..=2 {
                publisher.publish("lower", "x", published).await;
                expect_message(&mut subscriber, "lower", "x", published.min(granted)).await;
            }
            subscriber.disconnect().await;
        }
    }
}

#[tokio::test]
async fn the_same_filter_again_replaces_the_subscription() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let kept = Publish::new("replaced/a", "kept").retained().qos(2, 0);
        publisher.publish_with(kept).await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        for qos in [2, 0, 1, 2, 1, 0] {
            assert_eq!(subscriber.subscribe("replaced/+", qos).await, qos);
            let kept = expect_message(&mut subscriber, "replaced/a", "kept", qos).await;
            assert!(kept.retain);
            publisher.publish("replaced/b", "once", 2).await;
            expect_message(&mut subscriber, "replaced/b", "once", qos).await;
            expect_no_message(&mut publisher, &mut subscriber, 2).await;
        }
        publisher
            .publish_with(Publish::new("replaced/a", "").retained())
            .await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn no_message_is_lost_while_a_subscription_is_replaced() {
    const MESSAGES: usize = 200;
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("steady", 1).await;
        let publishing = async {
            for number in 0..MESSAGES {
                publisher.publish("steady", number.to_string(), 1).await;
            }
        };
        let subscribing = async {
            for _ in 0..MESSAGES {
                subscriber.subscribe("steady", 1).await;
            }
            for number in 0..MESSAGES {
                expect_message(&mut subscriber, "steady", &number.to_string(), 1).await;
            }
        };
        tokio::join!(publishing, subscribing);
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn suback_comes_first_then_what_is_retained_then_what_is_new() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for round in 0..20 {
            let topic = format!("in-order/{version:?}/{round}");
            let kept = Publish::new(&topic, "0").retained().qos(1, 0);
            publisher.publish_with(kept).await;
            let mut subscriber = client(&host, version, "subscriber").await;
            subscriber
                .send(Subscribe::new(1, &topic, 1).bytes(version))
                .await;
            for payload in ["1", "2", "3"] {
                publisher
                    .publish_with(Publish::new(&topic, payload).retained().qos(1, 0))
                    .await;
            }
            let first = subscriber.expect_packet().await;
            assert!(matches!(first, ServerPacket::Suback(_)), "{first:?}");
            // What is retained at that moment, which may be any of them, and from then on each.
            let kept = subscriber.receive().await;
            assert!(kept.retain, "{kept:?}");
            let kept: usize = kept.text().parse().expect("a number");
            for number in kept + 1..=3 {
                let live = expect_message(&mut subscriber, &topic, &number.to_string(), 1).await;
                assert!(!live.retain, "{live:?}");
            }
            subscriber.disconnect().await;
        }
    }
}

#[tokio::test]
async fn overlapping_subscriptions_bring_one_copy_with_the_highest_of_their_levels() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for levels in [[0, 1, 2], [2, 1, 0], [1, 0, 0], [0, 1, 0]] {
            let mut subscriber = client(&host, version, "subscriber").await;
            let [first, second, third] = levels;
            let subscribe = Subscribe::new(1, "over/lap", first);
            let subscribe = subscribe.and("over/#", second).and("+/lap", third);
            subscriber.subscribe_with(&subscribe).await;
            let highest = levels.into_iter().max().expect("three");
            for published in 0..=2 {
                publisher.publish("over/lap", "x", published).await;
                expect_message(&mut subscriber, "over/lap", "x", highest.min(published)).await;
                expect_no_message(&mut publisher, &mut subscriber, published).await;
            }
            subscriber.disconnect().await;
        }
    }
}

#[tokio::test]
async fn subscribe_packets_that_are_none_close_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let properties = &[0][..usize::from(version == V5)];
        let body = |filters: &[u8]| [&[0, 1][..], properties, filters].concat();
        let good = [text("a"), vec![0]].concat();
        for flags in (0..16).filter(|flags| *flags != 2) {
            let bytes = packet(0x80 | flags, body(&good));
            let what = format!("SUBSCRIBE with flags {flags:#x}");
            expect_refused(&host, version, &bytes, &[0x81], &what).await;
        }
        for (what, filters) in [
            ("no filter", vec![]),
            ("no options", text("a")),
            ("a length without a filter", vec![0]),
            ("less filter than its length", vec![0, 9, b'a', 0]),
            (
                "a second filter without options",
                [&good[..], &text("b")].concat(),
            ),
            ("a filter of bytes", [&text(b"a/\xff")[..], &[0]].concat()),
            ("a filter with NUL", [&text(b"a\0")[..], &[0]].concat()),
        ] {
            let bytes = packet(0x82, body(&filters));
            let reasons = [0x8f, FORBIDDEN[0], FORBIDDEN[1]];
            expect_refused(&host, version, &bytes, &reasons, what).await;
        }
        if version == Version::V311 {
            let bytes = Subscribe::new(1, "", 0).bytes(version);
            expect_refused(&host, version, &bytes, &[], "an empty filter").await;
        }
        let reserved: &[u8] = match version {
            Version::V311 => &[0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff],
            Version::V5 => &[0x03, 0x40, 0x80, 0x30, 0x3f, 0xff],
        };
        for options in reserved {
            let bytes = Subscribe::new(1, "a", *options).bytes(version);
            let what = format!("options {options:#04x}");
            expect_refused(&host, version, &bytes, &FORBIDDEN, &what).await;
        }
    }
    for (what, properties) in [
        ("identifier 0", vec![property::subscription_identifier(0)]),
        (
            "two identifiers",
            vec![property::subscription_identifier(1); 2],
        ),
        (
            "a reason string",
            vec![property::text(property::id::REASON_STRING, "x")],
        ),
    ] {
        let mut subscribe = Subscribe::new(1, "a", 0);
        subscribe.properties.0 = properties;
        expect_refused(&host, V5, &subscribe.bytes(V5), &FORBIDDEN, what).await;
    }
}

#[tokio::test]
async fn one_refused_filter_changes_nothing_for_the_others() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        client.subscribe("stays", 1).await;
        let subscribe = Subscribe::new(50, "stays/#/not", 2).and("stays", 2);
        let suback = client.subscribe_with(&subscribe).await;
        assert_eq!(suback.reasons, [refusal(version), 2]);
        client.publish("stays", "x", 2).await;
        expect_message(&mut client, "stays", "x", 2).await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn a_session_has_a_bounded_number_of_subscriptions() {
    // Of `host/broker/src/limits.rs`.
    const FILTERS_PER_PACKET: usize = 256;
    const SUBSCRIPTIONS_MAX: usize = 1000;
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        let mut granted = BTreeSet::new();
        for packet_id in 1..=4 {
            let mut subscribe = Subscribe {
                packet_id,
                ..Subscribe::default()
            };
            for number in 0..FILTERS_PER_PACKET {
                subscribe = subscribe.and(&format!("bounded/{packet_id}/{number}"), 0);
            }
            let suback = client.subscribe_with(&subscribe).await;
            for ((filter, _), reason) in subscribe.filters.iter().zip(suback.reasons) {
                match reason {
                    0 => assert!(granted.insert(filter.clone())),
                    0x80 if version == Version::V311 => {}
                    0x97 if version == V5 => {}
                    other => panic!("{filter}: {other:#04x}"),
                }
            }
        }
        assert_eq!(granted.len(), SUBSCRIPTIONS_MAX);
        // What there is can be replaced all the same, and is served.
        assert_eq!(client.subscribe("bounded/1/0", 1).await, 1);
        client.publish("bounded/1/0", "x", 1).await;
        expect_message(&mut client, "bounded/1/0", "x", 1).await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn subscriptions_of_a_session_that_lasts_outlive_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("lasting/+", 1).await;
        subscriber.break_off().await;
        publisher.publish("lasting/a", "while away", 1).await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        expect_message(&mut subscriber, "lasting/a", "while away", 1).await;
        publisher.publish("lasting/b", "afterwards", 2).await;
        expect_message(&mut subscriber, "lasting/b", "afterwards", 1).await;
        subscriber.disconnect().await;

        let mut clean = client(&host, version, "subscriber").await;
        publisher.publish("lasting/c", "to nobody", 1).await;
        expect_no_message(&mut publisher, &mut clean, 1).await;
        clean.disconnect().await;
    }
}
