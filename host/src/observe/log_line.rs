//! One line of a function's log: what it has, and what it must not have.

use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::Serialize;

use super::trace_context::TraceId;
use crate::model::id::InvocationId;

/// How serious a log line is (the levels of `wasi:logging`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// Where a log line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
    /// `wasi:logging`.
    Logging,
    /// Tidegate itself, about the invocation.
    Host,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Source::Stdout => "stdout",
            Source::Stderr => "stderr",
            Source::Logging => "logging",
            Source::Host => "host",
        }
    }
}

/// Which invocation a line belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Attribution {
    /// Its id.
    pub invocation: InvocationId,
    /// The revision that ran.
    pub revision: u32,
    /// Its trace.
    pub trace: TraceId,
}

impl Attribution {
    /// That of an event that came to no invocation: it has an id all the same, and is in no trace but its own.
    pub fn of_event(invocation: InvocationId, revision: u32) -> Attribution {
        Attribution {
            invocation,
            revision,
            trace: TraceId(invocation.to_bytes()),
        }
    }
}

/// One line of a function's log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LogLine {
    /// When, as RFC 3339 in UTC.
    pub time: String,
    /// Which invocation.
    pub invocation: String,
    /// The revision that ran.
    pub revision: u32,
    /// Its trace (W3C Trace Context).
    pub trace_id: String,
    /// How serious.
    pub level: Level,
    /// From where.
    pub source: Source,
    /// The context given to `wasi:logging`, where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// The text, without control characters but line breaks and tabs.
    pub message: String,
}

impl LogLine {
    pub(super) fn new(
        of: &Attribution,
        level: Level,
        source: Source,
        context: &str,
        message: &str,
    ) -> LogLine {
        LogLine {
            time: rfc3339(SystemTime::now()),
            invocation: of.invocation.to_string(),
            revision: of.revision,
            trace_id: of.trace.to_string(),
            level,
            source,
            context: printable(context),
            message: printable(message),
        }
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<LogLine>()
            + self.time.len()
            + self.invocation.len()
            + self.trace_id.len()
            + self.context.len()
            + self.message.len()
    }

    /// Writes it into the host's own log as well, on one line.
    pub(super) fn tell(&self, function: &str) {
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    target: "function",
                    function,
                    revision = self.revision,
                    invocation = self.invocation.as_str(),
                    trace_id = self.trace_id.as_str(),
                    source = self.source.as_str(),
                    // Made only where somebody wants to see it.
                    "{}",
                    self.message.replace('\n', "\\n")
                )
            };
        }
        match self.level {
            Level::Trace => tell!(trace),
            Level::Debug => tell!(debug),
            Level::Info => tell!(info),
            Level::Warn => tell!(warn),
            Level::Error | Level::Critical => tell!(error),
        }
    }
}

/// A time as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(time: SystemTime) -> String {
    let ms = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX))
        .unwrap_or(jiff::Timestamp::MAX);
    format!("{timestamp:.3}")
}

/// Whether a character may stand in what is shown: it neither steers what it is shown on, nor changes the direction of
/// what follows.
pub fn is_harmless(c: char) -> bool {
    !(c.is_control() || is_bidirectional(c))
}

/// The text with control characters written out, and those that change the direction of what follows: a guest's output
/// must not steer the terminal that it is shown on, nor look like something else than it is.
fn printable(text: &str) -> String {
    let harmless = |c: char| is_harmless(c) || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match harmless(c) {
            true => written.push(c),
            false => written.extend(c.escape_unicode()),
        }
    }
    written
}

/// Unicode's explicit directional formatting characters.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(printable("a\tb\n"), "a\tb\n");
        assert_eq!(printable("\u{1b}[31mred"), "\\u{1b}[31mred");
        assert_eq!(printable("\u{9b}0m\r"), "\\u{9b}0m\\u{d}");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn times_are_written_in_utc_to_the_millisecond() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.123Z");
    }
}
