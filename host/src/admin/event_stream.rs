//! Answers that go on: server-sent events, for as long as the host and the caller's token last.

use std::convert::Infallible;
use std::future::pending;
use std::time::{Duration, SystemTime};

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use serde_json::json;

use super::auth::AdminGrants;
use super::router::AdminState;
use crate::access::tokens::Claims;

/// How often a stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// As far ahead as a timer goes without doubt.
const TTL_FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// An event of this name.
pub(super) fn event(name: &str, data: impl Serialize) -> Event {
    Event::default().event(name).data(json!(data).to_string())
}

/// Says how many of these a slow reader missed.
pub(super) fn missed(what: &str, count: u64) -> Event {
    event("missed", json!({ what: count }))
}

/// The stream as an answer. It ends when the host drains, which a reader would otherwise hold up for the whole grace
/// period, and when the token that it was asked for with does.
pub(super) fn answer(
    host: &AdminState,
    claims: &Claims<AdminGrants>,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response {
    let draining = host.draining.clone();
    let left = claims.expires().map(|expires| {
        let left = expires.duration_since(SystemTime::now());
        left.unwrap_or_default().min(TTL_FAR)
    });
    let expired = async move {
        match left {
            Some(left) => tokio::time::sleep(left).await,
            None => pending().await,
        }
    };
    let end = async move {
        tokio::select! {
            () = draining.cancelled() => {}
            () = expired => {}
        }
    };
    let events = events.take_until(end).map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(events).keep_alive(keep_alive).into_response()
}
