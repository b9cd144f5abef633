//! Who a request comes from: a bearer token or, where it has none, the session in its cookie.
//!
//! A browser sends the cookie along with whatever a page has it ask for, so that a session changes something only for a
//! request whose `Origin` is this host's own; reading needs no more than the cookie, because no other page gets to see
//! an answer. A name that was led to this machine (DNS rebinding) is of no use: the cookie is the host's that it was set
//! by, and browsers send it to no other.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::auth::{AdminGrants, Role, Tokens};
use super::error::ApiError;
use super::origin::own_origin;
use super::router::AdminState;
use crate::access::tokens::Claims;
use crate::model::session_cookie;

/// A caller with the role `viewer` or more, and what its token says.
pub(super) struct Caller(pub(super) Claims<AdminGrants>);

impl FromRequestParts<Arc<AdminState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AdminState>,
    ) -> Result<Caller, ApiError> {
        caller(parts, &state.tokens, Role::Viewer).map(Caller)
    }
}

/// What the caller's token says, if it is valid and has at least this role.
pub(super) fn caller(
    parts: &Parts,
    tokens: &Tokens,
    needed: Role,
) -> Result<Claims<AdminGrants>, ApiError> {
    let claims = match parts.headers.get(header::AUTHORIZATION) {
        Some(authorization) => tokens.of_header(authorization)?,
        None => of_session(parts, tokens)?,
    };
    claims.grants.check(needed)?;
    Ok(claims)
}

fn of_session(parts: &Parts, tokens: &Tokens) -> Result<Claims<AdminGrants>, ApiError> {
    let mut claims = Err(ApiError::NoToken);
    // Whoever sets cookies for this host, a function's page say, can have one of the same name come first.
    for session in sessions(&parts.headers) {
        claims = tokens.verify(session);
        if claims.is_ok() {
            break;
        }
    }
    let claims = claims?;
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    if !reads && own_origin(parts)?.is_none() {
        return Err(ApiError::ForeignOrigin);
    }
    Ok(claims)
}

/// What the cookies of sessions hold, those first that only this host can have set.
pub(super) fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let named = |wanted| {
        let values = headers.get_all(header::COOKIE).iter();
        let pairs = values.filter_map(|value| value.to_str().ok());
        let pairs = pairs.flat_map(|value| value.split(';'));
        pairs.filter_map(move |pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == wanted).then_some(value)
        })
    };
    named(session_cookie::SECURE).chain(named(session_cookie::PLAIN))
}
