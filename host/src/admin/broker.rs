//! The broker: who is connected, and publishing by hand.

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use super::router::{ApiResult, Deploys, Host, Viewer};
use tidegate_broker::limits::PAYLOAD_BYTES_MAX;
use tidegate_broker::message::{Message, QoS};

/// `GET /broker/clients`
pub(super) async fn clients(_: Viewer, State(host): Host) -> ApiResult {
    let broker = host.broker.as_ref().ok_or(ApiError::MqttOff)?;
    Ok(Json(json!({ "clients": broker.clients() })))
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
    let broker = host.broker.as_ref().ok_or(ApiError::MqttOff)?;
    broker.publish(request.into_message()?).await?;
    Ok(StatusCode::ACCEPTED)
}
