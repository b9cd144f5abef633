//! What reading and writing costs in allocations, on the path that every message takes.

use bytes::Bytes;

use super::*;

/// Allocations of reading so many packets that are all there.
fn allocations(version: Version, packet: &[u8], count: usize) -> u64 {
    let mut reader = connected(version);
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    // The first packet makes the buffer one that is shared between what is cut out of it.
    buffer.extend_from_slice(packet);
    reader.next(&mut buffer).unwrap().unwrap();
    buffer.extend_from_slice(&packet.repeat(count));
    let info = allocation_counter::measure(|| {
        for _ in 0..count {
            assert!(reader.next(&mut buffer).unwrap().is_some());
        }
    });
    assert!(buffer.is_empty());
    info.count_total
}

#[test]
fn a_publish_is_read_with_one_allocation() {
    let count = 100;
    let cases: [(Version, u8, &[u8]); 5] = [
        (Version::V311, 0x30, b"\x00\x03a/bpayload"),
        (Version::V311, 0x32, b"\x00\x03a/b\x00\x01payload"),
        (Version::V5, 0x30, b"\x00\x03a/b\x00payload"),
        (Version::V5, 0x34, b"\x00\x03a/b\x00\x01\x00payload"),
        (
            Version::V5,
            0x32,
            b"\x00\x00\x00\x01\x08\x23\x00\x01\x02\x00\x00\x00\x00payload",
        ),
    ];
    for (version, first_byte, body) in cases {
        let found = allocations(version, &frame(first_byte, body), count);
        assert_eq!(found, count as u64, "{first_byte:02X} in {version:?}");
    }
}

#[test]
fn acknowledgements_are_read_without_allocation() {
    for version in [Version::V311, Version::V5] {
        for first_byte in [0x40, 0x50, 0x62, 0x70] {
            assert_eq!(
                allocations(version, &frame(first_byte, b"\x00\x01"), 100),
                0
            );
        }
    }
}

#[test]
fn messages_and_acknowledgements_are_written_without_allocation() {
    let payload = Bytes::from(vec![0; 1000]);
    let message = Message {
        properties: Some(Box::new(Properties {
            content_type: Some("application/json".to_owned()),
            ..Properties::default()
        })),
        ..Message::new("a/b".parse().unwrap(), payload, QoS::AtLeastOnce)
    };
    let delivered = Delivered {
        message: &message,
        qos: QoS::AtLeastOnce,
        retain: false,
        dup: false,
        packet_id: Some(1),
        expiry_seconds: Some(1),
        identifiers: &[1, 2],
        alias: Some(Alias::New(1)),
    };
    for version in [Version::V311, Version::V5] {
        let mut out = BytesMut::with_capacity(4096);
        let mut writer = PacketWriter::new(version, None, true);
        let info = allocation_counter::measure(|| {
            writer.publish(&mut out, &delivered).unwrap();
            writer.ack(&mut out, AckKind::Ack, 1, ReasonCode::Success, None);
            writer.ack(
                &mut out,
                AckKind::Received,
                1,
                ReasonCode::QuotaExceeded,
                None,
            );
            writer.ping_response(&mut out);
        });
        assert_eq!(info.count_total, 0);
    }
}

/// A packet is as large as it is, whatever it says to have in it.
#[test]
fn a_packet_of_many_small_parts_is_bounded() {
    let filters = b"\x00\x01a\x00".repeat(50_000);
    let properties = b"\x26\x00\x00\x00\x00".repeat(50_000);
    let mut body = vec![0, 1, b'a', 0x90, 0xA1, 0x0F];
    body.extend_from_slice(&properties);
    for packet in [
        frame(0x82, &[&[0, 1, 0][..], &filters].concat()),
        frame(0x30, &body),
    ] {
        let mut reader = connected(Version::V5);
        let mut buffer = BytesMut::from(&packet[..]);
        let info = allocation_counter::measure(|| {
            let refused = reader.next(&mut buffer).unwrap_err();
            assert_eq!(refused.reason, ReasonCode::QuotaExceeded);
        });
        assert!(info.bytes_max < 10_000, "{info:?}");
    }
}
