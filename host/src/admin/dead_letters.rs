//! Dead letters: messages that a function did not handle, kept to be looked at, tried again or dropped.

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_broker::store::{DeadLetter as Stored, MessageId};

use super::broker::broker;
use super::error::ApiError;
use super::message::Message;
use super::router::{AdminState, ApiResult, Deploys, Host, Viewer, name};
use super::time::from_ms;
use crate::model::name::Name;

/// Dead letters of one page, unless fewer are asked for.
const PAGE: usize = 100;

/// A message that a function did not handle.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeadLetter {
    /// That of the message's deliveries.
    id: String,
    function: String,
    topic: String,
    /// The trigger's filter that matched.
    filter: String,
    /// Why it was given up.
    reason: String,
    attempts: u32,
    first_attempt_at: Option<String>,
    last_attempt_at: String,
    payload_bytes: usize,
}

/// A dead letter with its message.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeadLetterDetail {
    #[serde(flatten)]
    dead_letter: DeadLetter,
    message: Message,
}

/// A page of dead letters, newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeadLetters {
    dead_letters: Vec<DeadLetter>,
    /// For the next page, if there is one.
    cursor: Option<String>,
}

/// How many are tried again.
#[derive(Serialize, JsonSchema)]
pub(super) struct Retried {
    retried: u32,
}

/// How many were dropped.
#[derive(Serialize, JsonSchema)]
pub(super) struct Dropped {
    dropped: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    function: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// `GET /broker/dead-letters`: without payloads.
pub(super) async fn list(
    _: Viewer,
    State(host): Host,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<DeadLetters>> {
    let function = query.function.as_deref().map(name).transpose()?;
    let before = match &query.cursor {
        Some(cursor) => {
            let before = number(cursor);
            Some(before.ok_or_else(|| ApiError::BadRequest("cursor: not one of mine".to_owned()))?)
        }
        None => None,
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let function = function.map(|name| name.to_string());
    let letters = broker(&host)?.dead_letters(function, before, limit).await?;
    let cursor = (letters.len() >= limit)
        .then(|| letters.last().map(id))
        .flatten();
    let dead_letters = letters.iter().map(DeadLetter::of).collect();
    Ok(Json(DeadLetters {
        dead_letters,
        cursor,
    }))
}

/// `GET /broker/dead-letters/{function}/{id}`
pub(super) async fn show(
    _: Viewer,
    State(host): Host,
    Path((function, id)): Path<(String, String)>,
) -> ApiResult<Json<DeadLetterDetail>> {
    let (function, letter) = of(&function, &id)?;
    let letter = broker(&host)?
        .dead_letter(function.to_string(), letter)
        .await?;
    let letter = letter.ok_or_else(|| ApiError::NoSuchDeadLetter(function, id))?;
    Ok(Json(DeadLetterDetail {
        dead_letter: DeadLetter::of(&letter),
        message: Message::of(&letter.message),
    }))
}

/// `POST /broker/dead-letters/{function}/{id}/retry`
pub(super) async fn retry_one(
    _: Deploys,
    State(host): Host,
    Path((function, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let (function, letter) = of(&function, &id)?;
    match broker(&host)?
        .retry_dead_letter(function.as_str(), letter)
        .await?
    {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(ApiError::NoSuchDeadLetter(function, id)),
    }
}

/// `DELETE /broker/dead-letters/{function}/{id}`
pub(super) async fn drop_one(
    _: Deploys,
    State(host): Host,
    Path((function, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let (function, letter) = of(&function, &id)?;
    match broker(&host)?
        .drop_dead_letter(function.as_str(), letter)
        .await?
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::NoSuchDeadLetter(function, id)),
    }
}

/// `POST /broker/dead-letters/{function}/retry`: all that there are now.
pub(super) async fn retry_all(
    _: Deploys,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult<Json<Retried>> {
    let function = name(&function)?;
    let mut retried = 0;
    for letter in all(&host, &function).await? {
        let broker = broker(&host)?;
        retried += u32::from(broker.retry_dead_letter(function.as_str(), letter).await?);
    }
    Ok(Json(Retried { retried }))
}

/// `DELETE /broker/dead-letters/{function}`: all that there are now.
pub(super) async fn drop_all(
    _: Deploys,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult<Json<Dropped>> {
    let function = name(&function)?;
    let mut dropped = 0;
    for letter in all(&host, &function).await? {
        let broker = broker(&host)?;
        dropped += u32::from(broker.drop_dead_letter(function.as_str(), letter).await?);
    }
    Ok(Json(Dropped { dropped }))
}

/// How many dead letters a function has.
pub(super) async fn count(host: &AdminState, function: &Name) -> Result<usize, ApiError> {
    match &host.broker {
        Some(_) => Ok(all(host, function).await?.len()),
        None => Ok(0),
    }
}

/// The ids of a function's dead letters, the oldest first: their order is that of the messages.
async fn all(host: &AdminState, function: &Name) -> Result<Vec<MessageId>, ApiError> {
    let mut ids = Vec::new();
    let mut before = None;
    loop {
        let function = Some(function.to_string());
        let page = broker(host)?.dead_letters(function, before, PAGE).await?;
        before = page.last().map(|letter| letter.record.message);
        ids.extend(page.iter().map(|letter| letter.record.message));
        if page.len() < PAGE {
            ids.reverse();
            return Ok(ids);
        }
    }
}

fn of(function: &str, id: &str) -> Result<(Name, MessageId), ApiError> {
    let function = name(function)?;
    match number(id) {
        Some(letter) => Ok((function, letter)),
        None => Err(ApiError::NoSuchDeadLetter(function, id.to_owned())),
    }
}

/// The id that deliveries of the message had.
fn id(letter: &Stored) -> String {
    format!("{:016x}", letter.record.message)
}

fn number(id: &str) -> Option<MessageId> {
    MessageId::from_str_radix(id, 16).ok()
}

impl DeadLetter {
    fn of(letter: &Stored) -> DeadLetter {
        let record = &letter.record;
        DeadLetter {
            id: id(letter),
            function: letter.function.clone(),
            topic: letter.message.topic.to_string(),
            filter: record.filter.to_string(),
            reason: record.reason.clone(),
            attempts: record.attempts,
            first_attempt_at: record.first_ms.map(from_ms),
            last_attempt_at: from_ms(record.last_ms),
            payload_bytes: letter.message.payload.len(),
        }
    }
}
