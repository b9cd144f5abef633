//! Passwords of devices: made here, shown once, and kept as what they can be recognised by.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

/// Bytes of randomness in a password: 160 bits, so that nobody guesses one, however fast the guesses are.
const RANDOM_BYTES: usize = 20;
const SALT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;
/// Base32 (RFC 4648) in lower case: nothing that a shell, a URL or a configuration file takes for something else.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A fresh password. It has no `Display`, cannot be serialised, and its `Debug` does not show it.
pub struct Password(String);

/// What a password is recognised by: the SHA-256 of a salt and the password.
///
/// A fast hash is right here. Slow ones make up for passwords that people choose; these have [`RANDOM_BYTES`] of
/// randomness, and thousands of devices that connect anew after a power cut are not to wait for each other.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// Random, so that nobody who reads the database can look for many at once.
    pub salt: [u8; SALT_BYTES],
    /// The hash itself.
    pub digest: [u8; DIGEST_BYTES],
}

impl Password {
    /// A password that nobody has had before; fails where there is no randomness to be had.
    pub fn generate() -> Result<Password, Unspecified> {
        let mut bytes = [0; RANDOM_BYTES];
        rand::fill(&mut bytes)?;
        // Five bytes are eight characters.
        let characters = bytes.chunks_exact(5).flat_map(|chunk| {
            let bits = chunk
                .iter()
                .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            (0..8).rev().map(move |place| bits >> (5 * place) & 31)
        });
        let character = |index| char::from(ALPHABET[usize::try_from(index).unwrap_or_default()]);
        Ok(Password(characters.map(character).collect()))
    }

    /// The password itself, for the one who is to have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What it is to be recognised by.
    pub fn hash(&self) -> Result<PasswordHash, Unspecified> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt)?;
        let digest = digest(&salt, self.0.as_bytes());
        Ok(PasswordHash { salt, digest })
    }
}

impl PasswordHash {
    /// What no password is recognised by. It takes as long to find that out as with any other.
    pub const NOBODYS: PasswordHash = PasswordHash {
        salt: [0; SALT_BYTES],
        digest: [0; DIGEST_BYTES],
    };

    /// Whether this is the password.
    pub fn matches(&self, password: &[u8]) -> bool {
        verify_slices_are_equal(&digest(&self.salt, password), &self.digest).is_ok()
    }
}

fn digest(salt: &[u8], password: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(password);
    let digest = context.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_password_is_recognised_and_nothing_else() {
        let password = Password::generate().expect("randomness");
        let hash = password.hash().expect("randomness");
        assert!(hash.matches(password.reveal().as_bytes()));
        let other = Password::generate().expect("randomness");
        let almost = &password.reveal()[1..];
        for wrong in [
            other.reveal(),
            almost,
            "",
            &password.reveal().to_uppercase(),
        ] {
            assert!(!hash.matches(wrong.as_bytes()), "{wrong}");
        }
        assert!(!PasswordHash::NOBODYS.matches(b""));
        assert_ne!(
            password.hash().expect("randomness"),
            hash,
            "each has a salt of its own"
        );
        let shown = format!("{password:?} {hash:?}");
        assert!(!shown.contains(password.reveal()), "{shown}");
    }

    #[test]
    fn passwords_are_of_one_form_and_all_different() {
        let passwords: BTreeSet<String> = (0..1000)
            .map(|_| Password::generate().expect("randomness").0)
            .collect();
        assert_eq!(passwords.len(), 1000);
        let in_alphabet = |c: u8| ALPHABET.contains(&c);
        let of_form = |password: &String| password.len() == 32 && password.bytes().all(in_alphabet);
        assert!(passwords.iter().all(of_form));
        // Every place takes every character: none is fixed by how bits are cut.
        for place in 0..32 {
            let characters: BTreeSet<u8> = passwords
                .iter()
                .map(|password| password.as_bytes()[place])
                .collect();
            assert_eq!(characters.len(), 32, "place {place}");
        }
    }
}
