//! Invocations and log lines as the API shows them.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::Serialize;

use crate::invoke::admission::Refusal;
use crate::invoke::ready::ReadyFunction;
use crate::model::id::InvocationId;
use crate::model::outcome::Blame;
use crate::observe::journal::{LogLine as Line, Record, rfc3339};

/// An invocation that ended.
#[derive(Serialize, JsonSchema)]
pub(super) struct Invocation {
    id: String,
    /// What started it.
    #[schemars(extend("enum" = ["http", "mqtt", "schedule"]))]
    trigger: &'static str,
    revision: u32,
    started_at: String,
    /// Wall clock, in milliseconds.
    duration_ms: f64,
    /// Time that the guest computed, in milliseconds.
    cpu_ms: f64,
    /// How it ended: `ok`, `guest_error`, `trap`, `timeout` and so on.
    outcome: &'static str,
    /// Whose fault it is that it did not end well.
    #[schemars(extend("enum" = ["guest", "host", "client", null]))]
    blame: Option<&'static str>,
    /// Why it did not.
    reason: String,
}

/// One line of a function's log.
#[derive(Serialize, JsonSchema)]
pub(super) struct LogLine {
    time: String,
    invocation: String,
    /// How serious.
    #[schemars(with = "String", extend("enum" = ["trace", "debug", "info", "warn", "error", "critical"]))]
    level: crate::observe::journal::Level,
    /// From where.
    #[schemars(with = "String", extend("enum" = ["stdout", "stderr", "logging", "host"]))]
    source: crate::observe::journal::Source,
    /// The context given to `wasi:logging`, where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    context: String,
    message: String,
}

/// Lines of a function's log, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Logs {
    logs: Vec<LogLine>,
}

impl Invocation {
    pub(super) fn of(record: &Record) -> Invocation {
        Invocation {
            id: record.id.to_string(),
            trigger: record.trigger,
            revision: record.revision,
            started_at: rfc3339(record.started),
            duration_ms: milliseconds(record.duration),
            cpu_ms: milliseconds(record.cpu),
            outcome: record.outcome.code(),
            blame: record.outcome.blame().map(Blame::as_str),
            reason: record.outcome.reason(),
        }
    }

    /// One that was refused before it began.
    pub(super) fn refused(
        id: InvocationId,
        function: &ReadyFunction,
        refusal: Refusal,
    ) -> Invocation {
        Invocation {
            id: id.to_string(),
            trigger: "http",
            revision: function.revision,
            started_at: rfc3339(SystemTime::now()),
            duration_ms: 0.0,
            cpu_ms: 0.0,
            outcome: refusal.code(),
            blame: None,
            reason: String::new(),
        }
    }
}

impl LogLine {
    pub(super) fn of(line: Line) -> LogLine {
        LogLine {
            time: line.time,
            invocation: line.invocation,
            level: line.level,
            source: line.source,
            context: line.context,
            message: line.message,
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
