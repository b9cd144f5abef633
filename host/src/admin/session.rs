//! Sessions of the dashboard: sign in, see as whom, sign out.
//!
//! A session is a token in a cookie that scripts cannot read. The cookie is `Secure` wherever browsers keep such a one.
//! Over plain HTTP from another machine they do not, so that the cookie has another name there and goes over the
//! network as everything else does then: put a proxy with TLS before the admin listener where that matters.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{AdminGrants, Role};
use super::caller::{Caller, sessions};
use super::error::ApiError;
use super::origin::{Origin, OwnOrigin};
use super::router::AdminState;
use crate::access::tokens::{Claims, InvalidToken};
use crate::model::session_cookie;
use crate::observe::log_line::rfc3339;

/// How long one may stay signed in.
const SESSION_TTL_MAX: Duration = Duration::from_secs(12 * 3600);

/// Whose session a link makes.
const SUBJECT: &str = "dashboard";

/// What somebody signs in with.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignIn {
    /// The code of the link that `tidegate serve` prints on its first start.
    Code(String),
    /// A token of the admin API.
    Token(String),
}

/// As whom one is signed in.
#[derive(Serialize, JsonSchema)]
pub(super) struct Session {
    subject: String,
    role: Role,
    expires_at: String,
}

/// `POST /api/v1/session`: a code makes a session of an admin, a token one of its own role, subject and time.
pub(super) async fn sign_in(
    State(state): State<Arc<AdminState>>,
    OwnOrigin(origin): OwnOrigin,
    Json(request): Json<SignIn>,
) -> Result<Response, ApiError> {
    let (subject, role, ttl) = match request {
        SignIn::Code(code) if state.login.take(&code) => {
            (SUBJECT.to_owned(), Role::Admin, SESSION_TTL_MAX)
        }
        SignIn::Code(_) => return Err(ApiError::BadLogin),
        SignIn::Token(token) => {
            let claims = state.tokens.verify(token.trim())?;
            let ttl = time_left(&claims)?.min(SESSION_TTL_MAX);
            (claims.sub, claims.grants.role, ttl)
        }
    };
    let token = state.tokens.create(&subject, role, ttl);
    let session = Session::of(&state.tokens.verify(&token)?);
    let is_trustworthy = origin.as_ref().is_some_and(Origin::is_trustworthy);
    let cookie = if is_trustworthy { secure } else { plain };
    let cookie = [(header::SET_COOKIE, cookie(&token, ttl))];
    Ok((AppendHeaders(cookie), Json(session)).into_response())
}

/// `GET /api/v1/session`
pub(super) async fn show(Caller(claims): Caller) -> Json<Session> {
    Json(Session::of(&claims))
}

/// `DELETE /api/v1/session`: has the browser forget its cookies, also those that are not valid any more.
pub(super) async fn sign_out(
    OwnOrigin(origin): OwnOrigin,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if origin.is_none() && sessions(&headers).next().is_some() {
        return Err(ApiError::ForeignOrigin);
    }
    let cleared = [secure, plain].map(|cookie| (header::SET_COOKIE, cookie("", Duration::ZERO)));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cleared)).into_response())
}

impl Session {
    fn of(claims: &Claims<AdminGrants>) -> Session {
        Session {
            subject: claims.sub.clone(),
            role: claims.grants.role,
            expires_at: claims.expires().map(rfc3339).unwrap_or_default(),
        }
    }
}

/// Without the leeway that a token has: with it, one session after another would outlive the token by as much each.
fn time_left(claims: &Claims<AdminGrants>) -> Result<Duration, ApiError> {
    let left = claims
        .expires()
        .and_then(|expires| expires.duration_since(SystemTime::now()).ok());
    left.ok_or_else(|| ApiError::BadToken(InvalidToken::Expired.to_string()))
}

fn secure(value: &str, max_age: Duration) -> String {
    let plain = cookie(session_cookie::SECURE, value, max_age);
    format!("{plain}; Secure")
}

fn plain(value: &str, max_age: Duration) -> String {
    cookie(session_cookie::PLAIN, value, max_age)
}

/// Without `Domain`, so that it is for this host alone.
fn cookie(name: &str, value: &str, max_age: Duration) -> String {
    let seconds = max_age.as_secs();
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict")
}
