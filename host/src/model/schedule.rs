//! Schedules: cron expressions with seconds and time zones, and what is due of them. Reads no clock.
//!
//! An expression has five fields (minute, hour, day of month, month, day of week), six with seconds first, or seven
//! with years last. Ticks are whole seconds of real time, in order, no two at once. Where clocks are set forward, a
//! schedule with one fixed time of day runs right after the hour that is left out, and any other leaves it out as well.
//! Where they are set back, a fixed time runs once, and any other goes on through both hours.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::CronParser;
use jiff::tz::{self, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, Zoned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::name::Name;
use crate::limits::{CLOCK_SET_BACK_MAX_HOURS, CRON_BYTES_MAX, MISSED_TICKS_COUNTED};

/// `[[schedule]]`: one schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScheduleTrigger {
    /// At which times.
    pub cron: CronExpression,
    /// Whose clock the times are read from; UTC where it is left out.
    #[serde(default)]
    pub timezone: TimeZone,
    /// Runs of one tick before it is given up; the host's default where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// A cron expression: what was written, with single spaces between its fields.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct CronExpression {
    text: String,
    cron: Cron,
}

/// A time zone by its name in the IANA database.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct TimeZone {
    name: String,
    rules: tz::TimeZone,
}

/// What is not a cron expression.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{text}` is not a cron expression ({reason}): write minute, hour, day of month, month and day of week, as in \
     `*/5 * * * *`, or six fields with seconds first, as in `0 30 6 * * MON-FRI`"
)]
pub struct InvalidCron {
    text: String,
    reason: String,
}

/// What is not a time zone.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a time zone: write a name of the IANA database, as in `Europe/Berlin`, or `UTC`"
)]
pub struct InvalidTimeZone(String);

/// What a schedule's state is kept under: a changed expression or time zone is another schedule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScheduleKey {
    /// Whose schedule.
    pub function: Name,
    /// The expression, as [`CronExpression::as_str`] has it.
    pub cron: String,
    /// The time zone, as [`TimeZone::as_str`] has it.
    pub timezone: String,
}

/// What is to be done about a schedule at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A tick is due.
    Run {
        /// When it was due: the latest time that is not past that moment.
        at: Zoned,
        /// Times before it that were due as well and are passed over; counting ends at [`MISSED_TICKS_COUNTED`].
        missed: u32,
    },
    /// Nothing is due before this time.
    Wait(Timestamp),
    /// The clock was far ahead when the last tick ran, and has been set right: begin anew from now.
    BeginAnew,
    /// It has no more times.
    Over,
}

/// One due time of a schedule, as a function sees it.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Stays the same when the tick is tried again; no other tick has it.
    pub id: String,
    /// When it was due, in its schedule's time zone.
    pub at: Zoned,
    /// The expression.
    pub cron: String,
    /// The time zone's name.
    pub timezone: String,
    /// 1 for the first run.
    pub attempt: u32,
    /// Times before it that were passed over.
    pub missed: u32,
}

impl ScheduleTrigger {
    /// A schedule in UTC.
    pub fn new(cron: CronExpression) -> ScheduleTrigger {
        ScheduleTrigger {
            cron,
            timezone: TimeZone::default(),
            attempts: None,
        }
    }

    /// Whether both name the same times, by what was written.
    pub fn same_schedule(&self, other: &ScheduleTrigger) -> bool {
        self.cron == other.cron && self.timezone == other.timezone
    }

    /// What this schedule's state is kept under, as one of this function.
    pub fn key(&self, function: &Name) -> ScheduleKey {
        ScheduleKey {
            function: function.clone(),
            cron: self.cron.text.clone(),
            timezone: self.timezone.name.clone(),
        }
    }

    /// A moment, as this schedule's clock shows it.
    pub fn at(&self, moment: Timestamp) -> Zoned {
        moment.to_zoned(self.timezone.rules.clone())
    }

    /// The first due time after this moment; none if there is no more.
    pub fn next_after(&self, moment: Timestamp) -> Option<Zoned> {
        let search = &self.cron.cron;
        search.find_next_occurrence(&self.at(moment), false).ok()
    }

    /// The due times after this moment.
    pub fn times_after(&self, moment: Timestamp) -> impl Iterator<Item = Zoned> {
        let first = self.next_after(moment);
        std::iter::successors(first, |time| self.next_after(time.timestamp()))
    }

    /// What is to be done at `now`, if all up to `last` has been.
    pub fn plan(&self, last: Timestamp, now: Timestamp) -> Plan {
        if last.duration_since(now) > SignedDuration::from_hours(CLOCK_SET_BACK_MAX_HOURS) {
            return Plan::BeginAnew;
        }
        let Some(first) = self.next_after(last) else {
            return Plan::Over;
        };
        if first.timestamp() > now {
            return Plan::Wait(first.timestamp());
        }
        let latest = self.cron.cron.find_previous_occurrence(&self.at(now), true);
        let at = latest
            .ok()
            .filter(|latest| *latest >= first)
            .unwrap_or(first);
        let missed = self
            .times_after(last)
            .take(MISSED_TICKS_COUNTED as usize)
            .take_while(|time| *time < at)
            .count();
        Plan::Run {
            at,
            missed: u32::try_from(missed).unwrap_or(MISSED_TICKS_COUNTED),
        }
    }
}

