//! Secrets: named values that functions are granted, kept out of logs, errors and answers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::name::Name;
use crate::limits::SECRET_BYTES_MAX;

/// The value of a secret. It has no `Display`, cannot be serialised, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Arc<str>);

/// Bytes that cannot be a secret's value. Says nothing of what they are.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a secret is text (UTF-8) of 1 to {SECRET_BYTES_MAX} bytes; this one {0}")]
pub struct InvalidSecret(String);

/// All secrets of the host, as they are now; clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<ArcSwap<BTreeMap<Name, SecretValue>>>);

impl SecretValue {
    /// The secret itself, for those that need it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for SecretValue {
    type Error = InvalidSecret;

    fn try_from(bytes: Vec<u8>) -> Result<SecretValue, InvalidSecret> {
        if bytes.is_empty() || bytes.len() > SECRET_BYTES_MAX {
            return Err(InvalidSecret(format!("has {} bytes", bytes.len())));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(SecretValue(text.into())),
            Err(_) => Err(InvalidSecret("is not text".to_owned())),
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

impl Secrets {
    /// These secrets, in place of those that were there.
    pub fn replace(&self, all: BTreeMap<Name, SecretValue>) {
        self.0.store(Arc::new(all));
    }

    /// The value of a secret, if there is one of this name.
    pub fn get(&self, name: &Name) -> Option<SecretValue> {
        self.0.load().get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_only_when_asked() {
        let value = SecretValue::try_from(b"s3cr3t".to_vec()).expect("text");
        assert_eq!(value.reveal(), "s3cr3t");
        assert!(!format!("{value:?}").contains("s3cr3t"));
        let secrets = Secrets::default();
        let name: Name = "weather-key".parse().expect("a name");
        assert_eq!(secrets.get(&name), None);
        secrets.replace(BTreeMap::from([(name.clone(), value.clone())]));
        assert_eq!(secrets.get(&name), Some(value));
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_without_being_shown() {
        for bytes in [
            vec![],
            vec![b's'; SECRET_BYTES_MAX + 1],
            b"\xffs3cr3t".to_vec(),
        ] {
            let error = SecretValue::try_from(bytes).expect_err("no secret");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
    }
}
