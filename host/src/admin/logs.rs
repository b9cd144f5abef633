//! Logs of a function: what is kept and, on request, what comes, as server-sent events.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::functions::find;
use super::router::{ApiResult, Host, KEEP_ALIVE, name};
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
            Err(BroadcastStreamRecvError::Lagged(lines)) => Some(missed_event(lines)),
        })
    });
    let events = stream::iter(kept).chain(live).map(Ok::<_, Infallible>);
    let events = until(host.draining.clone(), claims.expires(), events);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
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
    Event::default().event("log").data(json!(line).to_string())
}

fn missed_event(lines: u64) -> Event {
    let data = json!({ "lines": lines });
    Event::default().event("missed").data(data.to_string())
}

/// The stream, ended when the host drains, which a reader would otherwise hold up for the whole grace period, and when
/// the token that it was asked for with does.
pub(super) fn until<T>(
    draining: CancellationToken,
    expires: Option<SystemTime>,
    events: impl Stream<Item = T>,
) -> impl Stream<Item = T> {
    let left = expires.map(|expires| {
        expires
            .duration_since(SystemTime::now())
            .unwrap_or_default()
    });
    events.take_until(async move {
        let expired = async {
            match left {
                Some(left) => tokio::time::sleep(left.min(TTL_FAR)).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = draining.cancelled() => {}
            () = expired => {}
        }
    })
}

/// As far ahead as a timer goes without doubt.
const TTL_FAR: Duration = Duration::from_secs(365 * 24 * 3600);
