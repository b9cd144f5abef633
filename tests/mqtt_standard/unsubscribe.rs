//! UNSUBSCRIBE and UNSUBACK (sections 3.10 and 3.11): what ends, what is completed, and what is answered.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Publish, Subscribe, Unsubscribe, Version, packet, property, text,
};

use super::clients::{
    FORBIDDEN, client, expect_message, expect_no_message, expect_refused, lasting_client,
};

const V5: Version = Version::V5;
const NONE_EXISTED: u8 = 0x11;

fn reasons(version: Version, reasons: &[u8]) -> Vec<u8> {
    match version {
        Version::V311 => Vec::new(),
        Version::V5 => reasons.to_vec(),
    }
}

#[tokio::test]
async fn only_the_very_same_filter_ends_a_subscription() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("un/+/x", 1).await;
        for other in [
            "un/a/x", "un/+/X", "un/+/+", "un/#", "/un/+/x", "un/+/x/", "#", "un/+",
        ] {
            let unsubscribe = Unsubscribe::new(70, other);
            let unsuback = subscriber.unsubscribe_with(&unsubscribe).await;
            assert_eq!(
                unsuback.reasons,
                reasons(version, &[NONE_EXISTED]),
                "{other}"
            );
        }
        publisher.publish("un/a/x", "1", 1).await;
        expect_message(&mut subscriber, "un/a/x", "1", 1).await;

        let unsubscribe = Unsubscribe::new(0xabcd, "un/+/x");
        let unsuback = subscriber.unsubscribe_with(&unsubscribe).await;
        assert_eq!(unsuback.reasons, reasons(version, &[0]));
        publisher.publish("un/a/x", "2", 1).await;
        expect_no_message(&mut publisher, &mut subscriber, 1).await;
        let unsuback = subscriber.unsubscribe_with(&unsubscribe).await;
        assert_eq!(unsuback.reasons, reasons(version, &[NONE_EXISTED]));
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn many_filters_are_answered_by_one_unsuback_in_their_order() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        let subscribe = Subscribe::new(1, "m/a", 1).and("m/b", 1).and("m/c", 1);
        client.subscribe_with(&subscribe).await;
        let unsubscribe = Unsubscribe::new(2, "m/none")
            .and("m/a")
            .and("m/a")
            .and("m/c");
        let unsuback = client.unsubscribe_with(&unsubscribe).await;
        let expected = reasons(version, &[NONE_EXISTED, 0, NONE_EXISTED, 0]);
        assert_eq!(unsuback.reasons, expected);
        for topic in ["m/a", "m/c", "m/b"] {
            client.publish(topic, "x", 1).await;
        }
        expect_message(&mut client, "m/b", "x", 1).await;
        client.expect_nothing().await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn an_overlapping_subscription_stays() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        let subscribe = Subscribe::new(1, "o/a", 2).and("o/+", 1);
        client.subscribe_with(&subscribe).await;
        client.unsubscribe_with(&Unsubscribe::new(2, "o/a")).await;
        client.publish("o/a", "x", 2).await;
        expect_message(&mut client, "o/a", "x", 1).await;
        client.expect_nothing().await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn deliveries_that_have_begun_are_completed() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("begun", 2).await;
        let mut begun = Vec::new();
        for (payload, qos) in [("1", 1), ("2", 2), ("3", 1), ("4", 2)] {
            publisher.publish("begun", payload, qos).await;
            begun.push(subscriber.expect_publish().await);
        }
        subscriber
            .unsubscribe_with(&Unsubscribe::new(9, "begun"))
            .await;
        publisher.publish("begun", "too late", 2).await;
        // On the same connection, and on the next one.
        subscriber.acknowledge(&begun[0]).await;
        subscriber.acknowledge(&begun[1]).await;
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        for begun in &begun[2..] {
            let again = subscriber.receive().await;
            assert_eq!(
                (again.text(), again.packet_id),
                (begun.text(), begun.packet_id)
            );
            assert!(again.dup);
        }
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn an_ended_subscription_can_be_made_again() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        let kept = Publish::new("anew", "kept").retained().qos(1, 0);
        client.publish_with(kept).await;
        for _ in 0..3 {
            client.subscribe("anew", 1).await;
            expect_message(&mut client, "anew", "kept", 1).await;
            client.publish("anew", "x", 1).await;
            expect_message(&mut client, "anew", "x", 1).await;
            client
                .unsubscribe_with(&Unsubscribe::new(500, "anew"))
                .await;
            client.publish("anew", "y", 1).await;
            client.expect_nothing().await;
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn unsubscribe_packets_that_are_none_close_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let properties = &[0][..usize::from(version == V5)];
        let body = |filters: &[u8]| [&[0, 1][..], properties, filters].concat();
        for flags in (0..16).filter(|flags| *flags != 2) {
            let bytes = packet(0xa0 | flags, body(&text("a")));
            let what = format!("UNSUBSCRIBE with flags {flags:#x}");
            expect_refused(&host, version, &bytes, &[0x81], &what).await;
        }
        for (what, filters) in [
            ("no filter", vec![]),
            ("half a length", vec![0]),
            ("less filter than its length", vec![0, 9, b'a']),
            ("a filter of bytes", text(b"a/\xff")),
            ("a filter with NUL", text(b"a\0")),
        ] {
            let bytes = packet(0xa2, body(&filters));
            let reasons = [0x8f, FORBIDDEN[0], FORBIDDEN[1]];
            expect_refused(&host, version, &bytes, &reasons, what).await;
        }
    }
    let mut unsubscribe = Unsubscribe::new(1, "a");
    unsubscribe.properties.0 = vec![property::subscription_identifier(1)];
    let bytes = unsubscribe.bytes(V5);
    expect_refused(&host, V5, &bytes, &FORBIDDEN, "an identifier").await;
}

#[tokio::test]
async fn a_filter_that_is_none_is_answered_as_one_that_nobody_subscribed_to() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        client.subscribe("fine", 1).await;
        for filter in super::subscribe::INVALID_FILTERS {
            let unsubscribe = Unsubscribe::new(3, filter).and("fine/not");
            let unsuback = client.unsubscribe_with(&unsubscribe).await;
            if version == V5 {
                let [first, second] = unsuback.reasons[..] else {
                    panic!("{unsuback:?}");
                };
                assert!(
                    [0x8f, NONE_EXISTED].contains(&first),
                    "{filter}: {first:#x}"
                );
                assert_eq!(second, NONE_EXISTED);
            }
        }
        client.publish("fine", "x", 1).await;
        expect_message(&mut client, "fine", "x", 1).await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn what_is_queued_for_an_ended_subscription_ends_no_other_delivery() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        let subscribe = Subscribe::new(1, "q/ended", 1).and("q/stays", 1);
        subscriber.subscribe_with(&subscribe).await;
        subscriber
            .send(Unsubscribe::new(2, "q/ended").bytes(version))
            .await;
        subscriber.break_off().await;
        for payload in ["1", "2"] {
            publisher.publish("q/ended", payload, 1).await;
            publisher.publish("q/stays", payload, 1).await;
        }
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        for payload in ["1", "2"] {
            let message = expect_message(&mut subscriber, "q/stays", payload, 1).await;
            assert!(!message.dup);
        }
        subscriber.send(Acknowledgement::Puback.bytes(999)).await;
        expect_no_message(&mut publisher, &mut subscriber, 1).await;
        subscriber.disconnect().await;
    }
}
