//! Logs of a function: what is kept and, on request, what comes, as server-sent events.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

use super::functions::find;
use super::router::{ApiResult, Host, KEEP_ALIVE, Viewer, name};
use crate::observe::journal::LogLine;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogsQuery {
    limit: Option<usize>,
    invocation: Option<String>,
    #[serde(default)]
    follow: bool,
}

/// `GET /functions/{name}/logs`
pub(super) async fn logs(
    _: Viewer,
    State(host): Host,
    Path(function): Path<String>,
    Query(query): Query<LogsQuery>,
) -> ApiResult<Response> {
    let function = find(&host.tables, &name(&function)?)?;
    let (mut lines, live) = function.journal.lines();
    let invocation = query.invocation;
    lines.retain(|line| is_wanted(line, invocation.as_deref()));
    let beyond_limit = lines
        .len()
        .saturating_sub(query.limit.unwrap_or(usize::MAX));
    lines.drain(..beyond_limit);
    if !query.follow {
        return Ok(Json(json!({ "logs": lines })).into_response());
    }
    let live = BroadcastStream::new(live).filter_map(move |line| {
        let event = match line {
            Ok(line) => is_wanted(&line, invocation.as_deref()).then(|| log_event(&line)),
            Err(BroadcastStreamRecvError::Lagged(lines)) => Some(
                Event::default()
                    .event("missed")
                    .data(json!({ "lines": lines }).to_string()),
            ),
        };
        std::future::ready(event)
    });
    let kept: Vec<Event> = lines.iter().map(log_event).collect();
    let events = until(
        host.draining.clone(),
        stream::iter(kept).chain(live).map(Ok::<_, Infallible>),
    );
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

fn is_wanted(line: &LogLine, invocation: Option<&str>) -> bool {
    invocation.is_none_or(|invocation| line.invocation == invocation)
}

fn log_event(line: &LogLine) -> Event {
    Event::default().event("log").data(json!(line).to_string())
}

/// The stream, ended when the host drains: a reader would otherwise hold it up for the whole grace period.
fn until<T>(draining: CancellationToken, events: impl Stream<Item = T>) -> impl Stream<Item = T> {
    events.take_until(async move { draining.cancelled().await })
}
