//! What the writer writes, byte by byte, and that no client gets more than it takes.

use bytes::Bytes;
use tokio_util::codec::Encoder as _;

use super::*;
use Version::{V5, V311};

fn written(version: Version, write: impl FnOnce(&mut PacketWriter, &mut BytesMut)) -> Vec<u8> {
    limited(version, None, write)
}

fn limited(
    version: Version,
    packet_bytes_max: Option<u32>,
    write: impl FnOnce(&mut PacketWriter, &mut BytesMut),
) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(
        &mut PacketWriter::new(version, packet_bytes_max, true),
        &mut out,
    );
    out.to_vec()
}

fn refusal(reason: ReasonCode) -> ConnectAck {
    ConnectAck {
        session_present: true,
        reason,
        reason_string: None,
        granted: None,
    }
}

#[test]
fn connect_acknowledgements_of_3_1_1_have_return_codes() {
    let cases = [
        (ReasonCode::Success, Some([1, 0])),
        (ReasonCode::UnsupportedProtocolVersion, Some([0, 1])),
        (ReasonCode::ClientIdentifierNotValid, Some([0, 2])),
        (ReasonCode::ServerUnavailable, Some([0, 3])),
        (ReasonCode::ServerBusy, Some([0, 3])),
        (ReasonCode::ConnectionRateExceeded, Some([0, 3])),
        (ReasonCode::BadUserNameOrPassword, Some([0, 4])),
        (ReasonCode::NotAuthorized, Some([0, 5])),
        (ReasonCode::MalformedPacket, None),
        (ReasonCode::QuotaExceeded, None),
        (ReasonCode::TopicNameInvalid, None),
    ];
    for (reason, expected) in cases {
        let found = written(V311, |writer, out| {
            writer.connect_ack(out, &refusal(reason))
        });
        let expected = expected.map(|[present, code]| vec![0x20, 2, present, code]);
        assert_eq!(found, expected.unwrap_or_default(), "{reason:?}");
    }
}

#[test]
fn connect_acknowledgements_of_mqtt_5_say_what_is_granted() {
    let mut ack = refusal(ReasonCode::Success);
    ack.granted = Some(Granted {
        session_expiry_seconds: Some(7),
        receive_max: 256,
        packet_bytes_max: 0x0102_0304,
        assigned_client_id: Some("id".to_owned()),
        topic_alias_max: 64,
        keep_alive_seconds: Some(60),
    });
    let found = written(V5, |writer, out| writer.connect_ack(out, &ack));
    let expected = b"\x20\x1B\x01\x00\x18\x11\0\0\0\x07\x21\x01\0\x27\x01\x02\x03\x04\x12\0\x02id\x22\0\x40\x13\0\x3C";
    assert_eq!(found, expected);

    let mut ack = refusal(ReasonCode::NotAuthorized);
    let found = written(V5, |writer, out| writer.connect_ack(out, &ack));
    assert_eq!(
        found, b"\x20\x03\x00\x87\x00",
        "no session is present [MQTT-3.2.2-6]"
    );
    ack.reason_string = Some("no".to_owned());
    let found = written(V5, |writer, out| writer.connect_ack(out, &ack));
    assert_eq!(found, b"\x20\x08\x00\x87\x05\x1F\x00\x02no");
}

#[test]
fn acknowledgements_are_as_short_as_they_can_be() {
    let kinds = [
        (AckKind::Ack, 0x40),
        (AckKind::Received, 0x50),
        (AckKind::Release, 0x62),
        (AckKind::Complete, 0x70),
    ];
    for (kind, first_byte) in kinds {
        let ack = |version, reason, text: Option<&str>| {
            written(version, |writer, out| {
                writer.ack(out, kind, 0x0102, reason, text)
            })
        };
        let not_found = ReasonCode::PacketIdentifierNotFound;
        let (refused, code) = match kind {
            AckKind::Ack | AckKind::Received => (ReasonCode::QuotaExceeded, 0x97),
            AckKind::Release | AckKind::Complete => (not_found, 0x92),
        };
        let short = [first_byte, 2, 1, 2];
        assert_eq!(ack(V311, ReasonCode::Success, None), short);
        assert_eq!(ack(V311, refused, Some("why")), short);
        assert_eq!(ack(V5, ReasonCode::Success, None), short);
        assert_eq!(ack(V5, refused, None), [first_byte, 4, 1, 2, code, 0]);
        let long = [first_byte, 10, 1, 2, code, 6, 0x1F, 0, 3, b'w', b'h', b'y'];
        assert_eq!(ack(V5, refused, Some("why")), long);
    }
}

