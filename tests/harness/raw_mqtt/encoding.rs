//! The data types of the protocol (chapter 1.5 of both specifications), as bytes and from bytes.

/// A whole packet: this first byte, the length of `body`, `body`.
pub fn packet(first_byte: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = u32::try_from(body.len()).expect("a test's packet is small");
    [&[first_byte][..], &variable_integer(length), body].concat()
}

/// Two bytes of length, and these bytes: a string, or binary data.
pub fn text(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let length = u16::try_from(bytes.len()).expect("at most 65,535 bytes");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// A variable byte integer in as few bytes as possible.
pub fn variable_integer(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number % 128).expect("less than 128");
        number /= 128;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Reads a variable byte integer and tells how many bytes it has; none where more bytes are needed. Panics where it has
/// more than four bytes, or more than it needs ([MQTT-1.5.5-1]).
pub(super) fn take_variable_integer(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate() {
        assert!(index < 4, "a length of more than four bytes: {bytes:02x?}");
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let is_short = *byte != 0 || index == 0;
            assert!(is_short, "a length in more bytes than it needs");
            return Some((number, index + 1));
        }
    }
    None
}

/// What is left of a packet's body.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: body }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let split = self.rest.split_at_checked(length);
        let (taken, rest) =
            split.unwrap_or_else(|| panic!("{length} bytes expected in {:02x?}", self.rest));
        self.rest = rest;
        taken
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    pub(super) fn two_bytes(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().expect("two bytes"))
    }

    pub(super) fn four_bytes(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    pub(super) fn variable_integer(&mut self) -> u32 {
        let read = take_variable_integer(self.rest).expect("a whole number");
        self.take(read.1);
        u32::try_from(read.0).expect("at most 28 bits")
    }

    pub(super) fn binary(&mut self) -> &'a [u8] {
        let length = self.two_bytes();
        self.take(length.into())
    }

    /// A string: UTF-8 without U+0000 ([MQTT-1.5.4-1], [MQTT-1.5.4-2]).
    pub(super) fn text(&mut self) -> String {
        let bytes = self.binary().to_vec();
        let text = String::from_utf8(bytes).expect("UTF-8 from the server");
        assert!(!text.contains('\0'), "U+0000 from the server: {text:?}");
        text
    }
}
