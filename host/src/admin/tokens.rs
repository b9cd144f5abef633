//! Making tokens: shown once, to whoever asked, and kept nowhere.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::Role;
use super::error::ApiError;
use super::router::{Administers, ApiResult, Host};
use crate::model::quantity::Span;
use crate::observe::log_line::{is_harmless, rfc3339};

/// The longest that a token made here may last: ten years. What is to last longer is to be made anew some day.
const TTL_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Bytes of a subject: a name, recorded with what is done with the token.
const SUBJECT_BYTES_MAX: usize = 128;

/// A token to make.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// Whose it is; recorded with what is done with it.
    subject: String,
    role: Role,
    /// How long it is valid, as in `30d`.
    ttl: Span,
}

/// A token that was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewToken {
    /// Shown once.
    token: String,
    subject: String,
    role: Role,
    expires_at: String,
}

/// `POST /tokens`
pub(super) async fn create(
    Administers(actor): Administers,
    State(host): Host,
    Json(request): Json<TokenRequest>,
) -> ApiResult<(StatusCode, Json<NewToken>)> {
    let TokenRequest { subject, role, ttl } = request;
    let is_name = !subject.trim().is_empty() && subject.chars().all(is_harmless);
    if !is_name || subject.len() > SUBJECT_BYTES_MAX {
        return Err(ApiError::BadRequest(format!(
            "subject: a name of 1 to {SUBJECT_BYTES_MAX} bytes, without control characters"
        )));
    }
    if !(Duration::from_secs(1)..=TTL_MAX).contains(&ttl.0) {
        return Err(ApiError::BadRequest(format!(
            "ttl: `{ttl}` is outside of what this host allows: `1s` to `{}`",
            Span(TTL_MAX)
        )));
    }
    let token = host.tokens.create(&subject, role, ttl.0);
    let claims = host.tokens.verify(&token)?;
    tracing::info!(subject, role = role.as_str(), actor, "token made");
    let answer = NewToken {
        token,
        subject,
        role,
        expires_at: claims.expires().map(rfc3339).unwrap_or_default(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