#[test]
fn the_other_packets_are_written() {
    let reasons = [0, 1, 2, 0x80, 0x87, 0x8F, 0x97, 0x9E];
    let found = written(V311, |writer, out| {
        writer.subscribe_ack(out, 0x0102, &reasons)
    });
    assert_eq!(found, b"\x90\x0A\x01\x02\x00\x01\x02\x80\x80\x80\x80\x80");
    let found = written(V5, |writer, out| {
        writer.subscribe_ack(out, 0x0102, &reasons)
    });
    assert_eq!(
        found,
        b"\x90\x0B\x01\x02\x00\x00\x01\x02\x80\x87\x8F\x97\x9E"
    );

    let reasons = [
        ReasonCode::Success,
        ReasonCode::NoSubscriptionExisted,
        ReasonCode::TopicFilterInvalid,
    ];
    let found = written(V311, |writer, out| writer.unsubscribe_ack(out, 1, &reasons));
    assert_eq!(found, b"\xB0\x02\x00\x01");
    let found = written(V5, |writer, out| writer.unsubscribe_ack(out, 1, &reasons));
    assert_eq!(found, b"\xB0\x06\x00\x01\x00\x00\x11\x8F");

    let taken_over = |writer: &mut PacketWriter, out: &mut BytesMut| {
        writer.disconnect(out, ReasonCode::SessionTakenOver, Some("bye"));
    };
    assert!(written(V311, taken_over).is_empty());
    assert_eq!(written(V5, taken_over), b"\xE0\x08\x8E\x06\x1F\x00\x03bye");
    for version in [V311, V5] {
        assert_eq!(
            written(version, |writer, out| writer.ping_response(out)),
            b"\xD0\x00"
        );
    }
}

#[test]
fn reason_strings_are_left_out_where_they_are_not_wanted_or_too_long() {
    let text = "x".repeat(200);
    let disconnect = |writer: &mut PacketWriter, out: &mut BytesMut| {
        writer.disconnect(out, ReasonCode::ProtocolError, Some(&text));
    };
    let long = written(V5, disconnect);
    assert_eq!(long.len(), 3 + 1 + 2 + 3 + 200);
    assert_eq!(limited(V5, Some(209), disconnect), long);
    assert_eq!(limited(V5, Some(208), disconnect), b"\xE0\x02\x82\x00");
    assert_eq!(
        limited(V5, Some(3), disconnect),
        b"",
        "it is not sent at all [MQTT-3.1.2-25]"
    );
    let mut out = BytesMut::new();
    disconnect(&mut PacketWriter::new(V5, None, false), &mut out);
    assert_eq!(out, b"\xE0\x02\x82\x00"[..]);

    // The lengths at which a length becomes a byte longer.
    for length in (100..150).chain(16_360..16_400) {
        let text = "y".repeat(length);
        let ack = written(V5, |writer, out| {
            writer.ack(out, AckKind::Ack, 1, ReasonCode::QuotaExceeded, Some(&text));
        });
        assert!(read(V5, &ack).is_ok(), "a reason string of {length} bytes");
    }
}

/// A delivery of a message with everything.
fn full_message() -> Message {
    let properties = Properties {
        is_text: true,
        content_type: Some("t".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some(b"d".to_vec()),
        user_properties: vec![("n".to_owned(), "v".to_owned())],
    };
    Message {
        properties: Some(Box::new(properties)),
        ..Message::new(
            "a/b".parse().unwrap(),
            Bytes::from_static(b"hi"),
            QoS::AtLeastOnce,
        )
    }
}

fn plain<'a>(message: &'a Message) -> Delivered<'a> {
    Delivered {
        message,
        qos: QoS::AtMostOnce,
        retain: false,
        dup: false,
        packet_id: None,
        expiry_seconds: None,
        identifiers: &[],
        alias: None,
    }
}

fn full<'a>(message: &'a Message, alias: Alias) -> Delivered<'a> {
    Delivered {
        message,
        qos: QoS::ExactlyOnce,
        retain: true,
        dup: true,
        packet_id: Some(0x0102),
        expiry_seconds: Some(9),
        identifiers: &[1, 300],
        alias: Some(alias),
    }
}

fn put(version: Version, delivered: &Delivered<'_>) -> Vec<u8> {
    written(version, |writer, out| {
        writer.publish(out, delivered).unwrap()
    })
}

