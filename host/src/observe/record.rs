//! What is kept of one invocation that ended.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::calls::Span;
use super::log_line::{Attribution, LogLine};
use super::trace_context::TraceContext;
use crate::model::id::InvocationId;
use crate::model::outcome::Outcome;

/// One invocation that ended.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: InvocationId,
    /// `http`, `mqtt` or `schedule`.
    pub trigger: &'static str,
    /// The revision that ran.
    pub revision: u32,
    /// Its event in a few words: method and path, a topic, a cron expression.
    pub event: String,
    /// Where it stands in its trace.
    pub trace: TraceContext,
    /// When it began.
    pub started: SystemTime,
    /// How long its event had waited by then.
    pub queued: Duration,
    /// Wall clock from its beginning.
    pub duration: Duration,
    /// Of that, until there was an instance; nothing where it did not come to that.
    pub instantiate: Option<Duration>,
    /// Time that the guest computed.
    pub cpu: Duration,
    /// Bytes of linear memory that the instance had at most.
    pub memory_bytes: u64,
    /// The status of its HTTP response, where there was one.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it did beyond computing.
    pub spans: Vec<Span>,
    /// Calls beyond those.
    pub spans_dropped: u32,
    /// Its last log lines.
    pub lines: Vec<Arc<LogLine>>,
    /// Log lines before those.
    pub lines_dropped: u64,
}

impl Record {
    /// Whether it did not end well.
    pub fn has_failed(&self) -> bool {
        self.outcome != Outcome::Ok
    }

    /// Whose further log lines are.
    pub fn attribution(&self) -> Attribution {
        Attribution {
            invocation: self.id,
            revision: self.revision,
            trace: self.trace.trace,
        }
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let of_span = |span: &Span| {
            size_of::<Span>() + span.detail.len() + span.error.as_ref().map_or(0, String::len)
        };
        let of_spans: usize = self.spans.iter().map(of_span).sum();
        let of_lines: usize = self.lines.iter().map(|line| line.bytes()).sum();
        size_of::<Record>() + self.event.len() + self.outcome.reason_bytes() + of_spans + of_lines
    }
}
