//! The sign-in link that `tidegate serve` prints on its first start: good once, for a while.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Role;
use super::error::ApiError;
use super::router::AdminState;
use crate::limits::LOGIN_LINK_TTL;

/// The one outstanding code.
#[derive(Default)]
pub struct LoginCode(Mutex<Option<(String, Instant)>>);

/// How long the page stays signed in.
const SESSION_TTL: Duration = Duration::from_secs(12 * 3600);

impl LoginCode {
    /// A code that can be exchanged for a token, once.
    pub fn new(code: String) -> LoginCode {
        LoginCode(Mutex::new(Some((code, Instant::now() + LOGIN_LINK_TTL))))
    }

    fn take(&self, given: &str) -> bool {
        let mut code = self.0.lock().expect("no holder of this lock panics");
        let good = code.as_ref().is_some_and(|(code, until)| {
            let same = aws_lc_rs::constant_time::verify_slices_are_equal(
                code.as_bytes(),
                given.as_bytes(),
            )
            .is_ok();
            same && Instant::now() < *until
        });
        if good {
            *code = None;
        }
        good
    }
}

#[derive(Deserialize)]
pub(super) struct LoginRequest {
    code: String,
}

/// `POST /api/v1/login`: a code for a token.
pub(super) async fn login(
    State(state): State<Arc<AdminState>>,
    Json(request): Json<LoginRequest>,
) -> Result<Json<Value>, ApiError> {
    if !state.login.take(&request.code) {
        return Err(ApiError::BadLogin);
    }
    let token = state.tokens.create("dashboard", Role::Admin, SESSION_TTL);
    Ok(Json(json!({ "token": token })))
}

#[cfg(test)]
mod tests {
    use super::LoginCode;

    #[test]
    fn a_code_is_good_once() {
        let code = LoginCode::new("abc".to_owned());
        assert!(!code.take("abd"));
        assert!(code.take("abc"));
        assert!(!code.take("abc"));
        assert!(!LoginCode::default().take(""));
    }
}
