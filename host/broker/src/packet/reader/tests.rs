//! Reading packets that are cut anywhere, and what MQTT 5 adds to them.

use super::*;
use crate::message::QoS;

const CONNECT_V311: &[u8] = b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01a";
const CONNECT_V5: &[u8] = b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01a";

fn connected(connect: &[u8]) -> PacketReader {
    let mut reader = PacketReader::new();
    let mut buffer = BytesMut::from(connect);
    let packet = reader.next(&mut buffer).unwrap().unwrap();
    assert!(matches!(packet, Packet::Connect(_)), "{packet:?}");
    assert!(buffer.is_empty());
    reader
}

#[test]
fn a_publish_is_read_once_it_is_all_there() {
    let publish = b"\x3B\x0B\x00\x03a/b\x12\x34data";
    let mut reader = connected(CONNECT_V311);
    for length in 0..publish.len() {
        let mut buffer = BytesMut::from(&publish[..length]);
        assert!(reader.next(&mut buffer).unwrap().is_none());
        assert_eq!(
            buffer.len(),
            length,
            "nothing is taken out before it is all there"
        );
    }
    let mut buffer = BytesMut::from(&publish[..]);
    let Some(Packet::Publish(publish)) = reader.next(&mut buffer).unwrap() else {
        panic!("no PUBLISH");
    };
    assert_eq!(&*publish.topic, "a/b");
    assert_eq!(publish.packet_id, Some(0x1234));
    assert_eq!(&*publish.payload, b"data");
    assert_eq!(publish.qos, QoS::AtLeastOnce);
    assert!(publish.dup && publish.retain);
    assert!(publish.properties.is_none());
}

#[test]
fn what_mqtt_5_adds_to_a_publish_is_read() {
    let properties = b"\x01\x01\x02\x00\x00\x00\x00\x03\x00\x01c\x08\x00\x01r\x09\x00\x01d\x23\x00\x07\x26\x00\x01n\x00\x01v";
    let mut publish = vec![
        0x30,
        5 + properties.len() as u8,
        0,
        0,
        properties.len() as u8,
    ];
    publish.extend_from_slice(properties);
    publish.extend_from_slice(b"hi");
    let mut buffer = BytesMut::from(&publish[..]);
    let Some(Packet::Publish(publish)) = connected(CONNECT_V5).next(&mut buffer).unwrap() else {
        panic!("no PUBLISH");
    };
    assert_eq!(publish.expiry_seconds, Some(0));
    assert_eq!(publish.topic_alias, Some(7));
    let properties = publish.properties.unwrap();
    assert!(properties.is_text);
    assert_eq!(properties.content_type.as_deref(), Some("c"));
    assert_eq!(properties.response_topic.as_deref(), Some("r"));
    assert_eq!(properties.correlation_data.as_deref(), Some(&b"d"[..]));
    assert_eq!(
        properties.user_properties,
        [("n".to_owned(), "v".to_owned())]
    );
}
