//! What holds for any bytes whatever: the same functions for the fuzz targets and for bounded tests.
//!
//! They panic where it does not hold. Nothing else uses them.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::limits::{
    CONNECT_BYTES_MAX, FILTERS_PER_PACKET_MAX, PACKET_BYTES_MAX, TOPIC_BYTES_MAX, TOPIC_LEVELS_MAX,
    USER_PROPERTIES_MAX,
};
use crate::message::{Message, QoS};
use crate::packet::{
    Alias, Delivered, Packet, PacketReader, PacketWriter, Publish, Subscribe, Version,
};
use crate::topic::{TopicFilter, TopicName};

const CONNECT_V311: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x00\x00\x01a";
const CONNECT_V5: &[u8] = b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01a";

/// Bytes from a client. The first one tells what CONNECT comes before them, if any, and how many arrive at a time.
pub fn packets(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let mut reader = PacketReader::new();
    let mut buffer = BytesMut::new();
    match choice & 0b11 {
        0 => {}
        1 => buffer.extend_from_slice(CONNECT_V311),
        _ => buffer.extend_from_slice(CONNECT_V5),
    }
    let mut is_first = true;
    let chunk_bytes = 1 << (choice >> 4);
    for chunk in [&[][..]].into_iter().chain(bytes.chunks(chunk_bytes)) {
        buffer.extend_from_slice(chunk);
        loop {
            let before = buffer.len();
            match reader.next(&mut buffer) {
                Ok(Some(packet)) => {
                    assert!(buffer.len() < before, "a packet of no bytes");
                    check_packet(&packet, is_first, &reader);
                    is_first = false;
                }
                Ok(None) => {
                    assert_eq!(buffer.len(), before, "bytes were taken out too early");
                    break;
                }
                Err(malformed) => return assert!(!malformed.text.is_empty()),
            }
        }
        let bytes_max = if is_first {
            CONNECT_BYTES_MAX
        } else {
            PACKET_BYTES_MAX
        };
        assert!(
            buffer.len() < bytes_max,
            "it waits for a packet that is too large"
        );
        // The buffer grows in steps of twice its size, and with what the codec reserves.
        assert!(
            buffer.capacity() <= 2 * bytes.len() + 128,
            "{}",
            buffer.capacity()
        );
    }
}

fn check_packet(packet: &Packet, is_first: bool, reader: &PacketReader) {
    let version = reader.version().expect("it has read a packet");
    assert_eq!(matches!(packet, Packet::Connect(_)), is_first);
    match packet {
        Packet::Connect(connect) => {
            assert_eq!(connect.version, version);
            assert!(connect.receive_max != 0 && connect.packet_bytes_max != Some(0));
            assert!(!connect.client_id.contains('\0'));
        }
        Packet::Publish(publish) => check_publish(publish, version),
        Packet::PublishAck(ack)
        | Packet::PublishReceived(ack)
        | Packet::PublishRelease(ack)
        | Packet::PublishComplete(ack) => {
            assert_ne!(ack.packet_id, 0);
            assert!(version == Version::V5 || ack.reason == 0);
        }
        Packet::Subscribe(subscribe) => check_subscribe(subscribe, version),
        Packet::Unsubscribe(unsubscribe) => {
            assert_ne!(unsubscribe.packet_id, 0);
            assert!((1..=FILTERS_PER_PACKET_MAX).contains(&unsubscribe.filters.len()));
            assert!(
                !unsubscribe
                    .filters
                    .iter()
                    .any(|filter| filter.contains('\0'))
            );
        }
        Packet::Disconnect(_) | Packet::PingRequest => {}
        Packet::Auth => assert_eq!(version, Version::V5),
    }
}

fn check_subscribe(subscribe: &Subscribe, version: Version) {
    assert!(subscribe.packet_id != 0 && subscribe.identifier != Some(0));
    assert!((1..=FILTERS_PER_PACKET_MAX).contains(&subscribe.filters.len()));
    for filter in &subscribe.filters {
        assert!(!filter.filter.contains('\0'));
        assert!(version == Version::V5 || !(filter.no_local || filter.retain_as_published));
        assert!(!(filter.no_local && filter.filter.starts_with("$share/")));
    }
}

