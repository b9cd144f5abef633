//! Invocations that ended: the recent ones, and each with what it did and logged.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Query, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::functions::find;
use super::router::{ApiResult, Host, Viewer, name};
use crate::invoke::admission::Refusal;
use crate::invoke::ready::ReadyFunction;
use crate::model::id::InvocationId;
use crate::observe::calls::{self, Call};
use crate::observe::log_line::{LogLine, rfc3339};
use crate::observe::record::Record;
use crate::observe::trace_context::TraceId;

/// One invocation that ended.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Invocation {
    /// Its id.
    id: String,
    /// What started it.
    #[schemars(extend("enum" = ["http", "mqtt", "schedule"]))]
    trigger: &'static str,
    /// The revision that ran.
    revision: u32,
    /// Its event in a few words: method and path, a topic, a cron expression.
    event: String,
    /// When it began.
    started_at: String,
    /// Wall clock from its beginning to its end.
    duration_ms: f64,
    /// How long its event had waited before.
    queue_ms: f64,
    /// Of the duration, until there was an instance.
    instantiate_ms: Option<f64>,
    /// Time that the guest computed.
    cpu_ms: f64,
    /// Bytes of linear memory that its instance had at most.
    memory_peak_bytes: u64,
    /// Its trace (W3C Trace Context).
    trace_id: String,
    /// The status of its HTTP response, where there was one.
    status: Option<u16>,
    /// `ok`, or a word for how it failed.
    outcome: &'static str,
    /// Whose fault it is that it did not end well.
    #[schemars(extend("enum" = ["guest", "host", "client", null]))]
    blame: Option<&'static str>,
    /// The outcome in words.
    reason: String,
}

/// One invocation, with what it did and logged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct InvocationDetail {
    #[serde(flatten)]
    invocation: Invocation,
    /// What it did beyond computing, in the order of beginnings.
    spans: Vec<Span>,
    /// Calls beyond those.
    spans_dropped: u32,
    /// Its last log lines.
    logs: Vec<LogLine>,
    /// Log lines before those.
    logs_dropped: u64,
}

/// A call of a capability, or the making of the instance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Span {
    /// The capability and what was asked of it, as in `keyvalue get`.
    name: String,
    /// What it was about.
    detail: String,
    /// From the invocation's beginning.
    start_ms: f64,
    /// How long it took.
    duration_ms: f64,
    /// Why it failed, where it did.
    error: Option<String>,
}

/// Invocations, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct InvocationList {
    invocations: Vec<Invocation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<usize>,
    #[serde(default)]
    failed: bool,
}

/// `GET /functions/{name}/invocations`
pub(super) async fn list(
    _: Viewer,
    State(host): Host,
    Path(function): Path<String>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<InvocationList>> {
    let function = find(&host.tables, &name(&function)?)?;
    let records = function.journal.invocations();
    let wanted = records
        .iter()
        .filter(|record| record.has_failed() || !query.failed)
        .take(query.limit.unwrap_or(usize::MAX));
    Ok(Json(InvocationList {
        invocations: wanted.map(|record| Invocation::from(&**record)).collect(),
    }))
}

/// `GET /functions/{name}/invocations/{id}`
pub(super) async fn show(
    _: Viewer,
    State(host): Host,
    Path((function, id)): Path<(String, String)>,
) -> ApiResult<Json<InvocationDetail>> {
    let function = find(&host.tables, &name(&function)?)?;
    let records = function.journal.invocations();
    let found = records.iter().find(|record| record.id.to_string() == id);
    let record: &Arc<Record> =
        found.ok_or_else(|| ApiError::NoSuchInvocation(function.name.clone(), id))?;
    Ok(Json(InvocationDetail {
        invocation: Invocation::from(&**record),
        spans: record.spans.iter().map(Span::from).collect(),
        spans_dropped: record.spans_dropped,
        logs: record.lines.iter().map(|line| (**line).clone()).collect(),
        logs_dropped: record.lines_dropped,
    }))
}

fn ms(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Invocation {
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
            event: String::new(),
            started_at: rfc3339(SystemTime::now()),
            duration_ms: 0.0,
            queue_ms: 0.0,
            instantiate_ms: None,
            cpu_ms: 0.0,
            memory_peak_bytes: 0,
            trace_id: TraceId(id.to_bytes()).to_string(),
            status: None,
            outcome: refusal.code(),
            blame: None,
            reason: String::new(),
        }
    }
}

impl From<&Record> for Invocation {
    fn from(record: &Record) -> Invocation {
        Invocation {
            id: record.id.to_string(),
            trigger: record.trigger,
            revision: record.revision,
            event: record.event.clone(),
            started_at: rfc3339(record.started),
            duration_ms: ms(record.duration),
            queue_ms: ms(record.queued),
            instantiate_ms: record.instantiate.map(ms),
            cpu_ms: ms(record.cpu),
            memory_peak_bytes: record.memory_bytes,
            trace_id: record.trace.trace.to_string(),
            status: record.status,
            outcome: record.outcome.code(),
            blame: record.outcome.blame().map(|blame| blame.as_str()),
            reason: record.outcome.reason(),
        }
    }
}

impl From<&calls::Span> for Span {
    fn from(span: &calls::Span) -> Span {
        let (capability, operation) = span.call.names();
        Span {
            name: match span.call {
                Call::Instantiate => operation.to_owned(),
                _ => format!("{capability} {operation}"),
            },
            detail: span.detail.clone(),
            start_ms: ms(span.start),
            duration_ms: ms(span.duration),
            error: span.error.clone(),
        }
    }
}
