//! What the operator says about the external broker.

use std::fmt;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use super::address::UpstreamAddress;
use super::tls::UpstreamTls;
use crate::limits::UPSTREAM_SESSION_EXPIRY_DEFAULT;

/// An external broker, in place of the embedded one's listeners.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Where it is, and the user name.
    pub address: UpstreamAddress,
    /// The password.
    pub password: Option<Password>,
    /// Files for TLS; of no meaning with `mqtt://`.
    pub tls: UpstreamTls,
    /// Who the host is to the broker. Its own, and always the same, so that it finds what waits for it: see
    /// [`client_id_in`]. A second connection, which publishes, adds `-publisher`.
    pub client_id: String,
    /// The name under which hosts share messages: the triggers of a function with the filter `a/#` are subscribed to as
    /// `$share/{name}/a/#`.
    pub share_name: ShareName,
    /// How long the broker keeps what waits for this host while it is away. Brokers that give a message to one member of
    /// the group for good keep it that long from the other hosts.
    pub session_expiry: Duration,
    /// Whether this host asks for retained messages when a filter is new to a function.
    pub retained: AskRetained,
}

/// Whether retained messages are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskRetained {
    /// For each filter that is new to a function of this host. Where several hosts share the load, each of them has them
    /// once.
    Yes,
    /// Another host of the group does.
    No,
}

/// A password, which shows nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// The name of a group that shares a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareName(String);

/// It is not a name of a group.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no name for a group of hosts: it has at least one character, and no `/`, `+` or `#` [MQTT-4.8.2-2]"
)]
pub struct InvalidShareName(String);

impl UpstreamSettings {
    /// What is known, and defaults for the rest.
    pub fn new(address: UpstreamAddress, client_id: String) -> UpstreamSettings {
        UpstreamSettings {
            address,
            password: None,
            tls: UpstreamTls::default(),
            client_id,
            share_name: ShareName::default(),
            session_expiry: UPSTREAM_SESSION_EXPIRY_DEFAULT,
            retained: AskRetained::Yes,
        }
    }
}

impl Password {
    /// From the text of a setting.
    pub fn new(text: String) -> Password {
        Password(text)
    }

    /// From a file, without the line break at its end.
    pub fn read(path: &Path) -> io::Result<Password> {
        let mut text = fs::read_to_string(path)?;
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        Ok(Password(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl ShareName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ShareName {
    fn default() -> ShareName {
        ShareName("tidegate".to_owned())
    }
}

impl FromStr for ShareName {
    type Err = InvalidShareName;

    fn from_str(text: &str) -> Result<ShareName, InvalidShareName> {
        if text.is_empty() || text.contains(['/', '+', '#', '\0']) {
            return Err(InvalidShareName(text.to_owned()));
        }
        Ok(ShareName(text.to_owned()))
    }
}

/// The client id that this file has; a new one, which no other host has, where there is no such file yet.
pub fn client_id_in(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Its keys are random.
    let random = RandomState::new().hash_one(path);
    let client_id = format!("tidegate-{:012x}", random >> 16);
    let new = path.with_extension("new");
    let file = fs::File::create(&new)?;
    io::Write::write_all(&mut &file, format!("{client_id}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(client_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_stays_the_same_and_is_of_one_host_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, other) = (directory.path().join("one"), directory.path().join("other"));
        let first = client_id_in(&one).expect("a client id");
        assert!(
            first.starts_with("tidegate-") && first.len() == 21,
            "{first}"
        );
        assert_eq!(client_id_in(&one).expect("the same"), first);
        assert_ne!(client_id_in(&other).expect("another one"), first);
        fs::write(&other, "\n").expect("an empty file, as after a full disk");
        assert_ne!(client_id_in(&other).expect("a new one"), "");
        assert!(client_id_in(directory.path()).is_err(), "not a file");
    }

    #[test]
    fn a_password_is_read_without_its_line_break_and_never_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("password");
        fs::write(&path, " open sesame \r\n").expect("a file");
        let password = Password::read(&path).expect("a password");
        assert_eq!(password.as_str(), " open sesame ");
        assert!(!format!("{password:?}").contains("sesame"));
    }

    #[test]
    fn names_of_groups_are_checked() {
        for text in ["", "a/b", "a+", "#", "a\0"] {
            assert!(text.parse::<ShareName>().is_err(), "{text:?}");
        }
        assert!("plant 7".parse::<ShareName>().is_ok());
    }
}
