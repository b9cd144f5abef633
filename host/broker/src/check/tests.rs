//! Bytes of chance, made of legal packets and topics with small mistakes: always the same ones.

use std::time::{Duration, Instant};

use super::*;
use crate::packet::legal_packets;

/// Enough to find what a fuzzer finds in its first minute; a slow machine stops before.
const ROUNDS: usize = 200_000;
const TIME_MAX: Duration = Duration::from_secs(5);

/// xorshift64*
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).expect("48 bits") % bound.max(1)
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Changes the bytes in one place.
    fn mutate(&mut self, bytes: &mut Vec<u8>, alphabet: &[u8]) {
        let place = self.below(bytes.len());
        let byte = *self.pick(alphabet);
        match self.below(6) {
            _ if bytes.is_empty() => bytes.push(byte),
            0 => bytes[place] = byte,
            1 => bytes[place] ^= 1 << self.below(8),
            2 => bytes.insert(place, byte),
            3 => _ = bytes.remove(place),
            4 => bytes.truncate(place),
            _ => {
                let end = place + self.below(bytes.len() - place);
                bytes.extend_from_within(place..end);
            }
        }
    }
}

fn rounds() -> impl Iterator<Item = usize> {
    let begin = Instant::now();
    (0..ROUNDS).take_while(move |round| round % 1000 != 0 || begin.elapsed() < TIME_MAX)
}

#[test]
fn packets_with_mistakes_do_no_harm() {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let alphabet = b"\x00\x01\x02\x04\x05\x0B\x10\x23\x26\x30\x7F\x80\x82\xC0\xFF+#/$a";
    let legal = legal_packets();
    let mut read = 0;
    for _ in rounds() {
        let mut bytes = vec![chance.next() as u8];
        for _ in 0..=chance.below(3) {
            let (_, packet) = chance.pick(&legal);
            let mut packet = packet.clone();
            for _ in 0..chance.below(4) {
                chance.mutate(&mut packet, alphabet);
            }
            // Mostly with a right length, so that what is behind it is looked at.
            if packet.len() > 1 && packet.len() < 0x80 && chance.below(4) != 0 {
                packet[1] = u8::try_from(packet.len() - 2).expect("less than 128");
            }
            bytes.extend(packet);
        }
        packets(&bytes);
        read += 1;
    }
    assert!(read > 1000, "{read} rounds only");
}

#[test]
fn filters_and_topics_with_mistakes_do_no_harm() {
    let mut chance = Chance(0xD1B5_4A32_D192_ED03);
    let words = ["a", "b", "+", "#", "$SYS", "$share", "", "ü", "+a", "a#"];
    for _ in rounds() {
        let mut text = Vec::new();
        for line in 0..3 {
            for level in 0..=chance.below(5) {
                let separator: &[u8] = if level > 0 { b"/" } else { b"" };
                text.extend_from_slice(separator);
                // Topics mostly without wildcards.
                let words = if line == 2 { &words[..2] } else { &words[..] };
                text.extend_from_slice(chance.pick(words).as_bytes());
            }
            text.push(b'\n');
        }
        text.pop();
        for _ in 0..chance.below(3) {
            chance.mutate(&mut text, "/+#$\0\u{7F}a\n".as_bytes());
        }
        topics(&text);
    }
}