/// What the state of these schedules is kept under, as ones of this function.
pub fn keys(schedules: &[ScheduleTrigger], function: &Name) -> Vec<ScheduleKey> {
    let key = |trigger: &ScheduleTrigger| trigger.key(function);
    schedules.iter().map(key).collect()
}

impl Tick {
    /// The first run of the tick of this schedule at this time.
    pub fn new(key: &ScheduleKey, at: Zoned, missed: u32) -> Tick {
        let schedule = format!("{}\n{}\n{}", key.function, key.cron, key.timezone);
        let digest = Digest::of(schedule.as_bytes()).hex();
        Tick {
            id: format!("{}-{}", at.timestamp().as_second(), &digest[..16]),
            at,
            cron: key.cron.clone(),
            timezone: key.timezone.clone(),
            attempt: 1,
            missed,
        }
    }
}

/// RFC 3339 with the zone's offset: `2026-03-29T03:00:00+02:00`.
pub fn rfc3339(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

impl CronExpression {
    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for CronExpression {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<CronExpression, InvalidCron> {
        let invalid = |reason: String| InvalidCron {
            text: text.chars().take(CRON_BYTES_MAX).collect(),
            reason,
        };
        if text.len() > CRON_BYTES_MAX {
            return Err(invalid(format!("longer than {CRON_BYTES_MAX} bytes")));
        }
        if !text.is_ascii() {
            return Err(invalid("it has other characters than ASCII".to_owned()));
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_nickname = matches!(fields[..], [word] if word.starts_with('@'));
        if let Some(field) = fields.iter().find(|field| !is_nickname && !is_field(field)) {
            return Err(invalid(format!("`{field}` is not a field")));
        }
        let text = fields.join(" ");
        let parser = CronParser::builder().sloppy_ranges(true).build();
        let parsed = parser.parse(&text);
        Ok(CronExpression {
            cron: parsed.map_err(|error| invalid(error.to_string()))?,
            text,
        })
    }
}

/// Whether every item of this list is one. The parser takes empty ones, and then looks for a time that is in no set:
/// for half a minute.
fn is_field(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let items = upper.strip_prefix('+').unwrap_or(&upper);
    items.split(',').all(is_item)
}

/// `*`, `5`, `MON`, `1-5`, and what only days have: `L`, `LW`, `15W`, `5L`, `5#2`, `5#L`. The first four also with a
/// step (`*/5`): a value then stands for all from there to the end, and nothing for `*`.
fn is_item(text: &str) -> bool {
    let is_number = |text: &str| {
        (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_name =
        |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_value = |text: &str| is_number(text) || is_name(text);
    let is_range = |text: &str| match text.split_once('-') {
        Some((first, last)) => is_value(first) && is_value(last),
        None => text == "*",
    };
    if let Some((range, step)) = text.split_once('/') {
        let steps_from = range.is_empty() || is_range(range) || is_value(range);
        return steps_from && is_number(step);
    }
    if let Some((day, which)) = text.split_once('#') {
        return is_value(day) && (which == "L" || is_number(which));
    }
    let is_special_day = text.strip_suffix(['L', 'W']).is_some_and(is_value);
    ["?", "L", "LW"].contains(&text) || is_range(text) || is_value(text) || is_special_day
}

impl FromStr for TimeZone {
    type Err = InvalidTimeZone;

    fn from_str(text: &str) -> Result<TimeZone, InvalidTimeZone> {
        // The machine's own database may be newer than the one that is built in, or have fewer names.
        let found = tz::db()
            .get(text)
            .or_else(|_| TimeZoneDatabase::bundled().get(text));
        let rules = found.map_err(|_| InvalidTimeZone(text.chars().take(64).collect()))?;
        let name = rules.iana_name().unwrap_or(text).to_owned();
        Ok(TimeZone { name, rules })
    }
}

impl TimeZone {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl Default for TimeZone {
    fn default() -> TimeZone {
        TimeZone {
            name: "UTC".to_owned(),
            rules: tz::TimeZone::UTC,
        }
    }
}

macro_rules! as_text {
    ($type:ident, $text:ident, $error:ident) => {
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<$type, $error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.$text
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &$type) -> bool {
                self.$text == other.$text
            }
        }

        impl Eq for $type {}

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.$text)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.$text, f)
            }
        }
    };
}

as_text!(CronExpression, text, InvalidCron);
as_text!(TimeZone, name, InvalidTimeZone);

#[cfg(test)]
mod tests;
