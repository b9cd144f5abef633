//! Logs of a function: what is kept and, on request, what comes, as server-sent events.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::caller::Caller;
use super::event_stream::{answer, event, missed};
use super::functions::find;
use super::router::{ApiResult, Host, name};
use crate::observe::log_line::LogLine;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogsQuery {
    limit: Option<usize>,
    invocation: Option<String>,
    #[serde(default)]
    follow: bool,
}

/// Log lines, oldest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct LogList {
    logs: Vec<LogLine>,
}

/// `GET /functions/{name}/logs`
pub(super) async fn logs(
    Caller(claims): Caller,
    State(host): Host,
    Path(function): Path<String>,
    Query(query): Query<LogsQuery>,
) -> ApiResult<Response> {
    let function = find(&host.tables, &name(&function)?)?;
    if !query.follow {
        let lines = query.select(function.journal.lines());
        let logs = lines.iter().map(|line| (**line).clone()).collect();
        return Ok(Json(LogList { logs }).into_response());
    }
    let (kept, live) = function.journal.follow();
    let kept: Vec<Event> = query
        .select(kept)
        .iter()
        .map(|line| log_event(line))
        .collect();
    let live = BroadcastStream::new(live).filter_map(move |line| {
        std::future::ready(match line {
            Ok(line) => query.wants(&line).then(|| log_event(&line)),
            Err(BroadcastStreamRecvError::Lagged(lines)) => Some(missed("lines", lines)),
        })
    });
    let events = stream::iter(kept).chain(live);
    Ok(answer(&host, &claims, events))
}

impl LogsQuery {
    /// The lines asked for, of those that are kept.
    fn select(&self, mut lines: Vec<Arc<LogLine>>) -> Vec<Arc<LogLine>> {
        lines.retain(|line| self.wants(line));
        let beyond_limit = lines.len().saturating_sub(self.limit.unwrap_or(usize::MAX));
        lines.split_off(beyond_limit)
    }

    fn wants(&self, line: &LogLine) -> bool {
        let wanted = self.invocation.as_ref();
        wanted.is_none_or(|invocation| line.invocation == *invocation)
    }
}

fn log_event(line: &LogLine) -> Event {
    event("log", line)
}
