//! `GET /live`: what happens on the host, as server-sent events.
//!
//! ```text
//! hello, then: invocation, log, deploy, broker, health, vitals; `missed` where the reader was too slow or away too long
//! ```
//!
//! Each event's id has the host's start and the event's number: a reader that comes back with the last one
//! (`Last-Event-ID`, as browsers do) goes on there.

use axum::extract::{Query, State};
use axum::response::Response;
use axum::response::sse::Event as SentEvent;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_broker::Broker;
use tidegate_broker::events::{BrokerEvent, EventKind};
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::error::ApiError;
use super::event_stream::{answer, event, missed};
use super::invocations::Invocation;
use super::router::{ApiResult, Host, name};
use crate::model::name::Name;
use crate::observe::live::{Batch, Event, Live};

/// The kinds of events that can be asked for.
const TYPES: [&str; 6] = ["invocation", "log", "deploy", "broker", "health", "vitals"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveQuery {
    types: Option<String>,
    function: Option<String>,
    /// The id of the last event that was seen, for those that cannot send `Last-Event-ID`.
    after: Option<String>,
}

/// What a reader wants to hear of.
struct Wanted {
    types: Vec<&'static str>,
    function: Option<Name>,
}

/// `GET /live`
pub(super) async fn live(
    Caller(claims): Caller,
    State(host): Host,
    Query(query): Query<LiveQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let after = query.after.clone();
    let wanted = query.parse()?;
    let live = host.watchers.live.clone();
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.or(after.as_deref());
    let reader = live.read(last.and_then(|id| number_of(&live, id)));
    let boot = live.boot();
    let hello = json!({ "version": env!("CARGO_PKG_VERSION"), "boot": boot.to_string() });
    // With an id, so that a connection that is lost before the first event is gone on with as well.
    let hello = event("hello", hello).id(format!("{boot}-{}", reader.last()));
    let vitals = host.vitals();
    let mut health = json!(vitals.health);
    health["at"] = json!(vitals.at);
    let now = [("health", health), ("vitals", json!(vitals))].into_iter();
    let now: Vec<SentEvent> = now
        .filter(|(name, _)| wanted.has_type(name))
        .map(|(name, data)| event(name, data))
        .collect();
    let events = stream::unfold((reader, wanted), move |(mut reader, wanted)| async move {
        let batch = reader.next().await;
        let events = sent(boot, batch, &wanted);
        Some((stream::iter(events), (reader, wanted)))
    });
    let events = stream::iter([hello])
        .chain(stream::iter(now))
        .chain(events.flatten());
    Ok(answer(&host, &claims, events))
}

impl LiveQuery {
    fn parse(self) -> Result<Wanted, ApiError> {
        let asked = self.types.as_deref().unwrap_or_default();
        let asked = asked.split(',').filter(|asked| !asked.is_empty());
        let types = asked.map(|asked| {
            let known = TYPES.iter().find(|known| **known == asked).copied();
            known.ok_or_else(|| {
                let known = TYPES.join(", ");
                ApiError::BadRequest(format!("types: `{asked}` is none; there are {known}"))
            })
        });
        Ok(Wanted {
            types: types.collect::<Result<_, _>>()?,
            function: self.function.as_deref().map(name).transpose()?,
        })
    }
}

impl Wanted {
    fn has_type(&self, name: &str) -> bool {
        self.types.is_empty() || self.types.contains(&name)
    }

    fn has(&self, event: &Event) -> bool {
        let of_function = self.function.is_none() || event.function() == self.function.as_ref();
        self.has_type(event.name()) && of_function
    }
}

/// A batch as it is sent, without what is not wanted.
fn sent(boot: u64, batch: Batch, wanted: &Wanted) -> Vec<SentEvent> {
    let missed = (batch.missed > 0).then(|| missed("events", batch.missed));
    let events = batch.events.iter();
    let events = events.filter(|(_, event)| wanted.has(event));
    let events = events.map(|(number, event)| {
        SentEvent::default()
            .id(format!("{boot}-{number}"))
            .event(event.name())
            .data(data_of(event))
    });
    missed.into_iter().chain(events).collect()
}

fn data_of(event: &Event) -> String {
    let of_function = |mut data: Value, function: &Name| {
        data["function"] = function.as_str().into();
        data.to_string()
    };
    match event {
        Event::Invocation(function, record) => {
            of_function(json!(Invocation::from(&**record)), function)
        }
        Event::Log(function, line) => of_function(json!(**line), function),
        Event::Other(_, _, data) => data.to_string(),
    }
}

/// The number in an event's id, where it is of this start of the host; that of another start is older than everything.
fn number_of(live: &Live, id: &str) -> Option<u64> {
    let (boot, number) = id.split_once('-')?;
    let is_of_this = boot.parse() == Ok(live.boot());
    is_of_this.then(|| number.parse().ok())?
}

/// Tells those who look on what happens at the broker, until `stop`.
pub(super) async fn tell_of_broker(broker: Broker, live: Live, stop: CancellationToken) {
    let mut events = broker.events();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = events.next() => next,
        };
        live.tell_other("broker", None, || described(&next));
    }
}

fn described(event: &BrokerEvent) -> Value {
    let action = match event.kind {
        EventKind::Connected => "connected",
        EventKind::Disconnected => "disconnected",
        EventKind::Refused => "refused",
    };
    json!({
        "action": action, "client_id": event.client_id,
        "address": event.address.to_string(), "function": null, "topic": null, "detail": event.detail,
    })
}
