//! The broker: its figures, who is connected, what is published, and publishing by hand.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_broker::Broker;
use tidegate_broker::topic::TopicFilter;

use super::error::ApiError;
use super::router::{AdminState, ApiResult, Deploys, Host, KEEP_ALIVE, Viewer};
use tidegate_broker::limits::PAYLOAD_BYTES_MAX;
use tidegate_broker::message::{Message, QoS};

/// `GET /broker`
pub(super) async fn figures(_: Viewer, State(host): Host) -> ApiResult {
    let broker = broker(&host)?;
    let mut figures = json!(broker.figures());
    figures["external"] = json!(broker.upstream_state());
    Ok(Json(figures))
}

/// `GET /broker/clients`
pub(super) async fn clients(_: Viewer, State(host): Host) -> ApiResult {
    Ok(Json(json!({ "clients": broker(&host)?.clients() })))
}

/// `DELETE /broker/clients/{client}`
pub(super) async fn end_client(
    Deploys(actor): Deploys,
    State(host): Host,
    Path(client): Path<String>,
) -> ApiResult<StatusCode> {
    if !broker(&host)?.end_client(&client) {
        return Err(ApiError::NoSuchClient(client));
    }
    tracing::info!(client, actor, "an MQTT client's session was ended");
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /broker/inboxes`
pub(super) async fn inboxes(_: Viewer, State(host): Host) -> ApiResult {
    let inboxes = broker(&host)?.inboxes();
    let inboxes: Vec<_> = inboxes.iter().map(|inbox| inbox.snapshot()).collect();
    Ok(Json(json!({ "inboxes": inboxes })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterQuery {
    filter: Option<String>,
}

/// All topics, where no filter is given.
fn filter_of(text: Option<&str>) -> Result<TopicFilter, ApiError> {
    let filter = text.unwrap_or("#").parse();
    filter.map_err(|error| ApiError::BadRequest(format!("filter: {error}")))
}

/// `GET /broker/topics`
pub(super) async fn topics(
    _: Viewer,
    State(host): Host,
    Query(query): Query<FilterQuery>,
) -> ApiResult {
    let topics = broker(&host)?.topics(&filter_of(query.filter.as_deref())?);
    Ok(Json(json!({ "topics": topics })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesQuery {
    filter: Option<String>,
    #[serde(default)]
    follow: bool,
}

/// `GET /broker/messages`: what is retained and, on request, what is published from now on, as server-sent events.
pub(super) async fn messages(
    _: Viewer,
    State(host): Host,
    Query(query): Query<MessagesQuery>,
) -> ApiResult<Response> {
    let filter = filter_of(query.filter.as_deref())?;
    if !query.follow {
        let retained = broker(&host)?.retained(&filter);
        let retained: Vec<Value> = retained.iter().map(shown).collect();
        return Ok(Json(json!({ "messages": retained })).into_response());
    }
    let tap = broker(&host)?.tap(&filter);
    let events = stream::unfold(tap, |mut tap| async move {
        let message = tap.next().await;
        let missed = tap.missed();
        let missed = (missed > 0).then(|| {
            let data = json!({ "messages": missed });
            Event::default().event("missed").data(data.to_string())
        });
        let data = shown(&message).to_string();
        let message = Event::default().event("message").data(data);
        let events = missed.into_iter().chain([message]);
        Some((stream::iter(events.map(Ok::<_, Infallible>)), tap))
    });
    let draining = host.draining.clone();
    let events = events
        .flatten()
        .take_until(async move { draining.cancelled().await });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// A message as the API shows it: its payload as text where it is text, otherwise as base64.
pub(super) fn shown(message: &Message) -> Value {
    let mut shown = json!({
        "topic": message.topic.as_str(),
        "qos": message.qos as u8,
        "retain": message.retain,
    });
    match str::from_utf8(&message.payload) {
        Ok(text) => shown["payload"] = text.into(),
        Err(_) => shown["payload_base64"] = BASE64_STANDARD.encode(&message.payload).into(),
    }
    if let Some(properties) = &message.properties {
        shown["properties"] = json!(properties);
    }
    shown
}

/// The broker, where MQTT is on.
pub(super) fn broker(host: &AdminState) -> Result<&Broker, ApiError> {
    host.broker.as_ref().ok_or(ApiError::MqttOff)
}

/// A message as the API takes it: its payload as text or as base64.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageRequest {
    topic: String,
    payload: Option<String>,
    payload_base64: Option<String>,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
}

impl MessageRequest {
    pub(super) fn into_message(self) -> Result<Message, ApiError> {
        let topic = self
            .topic
            .parse()
            .map_err(|error| ApiError::BadRequest(format!("topic: {error}")))?;
        if self.topic.starts_with('$') {
            let text = "topic: those that begin with `$` are the server's own [MQTT-4.7.2-1]";
            return Err(ApiError::BadRequest(text.to_owned()));
        }
        let qos =
            QoS::try_from(self.qos).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        let payload = bytes_of(self.payload, self.payload_base64)?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(ApiError::BodyTooLarge(PAYLOAD_BYTES_MAX));
        }
        Ok(Message {
            retain: self.retain,
            ..Message::new(topic, payload, qos)
        })
    }
}

/// Bytes given as text or as base64.
pub(super) fn bytes_of(text: Option<String>, base64: Option<String>) -> Result<Bytes, ApiError> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(ApiError::BadRequest(
            "give either text or base64, not both".to_owned(),
        )),
        (Some(text), None) => Ok(text.into()),
        (None, Some(base64)) => {
            let decoded = BASE64_STANDARD.decode(base64);
            decoded
                .map(Bytes::from)
                .map_err(|error| ApiError::BadRequest(format!("not base64: {error}")))
        }
        (None, None) => Ok(Bytes::new()),
    }
}

/// `POST /broker/publish`
pub(super) async fn publish(
    _: Deploys,
    State(host): Host,
    Json(request): Json<MessageRequest>,
) -> ApiResult<StatusCode> {
    broker(&host)?.publish(request.into_message()?).await?;
    Ok(StatusCode::ACCEPTED)
}
