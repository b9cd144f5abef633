//! The reader and the writer against hand-written bytes, against each other, and against bytes of chance.

mod allocations;
mod combinations;
mod legal;
mod malformed;
mod written;

use bytes::BytesMut;

use super::*;

/// A packet with the right remaining length.
fn frame(first_byte: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    let mut length = body.len();
    while length >= 0x80 {
        frame.push(0x80 | (length % 0x80) as u8);
        length /= 0x80;
    }
    frame.push(length as u8);
    frame.extend_from_slice(body);
    frame
}

/// The beginning of a CONNECT packet: protocol name and level.
fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::V311 => b"\x00\x04MQTT\x04",
        Version::V5 => b"\x00\x04MQTT\x05",
    }
}

/// What a client with nothing special sends first.
fn connect(version: Version) -> Vec<u8> {
    let rest: &[u8] = match version {
        Version::V311 => b"\x02\x00\x3C\x00\x01a",
        Version::V5 => b"\x02\x00\x3C\x00\x00\x01a",
    };
    frame(0x10, &[protocol(version), rest].concat())
}

/// A reader that has read a CONNECT.
fn connected(version: Version) -> PacketReader {
    let mut reader = PacketReader::new();
    let mut buffer = BytesMut::from(&connect(version)[..]);
    let packet = reader.next(&mut buffer).unwrap().unwrap();
    assert!(matches!(packet, Packet::Connect(_)), "{packet:?}");
    assert!(buffer.is_empty());
    assert_eq!(reader.version(), Some(version));
    reader
}

/// Reads one packet: a CONNECT from a fresh connection, all others behind a CONNECT.
fn read(version: Version, packet: &[u8]) -> Result<Packet, Malformed> {
    let mut reader = match packet[0] >> 4 {
        1 => PacketReader::new(),
        _ => connected(version),
    };
    let mut buffer = BytesMut::from(packet);
    let read = reader.next(&mut buffer)?;
    let read = read.unwrap_or_else(|| panic!("{packet:02X?} waits for more bytes"));
    assert!(buffer.is_empty(), "{packet:02X?} leaves bytes behind");
    Ok(read)
}

/// Every legal packet of the tests.
pub(crate) fn legal_packets() -> Vec<(Version, Vec<u8>)> {
    let cases = legal::CASES.iter();
    cases
        .map(|&(_, version, first_byte, body)| (version, frame(first_byte, body)))
        .collect()
}

fn reason(version: Version, packet: &[u8]) -> Option<ReasonCode> {
    read(version, packet)
        .err()
        .map(|malformed| malformed.reason)
}
