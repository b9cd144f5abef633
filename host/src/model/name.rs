//! Names of functions and buckets: one grammar, `[a-z0-9][a-z0-9-]{0,62}`.
//!
//! Narrow enough to stand in a URL, a file name, a metric label and a DNS label without escaping.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that follows the grammar `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct Name(String);

/// The text is not a [`Name`].
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a name: use 1 to 63 of a-z, 0-9 and `-`, not beginning with `-`")]
pub struct InvalidName(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for what others call by a wider grammar: in lower case, with `-` for `_`, `.` and space.
    pub fn resembling(text: &str) -> Result<Name, InvalidName> {
        let name = text.to_ascii_lowercase().replace(['_', '.', ' '], "-");
        name.parse().map_err(|_| InvalidName::new(text))
    }
}

impl InvalidName {
    fn new(text: &str) -> InvalidName {
        InvalidName(text.chars().take(80).collect())
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Name, InvalidName> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let valid =
            (1..=63).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed);
        if !valid {
            return Err(InvalidName::new(text));
        }
        Ok(Name(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Name, InvalidName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn the_grammar_holds() {
        for good in ["a", "0", "door-bell", "a-", &"x".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "A",
            "a_b",
            "a.b",
            "ä",
            "a/b",
            "a b",
            "a\n",
            &"x".repeat(64),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_a_wider_grammar_have_one_that_resembles_them() {
        for (text, expected) in [
            ("door-bell", Some("door-bell")),
            ("Door_Bell 2.0", Some("door-bell-2-0")),
            ("_a", None),
            ("", None),
            ("ä", None),
            ("a/b", None),
        ] {
            let name = Name::resembling(text).ok();
            assert_eq!(name.as_ref().map(Name::as_str), expected, "{text:?}");
        }
    }
}
