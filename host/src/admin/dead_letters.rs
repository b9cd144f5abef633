//! Dead letters: messages that a function did not handle, kept to be looked at, tried again or dropped.

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_broker::store::{DeadLetter, MessageId};

use super::broker::{broker, shown};
use super::error::ApiError;
use super::functions::time;
use super::router::{AdminState, ApiResult, Deploys, Host, Viewer, name};
use crate::model::name::Name;

/// Dead letters of one page, unless fewer are asked for.
const PAGE: usize = 100;

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
) -> ApiResult {
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
    let letters: Vec<Value> = letters.iter().map(summary).collect();
    Ok(Json(json!({ "dead_letters": letters, "cursor": cursor })))
}

/// `GET /broker/dead-letters/{function}/{id}`
pub(super) async fn show(
    _: Viewer,
    State(host): Host,
    Path((function, id)): Path<(String, String)>,
) -> ApiResult {
    let (function, letter) = of(&function, &id)?;
    let letter = broker(&host)?
        .dead_letter(function.to_string(), letter)
        .await?;
    let letter = letter.ok_or_else(|| ApiError::NoSuchDeadLetter(function, id))?;
    let mut shown_whole = summary(&letter);
    shown_whole["message"] = shown(&letter.message);
    Ok(Json(shown_whole))
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
) -> ApiResult {
    let function = name(&function)?;
    let mut retried = 0;
    for letter in all(&host, &function).await? {
        let broker = broker(&host)?;
        retried += u32::from(broker.retry_dead_letter(function.as_str(), letter).await?);
    }
    Ok(Json(json!({ "retried": retried })))
}

/// `DELETE /broker/dead-letters/{function}`: all that there are now.
pub(super) async fn drop_all(
    _: Deploys,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult {
    let function = name(&function)?;
    let mut dropped = 0;
    for letter in all(&host, &function).await? {
        let broker = broker(&host)?;
        dropped += u32::from(broker.drop_dead_letter(function.as_str(), letter).await?);
    }
    Ok(Json(json!({ "dropped": dropped })))
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
fn id(letter: &DeadLetter) -> String {
    format!("{:016x}", letter.record.message)
}

fn number(id: &str) -> Option<MessageId> {
    MessageId::from_str_radix(id, 16).ok()
}

fn summary(letter: &DeadLetter) -> Value {
    let record = &letter.record;
    json!({
        "id": id(letter),
        "function": letter.function,
        "topic": letter.message.topic.as_str(),
        "filter": record.filter.as_str(),
        "reason": record.reason,
        "attempts": record.attempts,
        "first_attempt_at": record.first_ms.map(time),
        "last_attempt_at": time(record.last_ms),
        "payload_bytes": letter.message.payload.len(),
    })
}
