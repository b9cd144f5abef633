//! From bytes to packets: waits for a whole packet, has it checked by the [guard], and gives it to the codec of the
//! connection's version.
//!
//! The codec never sees a part of a packet: it would take the packet's header out of the buffer, and reserve what the
//! packet says it will be long.

use bytes::BytesMut;
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder as _;

use super::cursor::{Cursor, VariableByteInteger};
use super::{Malformed, Packet, ReasonCode, Version, convert, guard, malformed, protocol_error};
use crate::limits::{CONNECT_BYTES_MAX, PACKET_BYTES_MAX};

/// The codec reserves room for the next packet's header. A client that is idle from now on needs none.
const NEXT_HEADER_BYTES: usize = 5;

/// Reads the packets of one connection.
#[derive(Debug, Default)]
pub struct PacketReader {
    version: Option<Version>,
    is_connected: bool,
}

/// The fixed header of a packet (section 2.1 of MQTT 5, 2.2 of 3.1.1).
struct Header {
    first_byte: u8,
    remaining_length: VariableByteInteger,
}

impl Header {
    /// None: it is not there yet.
    fn peek(buffer: &[u8]) -> Result<Option<Header>, Malformed> {
        let Some((&first_byte, behind)) = buffer.split_first() else {
            return Ok(None);
        };
        let remaining_length = VariableByteInteger::read(behind)?;
        Ok(remaining_length.map(|remaining_length| Header {
            first_byte,
            remaining_length,
        }))
    }

    fn bytes(&self) -> usize {
        1 + self.remaining_length.length
    }

    fn packet_bytes(&self) -> usize {
        self.bytes() + self.remaining_length.value as usize
    }
}

impl PacketReader {
    /// The first packet is to be a CONNECT, and none after it.
    pub fn new() -> PacketReader {
        PacketReader::default()
    }

    /// The version that the client speaks. Of a CONNECT that was refused, it is the one to answer in, if its version could
    /// be read at all: of a version that is not spoken here, the nearest.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Takes the next packet out of the buffer, if it is all there. None: more bytes are needed.
    ///
    /// Nothing is reserved for a packet that is not there yet, whatever length it announces.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, Malformed> {
        let Some(&first_byte) = buffer.first() else {
            return Ok(None);
        };
        let version = match self.version {
            Some(version) if self.is_connected => {
                guard::check_first_byte(first_byte, version)?;
                Some(version)
            }
            _ => {
                expect_connect(first_byte)?;
                None
            }
        };
        let Some(header) = Header::peek(buffer)? else {
            return Ok(None);
        };
        let version = match version {
            Some(version) => {
                expect_size(&header, PACKET_BYTES_MAX)?;
                version
            }
            None => {
                // What follows the packet says nothing about it.
                let end = header.packet_bytes().min(buffer.len());
                self.version = peek_version(&buffer[header.bytes()..end]);
                expect_size(&header, CONNECT_BYTES_MAX)?;
                if buffer.len() < header.packet_bytes() {
                    return Ok(None);
                }
                expect_version(&buffer[header.bytes()..header.packet_bytes()])?
            }
        };
        if version == Version::V5 {
            header.remaining_length.expect_shortest()?;
        }
        if buffer.len() < header.packet_bytes() {
            return Ok(None);
        }
        let packet = read_packet(&header, version, buffer)?;
        self.is_connected = true;
        Ok(Some(packet))
    }
}

fn expect_connect(first_byte: u8) -> Result<(), Malformed> {
    match first_byte {
        0x10 => Ok(()),
        0x11..=0x1F => Err(malformed(
            "the flags of the fixed header are reserved [MQTT-2.1.3-1]",
        )),
        _ => Err(protocol_error(
            "the first packet is not a CONNECT [MQTT-3.1.0-1]",
        )),
    }
}

fn expect_size(header: &Header, bytes_max: usize) -> Result<(), Malformed> {
    if header.packet_bytes() > bytes_max {
        let text = format!("a packet of more than {bytes_max} bytes");
        return Err(Malformed::new(ReasonCode::PacketTooLarge, text));
    }
    Ok(())
}

/// The version to answer in, as far as it can be seen already.
fn peek_version(body: &[u8]) -> Option<Version> {
    let mut cursor = Cursor::new(body);
    cursor.binary().ok()?;
    // The highest bit says that the client is a bridge, by a convention of some brokers.
    let level = cursor.byte().ok()? & 0x7F;
    Some(if level < 5 {
        Version::V311
    } else {
        Version::V5
    })
}

/// [MQTT-3.1.2-1, MQTT-3.1.2-2]: other protocols and versions are told so.
fn expect_version(body: &[u8]) -> Result<Version, Malformed> {
    let mut cursor = Cursor::new(body);
    let name = cursor.binary()?;
    let level = cursor.byte()?;
    match (name, level) {
        (b"MQTT", 4) => Ok(Version::V311),
        (b"MQTT", 5) => Ok(Version::V5),
        _ => {
            let text = "only MQTT 3.1.1 and 5 are spoken here [MQTT-3.1.2-2]";
            Err(Malformed::new(ReasonCode::UnsupportedProtocolVersion, text))
        }
    }
}

fn read_packet(
    header: &Header,
    version: Version,
    buffer: &mut BytesMut,
) -> Result<Packet, Malformed> {
    let body = &mut buffer[header.bytes()..header.packet_bytes()];
    let beside = guard::check(header.first_byte, version, body)?;
    let was_full = buffer.capacity() - header.packet_bytes() < NEXT_HEADER_BYTES;
    // The codecs keep nothing from one whole packet to the next.
    let packet = match version {
        Version::V311 => match v3::Codec::new(0).decode(buffer) {
            Ok(Some((packet, _))) => convert::from_v3(packet, beside),
            refused => Err(refusal(refused.err())),
        },
        Version::V5 => match v5::Codec::new(0, 0).decode(buffer) {
            Ok(Some((packet, _))) => convert::from_v5(packet, beside),
            refused => Err(refusal(refused.err())),
        },
    };
    if was_full && buffer.is_empty() {
        *buffer = BytesMut::new();
    }
    packet
}

/// All that is left to the codec is whether text is UTF-8.
#[cold]
fn refusal(error: Option<DecodeError>) -> Malformed {
    match error {
        Some(DecodeError::Utf8Error) | None => malformed("text that is not UTF-8 [MQTT-1.5.4-1]"),
        Some(error) => malformed(error.to_string().to_lowercase()),
    }
}
