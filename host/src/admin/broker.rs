//! The broker: its figures, who is connected, what is published, and publishing by hand.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_broker::inbox::InboxSnapshot;
use tidegate_broker::topic::TopicFilter;
use tidegate_broker::upstream::UpstreamState;
use tidegate_broker::{Broker, BrokerFigures, ClientSnapshot, TopicSnapshot};

use super::caller::Caller;
use super::error::ApiError;
use super::event_stream::{answer, event, missed};
use super::message::{Message, MessageRequest};
use super::router::{AdminState, ApiResult, Deploys, Host, Viewer};

/// The broker's figures and, where there is one in its place, how it is with the external broker.
#[derive(Serialize, JsonSchema)]
pub(super) struct BrokerState {
    #[serde(flatten)]
    figures: BrokerFigures,
    external: Option<UpstreamState>,
}

/// Sessions of clients, by client id.
#[derive(Serialize, JsonSchema)]
pub(super) struct Clients {
    clients: Vec<ClientSnapshot>,
}

/// What waits for functions.
#[derive(Serialize, JsonSchema)]
pub(super) struct Inboxes {
    inboxes: Vec<InboxSnapshot>,
}

/// Topics that messages were published to of late, or are retained of.
#[derive(Serialize, JsonSchema)]
pub(super) struct Topics {
    topics: Vec<TopicSnapshot>,
}

/// Retained messages, by topic.
#[derive(Serialize, JsonSchema)]
pub(super) struct Messages {
    messages: Vec<Message>,
}

/// `GET /broker`
pub(super) async fn figures(_: Viewer, State(host): Host) -> ApiResult<Json<BrokerState>> {
    let broker = broker(&host)?;
    Ok(Json(BrokerState {
        figures: broker.figures(),
        external: broker.upstream_state(),
    }))
}

/// `GET /broker/clients`
pub(super) async fn clients(_: Viewer, State(host): Host) -> ApiResult<Json<Clients>> {
    let clients = broker(&host)?.clients();
    Ok(Json(Clients { clients }))
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
pub(super) async fn inboxes(_: Viewer, State(host): Host) -> ApiResult<Json<Inboxes>> {
    let inboxes = broker(&host)?.inboxes();
    let inboxes = inboxes.iter().map(|inbox| inbox.snapshot()).collect();
    Ok(Json(Inboxes { inboxes }))
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
) -> ApiResult<Json<Topics>> {
    let topics = broker(&host)?.topics(&filter_of(query.filter.as_deref())?);
    Ok(Json(Topics { topics }))
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
    Caller(claims): Caller,
    State(host): Host,
    Query(query): Query<MessagesQuery>,
) -> ApiResult<Response> {
    let filter = filter_of(query.filter.as_deref())?;
    if !query.follow {
        let retained = broker(&host)?.retained(&filter);
        let messages = retained.iter().map(Message::of).collect();
        return Ok(Json(Messages { messages }).into_response());
    }
    let tap = broker(&host)?.tap(&filter);
    let events = stream::unfold(tap, |mut tap| async move {
        let message = event("message", Message::of(&tap.next().await));
        let count = tap.missed();
        let missed = (count > 0).then(|| missed("messages", count));
        Some((stream::iter(missed.into_iter().chain([message])), tap))
    });
    Ok(answer(&host, &claims, events.flatten()))
}

/// The broker, where MQTT is on.
pub(super) fn broker(host: &AdminState) -> Result<&Broker, ApiError> {
    host.broker.as_ref().ok_or(ApiError::MqttOff)
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
