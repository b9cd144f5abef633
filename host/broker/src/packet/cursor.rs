//! Walks over the bytes of one packet: the data representations of the standard (section 1.5 of both versions).
//!
//! It checks lengths and what the codec does not: NUL characters and lengths that are not written as short as they can be.
//! That text is UTF-8 is left to the codec, which has to look at each byte of it anyway.

use super::{Malformed, ReasonCode, malformed};

/// A place in a packet, behind its fixed header.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning.
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, position: 0 }
    }

    /// Bytes between the packet's beginning and here.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// That nothing is left.
    pub(super) fn expect_end(&self) -> Result<(), Malformed> {
        if self.is_at_end() {
            return Ok(());
        }
        Err(malformed("the packet goes on behind its last field"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let Some(taken) = self.rest().get(..length) else {
            return Err(malformed("the packet ends within a field"));
        };
        self.position += length;
        Ok(taken)
    }

    fn take_array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Malformed> {
        let Some(taken) = self.rest().first_chunk() else {
            return Err(malformed("the packet ends within a field"));
        };
        self.position += LENGTH;
        Ok(*taken)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.take_array().map(|[byte]| byte)
    }

    /// A two byte integer.
    pub(super) fn two_byte_integer(&mut self) -> Result<u16, Malformed> {
        self.take_array().map(u16::from_be_bytes)
    }

    /// A four byte integer.
    pub(super) fn four_byte_integer(&mut self) -> Result<u32, Malformed> {
        self.take_array().map(u32::from_be_bytes)
    }

    /// A variable byte integer of MQTT 5.
    pub(super) fn variable_byte_integer(&mut self) -> Result<u32, Malformed> {
        let Some(integer) = VariableByteInteger::read(self.rest())? else {
            return Err(malformed("the packet ends within a field"));
        };
        integer.expect_shortest()?;
        self.position += integer.length;
        Ok(integer.value)
    }

    /// Binary data: two bytes of length, and as many bytes.
    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.two_byte_integer()?;
        self.take(length.into())
    }

    /// Text, which the codec checks to be UTF-8.
    pub(super) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let text = self.binary()?;
        if text.contains(&0) {
            return Err(malformed("a NUL character in text [MQTT-1.5.4-2]"));
        }
        Ok(text)
    }

    /// A topic name; empty ones are the caller's business.
    pub(super) fn topic_name(&mut self) -> Result<&'a [u8], Malformed> {
        let topic = self.binary()?;
        let is_special = |byte: u8| (byte == 0) | (byte == b'+') | (byte == b'#');
        // Without an early end, which would keep the compiler from looking at several bytes at once.
        if topic
            .iter()
            .fold(false, |any, &byte| any | is_special(byte))
        {
            return Err(topic_error(topic));
        }
        Ok(topic)
    }

    /// A packet identifier.
    pub(super) fn packet_id(&mut self) -> Result<(), Malformed> {
        if self.two_byte_integer()? == 0 {
            let text = "a packet identifier is not 0 [MQTT-2.2.1-3]";
            return Err(Malformed::new(ReasonCode::ProtocolError, text));
        }
        Ok(())
    }

    /// The next so many bytes as a walk of their own, whose positions count from the packet's beginning too.
    pub(super) fn part(&mut self, length: usize) -> Result<Cursor<'a>, Malformed> {
        let position = self.position;
        self.take(length)?;
        Ok(Cursor {
            bytes: &self.bytes[..self.position],
            position,
        })
    }
}

#[cold]
fn topic_error(topic: &[u8]) -> Malformed {
    if topic.contains(&0) {
        return malformed("a NUL character in a topic [MQTT-4.7.3-2]");
    }
    let text = "a wildcard in a topic name [MQTT-3.3.2-2]";
    Malformed::new(ReasonCode::TopicNameInvalid, text)
}

/// Seven bits a byte, the lowest first (MQTT 3.1.1, section 2.2.3; MQTT 5, section 1.5.5).
#[derive(Clone, Copy, Debug)]
pub(super) struct VariableByteInteger {
    /// At most 268,435,455.
    pub(super) value: u32,
    /// Bytes that it takes: 1 to 4.
    pub(super) length: usize,
}

impl VariableByteInteger {
    /// None: its last byte is not there yet.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<VariableByteInteger>, Malformed> {
        let mut value = 0;
        for (index, &byte) in bytes.iter().take(4).enumerate() {
            value |= u32::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                let length = index + 1;
                return Ok(Some(VariableByteInteger { value, length }));
            }
        }
        if bytes.len() < 4 {
            return Ok(None);
        }
        let text = "a variable byte integer has at most 4 bytes";
        Err(malformed(text))
    }

    /// MQTT 5 asks for the shortest form; 3.1.1 does not.
    pub(super) fn expect_shortest(self) -> Result<(), Malformed> {
        if self.length > 1 && self.value >> (7 * (self.length - 1)) == 0 {
            let text = "a variable byte integer is written as short as it can be [MQTT-1.5.5-1]";
            return Err(malformed(text));
        }
        Ok(())
    }
}
