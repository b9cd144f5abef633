//! Quantities as people write them in a manifest: `5s`, `500ms`, `64MiB`, `200/s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The text is not a quantity of that kind; the message shows how to write one.
#[derive(Debug, thiserror::Error)]
pub enum InvalidQuantity {
    /// Not a duration.
    #[error(
        "`{0}` is not a duration: write a number and a unit, such as `500ms`, `5s`, `2m`, `12h` or `30d`"
    )]
    Duration(String),
    /// Not a size.
    #[error("`{0}` is not a size: write a number and a unit, such as `64MiB`, `512KiB` or `1GiB`")]
    Bytes(String),
    /// Not a rate.
    #[error(
        "`{0}` is not a rate: write events a second, minute or hour, such as `200/s`, `10/m` or `5/h`"
    )]
    Rate(String),
}

/// A span of time, written `500ms`, `5s`, `2m`, `12h`, `30d`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct Span(pub Duration);

/// A size in bytes, written `64MiB`, `512KiB`, `1GiB`, `100B`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct Bytes(pub u64);

/// A rate of events, written `200/s`, `10/m`, `5/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct Rate {
    /// Events in each period.
    pub events: u32,
    /// The period: a second, a minute or an hour.
    pub period: Duration,
}

/// Splits `64MiB` into 64 and `MiB`.
fn split(text: &str) -> Option<(u64, &str)> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    Some((number.parse().ok()?, unit.trim_start()))
}

impl FromStr for Span {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Span, InvalidQuantity> {
        let invalid = || InvalidQuantity::Duration(text.to_owned());
        let (number, unit) = split(text).ok_or_else(invalid)?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(invalid()),
        };
        number
            .checked_mul(unit_ms)
            .map(|ms| Span(Duration::from_millis(ms)))
            .ok_or_else(invalid)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1000, "s"),
        ];
        match units
            .into_iter()
            .find(|(unit_ms, _)| ms > 0 && ms.is_multiple_of(*unit_ms))
        {
            Some((unit_ms, unit)) => write!(f, "{}{unit}", ms / unit_ms),
            None => write!(f, "{ms}ms"),
        }
    }
}

impl FromStr for Bytes {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Bytes, InvalidQuantity> {
        let invalid = || InvalidQuantity::Bytes(text.to_owned());
        let (number, unit) = split(text).ok_or_else(invalid)?;
        let unit_bytes = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(invalid()),
        };
        number
            .checked_mul(unit_bytes)
            .map(Bytes)
            .ok_or_else(invalid)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units
            .into_iter()
            .find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit))
        {
            Some((unit_bytes, unit)) => write!(f, "{}{unit}", self.0 / unit_bytes),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Rate, InvalidQuantity> {
        let invalid = || InvalidQuantity::Rate(text.to_owned());
        let (events, unit) = text.split_once('/').ok_or_else(invalid)?;
        let period = match unit {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(invalid()),
        };
        let events = events
            .parse()
            .ok()
            .filter(|events| *events > 0)
            .ok_or_else(invalid)?;
        Ok(Rate { events, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.period.as_secs() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        write!(f, "{}/{unit}", self.events)
    }
}

/// The conversions that serde uses, the same for each kind of quantity.
macro_rules! as_text {
    ($($kind:ident),*) => {$(
        impl TryFrom<String> for $kind {
            type Error = InvalidQuantity;

            fn try_from(text: String) -> Result<Self, InvalidQuantity> {
                text.parse()
            }
        }

        impl From<$kind> for String {
            fn from(quantity: $kind) -> String {
                quantity.to_string()
            }
        }
    )*};
}

as_text!(Span, Bytes, Rate);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_they_are_read() {
        for text in ["500ms", "5s", "2m", "12h", "30d", "0ms"] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), text);
        }
        for text in ["64MiB", "512KiB", "1GiB", "100B"] {
            assert_eq!(text.parse::<Bytes>().expect(text).to_string(), text);
        }
        for text in ["200/s", "10/m", "5/h"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "5 years",
            "-5s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["", "64", "64mb", "MiB", "18446744073709551615GiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        for text in ["", "5", "0/s", "5/d", "/s", "-1/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