fn check_publish(publish: &Publish, version: Version) {
    assert!(!publish.topic.contains(['\0', '+', '#']));
    assert!(!publish.topic.is_empty() || publish.topic_alias.is_some());
    assert_eq!(publish.packet_id.is_some(), publish.qos != QoS::AtMostOnce);
    assert!(publish.packet_id != Some(0) && publish.topic_alias != Some(0));
    assert!(!publish.dup || publish.qos != QoS::AtMostOnce);
    if let Some(properties) = publish.properties.as_deref() {
        assert!(properties.user_properties.len() <= USER_PROPERTIES_MAX);
        assert!(!properties.is_text || std::str::from_utf8(&publish.payload).is_ok());
    }
    if let Ok(topic) = publish.topic.parse() {
        check_round_trip(publish, topic, version);
    }
}

/// What is read of a PUBLISH and written again reads as the same.
fn check_round_trip(publish: &Publish, topic: TopicName, version: Version) {
    let message = Message {
        properties: publish.properties.clone(),
        ..Message::new(topic, publish.payload.clone(), publish.qos)
    };
    let delivered = Delivered {
        message: &message,
        qos: publish.qos,
        retain: publish.retain,
        dup: publish.dup,
        packet_id: publish.packet_id,
        expiry_seconds: publish.expiry_seconds,
        identifiers: &[],
        alias: publish.topic_alias.map(Alias::New),
    };
    let mut written = BytesMut::from(match version {
        Version::V311 => CONNECT_V311,
        Version::V5 => CONNECT_V5,
    });
    let connect_bytes = written.len();
    let mut writer = PacketWriter::new(version, None, true);
    writer
        .publish(&mut written, &delivered)
        .expect("it was as large before");
    let bytes = u32::try_from(written.len() - connect_bytes).expect("a packet's length");
    for (bytes_max, fits) in [(bytes, true), (bytes - 1, false)] {
        let mut writer = PacketWriter::new(version, Some(bytes_max), true);
        let written = writer.publish(&mut BytesMut::new(), &delivered);
        assert_eq!(written.is_ok(), fits, "{bytes} bytes of {bytes_max}");
    }
    let mut reader = PacketReader::new();
    assert!(matches!(
        reader.next(&mut written),
        Ok(Some(Packet::Connect(_)))
    ));
    let Ok(Some(Packet::Publish(again))) = reader.next(&mut written) else {
        panic!("what was written cannot be read");
    };
    assert!(written.is_empty());
    assert_eq!(format!("{publish:?}"), format!("{again:?}"));
}

/// Texts, one a line: two topic filters and a topic name.
pub fn topics(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (first, second, topic) = (next(), next(), next());
    let topic = topic.parse::<TopicName>();
    if let Ok(topic) = &topic {
        assert!(!topic.as_str().contains(['\0', '+', '#']));
        check_bounds(topic.as_str());
    }
    let filters = [first, second].map(str::parse::<TopicFilter>);
    for filter in filters.iter().flatten() {
        check_bounds(filter.as_str());
        assert!(filter.covers(filter), "{filter} does not cover itself");
        if let Ok(topic) = &topic {
            let matches = filter.matches(topic.as_str());
            assert_eq!(
                matches,
                matches_by_the_book(filter.as_str(), topic.as_str()),
                "{filter}, {topic}"
            );
        }
    }
    if let ([Ok(first), Ok(second)], Ok(topic)) = (&filters, &topic) {
        let follows = first.covers(second) && second.matches(topic.as_str());
        assert!(
            !follows || first.matches(topic.as_str()),
            "{first}, {second}, {topic}"
        );
    }
}

fn check_bounds(text: &str) {
    assert!(!text.is_empty() && text.len() <= TOPIC_BYTES_MAX);
    assert!(text.split('/').count() <= TOPIC_LEVELS_MAX);
}

/// Section 4.7 in the shortest form, however slow.
fn matches_by_the_book(filter: &str, topic: &str) -> bool {
    fn levels_match(mut filter: VecDeque<&str>, mut topic: VecDeque<&str>) -> bool {
        match (filter.pop_front(), topic.pop_front()) {
            (None, None) | (Some("#"), _) => true,
            (Some(wanted), Some(level)) => {
                (wanted == "+" || wanted == level) && levels_match(filter, topic)
            }
            _ => false,
        }
    }
    let is_hidden = topic.starts_with('$') && !filter.starts_with('$');
    !is_hidden && levels_match(filter.split('/').collect(), topic.split('/').collect())
}

#[cfg(test)]
mod tests;