#[test]
fn messages_are_delivered_with_all_they_have() {
    let message = Message::new(
        "a/b".parse().unwrap(),
        Bytes::from_static(b"hi"),
        QoS::AtMostOnce,
    );
    assert_eq!(put(V311, &plain(&message)), b"\x30\x07\x00\x03a/bhi");
    assert_eq!(put(V5, &plain(&message)), b"\x30\x08\x00\x03a/b\x00hi");

    let message = full_message();
    let properties = b"\x23\0\x07\x02\0\0\0\x09\x0B\x01\x0B\xAC\x02\x01\x01\x03\0\x01t\x08\0\x01r\x09\0\x01d\x26\0\x01n\0\x01v";
    let length = [properties.len() as u8];
    let body = [b"\0\x03a/b\x01\x02", &length[..], properties, b"hi"].concat();
    assert_eq!(put(V5, &full(&message, Alias::New(7))), frame(0x3D, &body));
    let body = [b"\0\0\x01\x02", &length[..], properties, b"hi"].concat();
    assert_eq!(
        put(V5, &full(&message, Alias::Known(7))),
        frame(0x3D, &body)
    );
    // Nothing of MQTT 5 goes to a client of 3.1.1.
    assert_eq!(
        put(V311, &full(&message, Alias::Known(7))),
        b"\x3D\x09\0\x03a/b\x01\x02hi"
    );
}

#[test]
fn messages_are_as_large_as_the_client_takes() {
    let message = full_message();
    for version in [V311, V5] {
        for delivered in [
            plain(&message),
            full(&message, Alias::New(1)),
            full(&message, Alias::Known(1)),
        ] {
            let bytes = put(version, &delivered).len() as u32;
            let mut out = BytesMut::from(&b"before"[..]);
            let mut exact = PacketWriter::new(version, Some(bytes), true);
            let mut smaller = PacketWriter::new(version, Some(bytes - 1), true);
            assert_eq!(smaller.publish(&mut out, &delivered), Err(TooLarge));
            assert_eq!(out, b"before"[..], "nothing was written");
            assert_eq!(exact.publish(&mut out, &delivered), Ok(()));
        }
    }
    // A function's message may have what no packet can carry.
    let mut message = full_message();
    message.properties.as_mut().unwrap().content_type = Some("x".repeat(65_536));
    let mut writer = PacketWriter::new(V5, None, true);
    assert_eq!(
        writer.publish(&mut BytesMut::new(), &plain(&message)),
        Err(TooLarge)
    );
}

#[test]
fn deliveries_are_what_the_codec_writes() {
    let mut message = full_message();
    for length in [
        0, 1, 100, 110, 120, 127, 128, 16_300, 16_360, 16_384, 70_000, 2_097_152,
    ] {
        message.payload = Bytes::from(vec![b'x'; length]);
        let ours = put(V311, &full(&message, Alias::New(1)));
        let packet = rmqtt_codec::types::Publish {
            dup: true,
            retain: true,
            qos: rmqtt_codec::types::QoS::ExactlyOnce,
            topic: "a/b".into(),
            packet_id: 0x0102.try_into().ok(),
            payload: message.payload.clone(),
            properties: None,
        };
        let mut theirs = BytesMut::new();
        let boxed = Box::new(packet.clone());
        let mut codec = rmqtt_codec::v3::Codec::new(0);
        codec
            .encode(rmqtt_codec::v3::Packet::Publish(boxed), &mut theirs)
            .unwrap();
        assert_eq!(ours, theirs, "{length} bytes");

        // Theirs has the properties in another order.
        let ours = put(V5, &plain(&message));
        let properties = rmqtt_codec::v5::PublishProperties {
            content_type: Some("t".into()),
            correlation_data: Some(Bytes::from_static(b"d")),
            response_topic: Some("r".into()),
            is_utf8_payload: true,
            user_properties: vec![("n".into(), "v".into())],
            ..Default::default()
        };
        let packet = rmqtt_codec::types::Publish {
            dup: false,
            retain: false,
            qos: rmqtt_codec::types::QoS::AtMostOnce,
            packet_id: None,
            properties: Some(properties),
            ..packet
        };
        let mut theirs = BytesMut::new();
        let boxed = Box::new(packet);
        let mut codec = rmqtt_codec::v5::Codec::new(0, 0);
        codec
            .encode(rmqtt_codec::v5::Packet::Publish(boxed), &mut theirs)
            .unwrap();
        assert_eq!(ours.len(), theirs.len(), "{length} bytes");
    }
}
