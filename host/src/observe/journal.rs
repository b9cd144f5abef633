//! A journal for each function: its last log lines and invocations, in memory, and a live stream of both.
//!
//! Bounded by count and bytes; the oldest go first. A journal belongs to the function's name, so it outlives revisions.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::limits::{
    INVOCATION_REASON_BYTES_KEPT, INVOCATIONS_KEPT, LIVE_BACKLOG, LOG_BYTES_KEPT, LOG_LINES_KEPT,
};
use crate::model::id::InvocationId;
use crate::model::name::Name;
use crate::model::outcome::Outcome;

/// How serious a log line is (the levels of `wasi:logging`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

/// One line of a function's log.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// When, as RFC 3339 in UTC.
    pub time: String,
    /// Which invocation.
    pub invocation: String,
    /// How serious.
    pub level: Level,
    /// From where.
    pub source: Source,
    /// The context given to `wasi:logging`, where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// The text, without control characters but line breaks and tabs.
    pub message: String,
}

/// One invocation that ended.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: InvocationId,
    /// `http`, `mqtt` or `schedule`.
    pub trigger: &'static str,
    /// The revision that ran.
    pub revision: u32,
    /// When it began.
    pub started: SystemTime,
    /// Wall clock.
    pub duration: Duration,
    /// Time that the guest computed.
    pub cpu: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// The journal of one function.
#[derive(Default)]
pub struct Journal(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    line_bytes: usize,
    /// Made for the first that follows, gone after the last: most functions have none, most of the time.
    live: Option<broadcast::Sender<LogLine>>,
    invocations: VecDeque<Record>,
    /// Of all of these together.
    reason_bytes: usize,
    totals: Totals,
}

/// Counts since the host started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Invocations that ended.
    pub invocations: u64,
    /// Those of them that did not end well.
    pub failures: u64,
}

impl Journal {
    /// Adds a line.
    pub fn log(
        &self,
        invocation: InvocationId,
        level: Level,
        source: Source,
        context: &str,
        message: &str,
    ) {
        let line = LogLine {
            time: rfc3339(SystemTime::now()),
            invocation: invocation.to_string(),
            level,
            source,
            context: printable(context),
            message: printable(message),
        };
        self.lock().add(line);
    }

    /// Adds an invocation that ended.
    pub fn record(&self, record: Record) {
        let mut kept = self.lock();
        kept.totals.invocations += 1;
        kept.totals.failures += u64::from(record.outcome != Outcome::Ok);
        kept.add_record(record);
    }

    /// The last lines, oldest first.
    pub fn lines(&self) -> Vec<LogLine> {
        self.lock().lines.iter().cloned().collect()
    }

    /// The last lines, oldest first, and a stream of those to come.
    pub fn follow(&self) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
        let mut kept = self.lock();
        // Under one lock, so that each line is seen once: either kept or live.
        let lines = kept.lines.iter().cloned().collect();
        let live = kept
            .live
            .get_or_insert_with(|| broadcast::Sender::new(LIVE_BACKLOG));
        (lines, live.subscribe())
    }

    /// The last invocations, newest first.
    pub fn invocations(&self) -> Vec<Record> {
        self.lock().invocations.iter().rev().cloned().collect()
    }

    /// Counts since the host started.
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Kept {
    fn add_record(&mut self, record: Record) {
        self.reason_bytes += record.outcome.reason_bytes();
        self.invocations.push_back(record);
        while self.invocations.len() > INVOCATIONS_KEPT
            || self.reason_bytes > INVOCATION_REASON_BYTES_KEPT
        {
            let oldest = self.invocations.pop_front();
            let oldest = oldest.expect("what is counted is there");
            self.reason_bytes -= oldest.outcome.reason_bytes();
        }
    }

    fn add(&mut self, line: LogLine) {
        self.line_bytes += line.bytes();
        self.lines.push_back(line.clone());
        while self.lines.len() > LOG_LINES_KEPT || self.line_bytes > LOG_BYTES_KEPT {
            let oldest = self.lines.pop_front().expect("what is counted is there");
            self.line_bytes -= oldest.bytes();
        }
        // An error says that nobody follows any more.
        if self
            .live
            .as_ref()
            .is_some_and(|live| live.send(line).is_err())
        {
            self.live = None;
        }
    }
}

impl LogLine {
    fn bytes(&self) -> usize {
        size_of::<LogLine>()
            + self.time.len()
            + self.invocation.len()
            + self.context.len()
            + self.message.len()
    }
}

/// All journals, by function.
#[derive(Default)]
pub struct Journals(Mutex<HashMap<Name, Arc<Journal>>>);

impl Journals {
    /// The journal of this function, begun where there is none.
    pub fn of(&self, function: &Name) -> Arc<Journal> {
        let mut journals = self.0.lock().expect("no holder of this lock panics");
        journals.entry(function.clone()).or_default().clone()
    }

    /// Forgets the journal of a function that is gone.
    pub fn forget(&self, function: &Name) {
        self.0
            .lock()
            .expect("no holder of this lock panics")
            .remove(function);
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

/// The text with control characters written out: a guest's output must not steer the terminal it is shown on.
fn printable(text: &str) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| {
            if harmless(c) {
                c.to_string()
            } else {
                c.escape_default().to_string()
            }
            .chars()
            .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(printable("a\tb\n"), "a\tb\n");
        assert_eq!(printable("\u{1b}[31mred"), "\\u{1b}[31mred");
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let journal = Journal::default();
        for number in 0..LOG_LINES_KEPT + 3 {
            journal.log(
                InvocationId::new(),
                Level::Info,
                Source::Stdout,
                "",
                &number.to_string(),
            );
        }
        let lines = journal.lines();
        assert_eq!(lines.len(), LOG_LINES_KEPT);
        assert_eq!(lines[0].message, "3");
    }

    #[test]
    fn a_follower_sees_each_line_once() {
        let journal = Journal::default();
        let log =
            |text: &str| journal.log(InvocationId::new(), Level::Info, Source::Stdout, "", text);
        log("before");
        let (kept, mut live) = journal.follow();
        log("after");
        assert_eq!(kept.len(), 1);
        assert_eq!(live.try_recv().expect("live").message, "after");
        drop(live);
        log("unseen");
        assert!(journal.lock().live.is_none());
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let journal = Journal::default();
        for _ in 0..LOG_LINES_KEPT {
            journal.log(
                InvocationId::new(),
                Level::Info,
                Source::Stdout,
                "",
                &"x".repeat(4096),
            );
        }
        let bytes: usize = journal.lines().iter().map(|line| line.message.len()).sum();
        assert!(
            bytes <= LOG_BYTES_KEPT && bytes > LOG_BYTES_KEPT / 2,
            "{bytes}"
        );
    }

    #[test]
    fn times_are_written_in_utc_to_the_millisecond() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.123Z");
    }
}
