//! Errors (section 4.13; 4.8 of 3.1.1): each packet of a client cut at each byte, and with bytes too many. It ends its own
//! connection, with a reason, and disturbs nobody else.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Publish, Subscribe, Unsubscribe, Version, packet};

use super::clients::{client, expect_message};
use super::refusal::{FORBIDDEN, expect_ended};

/// A packet of a client with everything in it: its name, its first byte and its body, and at which lengths the body is
/// whole too.
struct Whole {
    name: &'static str,
    first: u8,
    body: Vec<u8>,
    also_whole: &'static [usize],
}

fn whole(name: &'static str, bytes: &[u8], also_whole: &'static [usize]) -> Whole {
    // Each has fewer than 128 bytes.
    Whole {
        name,
        first: bytes[0],
        body: bytes[2..].to_vec(),
        also_whole,
    }
}

fn packets(version: Version) -> Vec<Whole> {
    let publish = |qos| Publish::new("t/1", "").qos(qos, 0x0101);
    let subscribe = Subscribe::new(1, "f/1", 1);
    let unsubscribe = Unsubscribe::new(1, "f/1");
    let acks = [
        ("PUBACK", Acknowledgement::Puback),
        ("PUBREC", Acknowledgement::Pubrec),
        ("PUBREL", Acknowledgement::Pubrel),
        ("PUBCOMP", Acknowledgement::Pubcomp),
    ];
    if version == Version::V311 {
        let mut all = vec![
            whole("PUBLISH at QoS 1", &publish(1).bytes(version), &[]),
            whole("PUBLISH at QoS 2", &publish(2).bytes(version), &[]),
            whole("SUBSCRIBE", &subscribe.bytes(version), &[]),
            whole("UNSUBSCRIBE", &unsubscribe.bytes(version), &[]),
        ];
        all.extend(acks.map(|(name, ack)| whole(name, &ack.bytes(1), &[])));
        return all;
    }
    let reason = [
        property::text(id::REASON_STRING, "why"),
        property::user("n", "v"),
    ];
    let publish = |qos| {
        let publish = publish(qos).with(property::four_bytes(id::MESSAGE_EXPIRY, 9));
        let publish = publish.with(property::text(id::RESPONSE_TOPIC, "r"));
        publish.with(property::user("n", "v"))
    };
    let subscribe = subscribe.with(property::subscription_identifier(300));
    let subscribe = subscribe.with(property::user("n", "v"));
    let mut unsubscribe = unsubscribe;
    unsubscribe.properties.0.push(property::user("n", "v"));
    let mut all = vec![
        whole("PUBLISH at QoS 1", &publish(1).bytes(version), &[]),
        whole("PUBLISH at QoS 2", &publish(2).bytes(version), &[]),
        whole("SUBSCRIBE", &subscribe.bytes(version), &[]),
        whole("UNSUBSCRIBE", &unsubscribe.bytes(version), &[]),
    ];
    // Reason code and properties may be left out.
    all.extend(acks.map(|(name, ack)| whole(name, &ack.bytes_with(1, 0, &reason), &[2, 3])));
    all
}

/// Each packet cut at each byte, unless it is whole there too.
pub(super) fn examples(version: Version) -> impl Iterator<Item = (String, Vec<u8>)> {
    packets(version).into_iter().flat_map(|whole| {
        let lengths = (0..whole.body.len()).filter(|length| !whole.also_whole.contains(length));
        let cut = lengths.map(|length| {
            let what = format!("{} of {length} bytes", whole.name);
            (what, packet(whole.first, &whole.body[..length]))
        });
        cut.collect::<Vec<_>>()
    })
}

#[tokio::test]
async fn a_packet_that_is_cut_anywhere_ends_its_connection_and_no_other() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut neighbour = client(&host, version, "neighbour").await;
        assert_eq!(neighbour.subscribe("calm", 1).await, 1);
        for (what, bytes) in examples(version) {
            expect_ended(&host, version, &bytes, &FORBIDDEN, &what).await;
            neighbour.publish("calm", &what, 1).await;
            expect_message(&mut neighbour, "calm", &what, 1).await;
        }
        neighbour.disconnect().await;
    }
}

#[tokio::test]
async fn a_packet_with_bytes_too_many_ends_its_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for whole in packets(version) {
            // The rest of a PUBLISH packet is its payload.
            if whole.name.starts_with("PUBLISH") {
                continue;
            }
            for more in [&b"\0"[..], b"x", b"\xff\xff"] {
                let bytes = packet(whole.first, [&whole.body, more].concat());
                let what = format!("{} with {more:02x?} after it", whole.name);
                expect_ended(&host, version, &bytes, &FORBIDDEN, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_connection_may_end_in_mid_packet() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut neighbour = client(&host, version, "neighbour").await;
        let publish = Publish::new("calm", "x".repeat(1000))
            .qos(1, 1)
            .bytes(version);
        for length in [1, 2, 3, 4, 10, 500, publish.len() - 1] {
            let mut leaving = client(&host, version, "leaving").await;
            leaving.send(&publish[..length]).await;
            leaving.break_off().await;
            neighbour.ping().await;
        }
        neighbour.disconnect().await;
    }
}
