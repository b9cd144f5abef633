//! MQTT packets as bytes, for clients that are to be fast or to keep the client's side of a session: what they send is
//! appended to a buffer, so that many packets leave with one write, and what they receive is taken from one without a
//! copy.
//!
//! Only what such clients need, and nothing of it is checked: a broker's packets are tested with [`crate::raw_mqtt`].

use crate::raw_mqtt::Version;

/// First byte of PUBACK.
pub const PUBACK: u8 = 0x40;
/// First byte of PUBREC.
pub const PUBREC: u8 = 0x50;
/// First byte of PUBREL, with the flags it must have [MQTT-3.6.1-1].
pub const PUBREL: u8 = 0x62;
/// First byte of PUBCOMP.
pub const PUBCOMP: u8 = 0x70;
/// PINGREQ.
pub const PINGREQ: [u8; 2] = [0xc0, 0];
/// DISCONNECT without a reason, of either version.
pub const DISCONNECT: [u8; 2] = [0xe0, 0];

const FLAG_DUP: u8 = 0x08;
const FLAG_RETAIN: u8 = 0x01;
const KEEP_ALIVE_SECONDS: u16 = 3600;
const FLAG_CLEAN: u8 = 0x02;
const PROPERTY_SESSION_EXPIRY: u8 = 0x11;

/// What is left of a session when its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Nothing, and nothing is there at the beginning.
    Clean,
    /// All of it, for ever.
    Session,
}

/// A message to publish.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Publish<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: u8,
    /// Of QoS 1 and 2.
    pub packet_id: u16,
    pub retain: bool,
    pub dup: bool,
}

/// A packet that has come.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Type and flags.
    pub first: u8,
    /// What follows the length.
    pub body: &'a [u8],
    /// Bytes of the whole packet.
    pub length: usize,
}

/// What a PUBLISH packet that has come says.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Delivery<'a> {
    pub topic: &'a [u8],
    pub payload: &'a [u8],
    pub qos: u8,
    /// 0 at QoS 0.
    pub packet_id: u16,
    pub retain: bool,
    pub dup: bool,
}

/// Appends CONNECT without user or will, with a keep-alive that is longer than any of these clients live: rumqttd takes
/// none without.
pub fn connect(buffer: &mut Vec<u8>, version: Version, client_id: &str, lasting: Lasting) {
    let mut body = b"\0\x04MQTT".to_vec();
    let flags = match lasting {
        Lasting::Clean => FLAG_CLEAN,
        Lasting::Session => 0,
    };
    let [high, low] = KEEP_ALIVE_SECONDS.to_be_bytes();
    body.extend([version.level(), flags, high, low]);
    if version == Version::V5 {
        match lasting {
            Lasting::Clean => body.push(0),
            Lasting::Session => body.extend([5, PROPERTY_SESSION_EXPIRY, 255, 255, 255, 255]),
        }
    }
    text(&mut body, client_id);
    packet(buffer, 0x10, &body);
}

/// Appends PUBLISH.
pub fn publish(buffer: &mut Vec<u8>, version: Version, message: &Publish<'_>) {
    let Publish {
        topic,
        payload,
        qos,
        packet_id,
        retain,
        dup,
    } = *message;
    let mut first = 0x30 | qos << 1;
    if retain {
        first |= FLAG_RETAIN;
    }
    if dup {
        first |= FLAG_DUP;
    }
    let id_length = if qos > 0 { 2 } else { 0 };
    let properties_length = usize::from(version == Version::V5);
    buffer.push(first);
    length(
        buffer,
        2 + topic.len() + id_length + properties_length + payload.len(),
    );
    text(buffer, topic);
    if qos > 0 {
        buffer.extend(packet_id.to_be_bytes());
    }
    if version == Version::V5 {
        buffer.push(0);
    }
    buffer.extend_from_slice(payload);
}

/// Appends PUBACK, PUBREC, PUBREL or PUBCOMP, as its first byte says; without a reason it is the same in both versions.
pub fn acknowledge(buffer: &mut Vec<u8>, first: u8, packet_id: u16) {
    let [high, low] = packet_id.to_be_bytes();
    buffer.extend([first, 2, high, low]);
}

/// Appends SUBSCRIBE to one filter.
pub fn subscribe(buffer: &mut Vec<u8>, version: Version, packet_id: u16, filter: &str, qos: u8) {
    let mut body = filters_head(version, packet_id);
    text(&mut body, filter);
    body.push(qos);
    packet(buffer, 0x82, &body);
}

/// Appends UNSUBSCRIBE from one filter.
pub fn unsubscribe(buffer: &mut Vec<u8>, version: Version, packet_id: u16, filter: &str) {
    let mut body = filters_head(version, packet_id);
    text(&mut body, filter);
    packet(buffer, 0xa2, &body);
}

/// The first packet of what has come, if it is there as a whole.
pub fn first_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&first, rest) = bytes.split_first()?;
    let mut body_length = 0;
    for (index, &byte) in rest.iter().enumerate().take(4) {
        body_length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let begin = 2 + index;
            let length = begin + body_length;
            return (bytes.len() >= length).then(|| Frame {
                first,
                body: &bytes[begin..length],
                length,
            });
        }
    }
    None
}

impl<'a> Frame<'a> {
    /// The packet id that an acknowledgement begins with.
    pub fn packet_id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// The reason code of PUBACK, PUBREC, PUBREL or PUBCOMP; 0, success, where there is none.
    pub fn reason(&self) -> u8 {
        self.body.get(2).copied().unwrap_or(0)
    }

    /// What a PUBLISH packet says.
    pub fn delivery(&self, version: Version) -> Delivery<'a> {
        let qos = self.first >> 1 & 3;
        let topic_length = usize::from(self.packet_id());
        let (topic, mut rest) = self.body[2..].split_at(topic_length);
        let mut packet_id = 0;
        if qos > 0 {
            packet_id = u16::from_be_bytes([rest[0], rest[1]]);
            rest = &rest[2..];
        }
        if version == Version::V5 {
            // One byte is enough for the properties of what these clients publish.
            rest = &rest[1 + usize::from(rest[0])..];
        }
        Delivery {
            topic,
            payload: rest,
            qos,
            packet_id,
            retain: self.first & FLAG_RETAIN != 0,
            dup: self.first & FLAG_DUP != 0,
        }
    }
}

fn filters_head(version: Version, packet_id: u16) -> Vec<u8> {
    let mut body = packet_id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    body
}

fn packet(buffer: &mut Vec<u8>, first: u8, body: &[u8]) {
    buffer.push(first);
    length(buffer, body.len());
    buffer.extend_from_slice(body);
}

fn length(buffer: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        buffer.push(length as u8 | 0x80);
        length >>= 7;
    }
    buffer.push(length as u8);
}

fn text(buffer: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("a short text");
    buffer.extend(length.to_be_bytes());
    buffer.extend_from_slice(text.as_bytes());
}
