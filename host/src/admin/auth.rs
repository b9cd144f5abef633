//! Tokens of the admin API: who may use it, and for what.
//!
//! They are the host's own ([`TokenKey`]), with a role beside what every token says.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::access::tokens::{Audience, Claims, TokenKey};

/// What a token allows; each role includes those before it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Seeing everything but values of key-value state.
    Viewer,
    /// Deploying, invoking, and key-value state.
    Deployer,
    /// Everything.
    Admin,
}

impl Role {
    /// The word for logs and the API.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Deployer => "deployer",
            Role::Admin => "admin",
        }
    }
}

/// What a token of the admin API says beside what every token does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AdminGrants {
    pub(super) role: Role,
}

impl AdminGrants {
    /// Whether they are enough for what needs this role.
    pub(super) fn check(&self, needed: Role) -> Result<(), ApiError> {
        let held = self.role;
        if held < needed {
            return Err(ApiError::Forbidden {
                needed: needed.as_str(),
                held: held.as_str(),
            });
        }
        Ok(())
    }
}

/// Longer tokens are not looked at.
const TOKEN_BYTES_MAX: usize = 4096;

/// Makes and checks tokens.
pub struct Tokens {
    key: TokenKey,
}

impl Tokens {
    /// Tokens under this key.
    pub fn new(key: &[u8; 32]) -> Tokens {
        let key = TokenKey::new(key);
        Tokens { key }
    }

    /// A token for this role, valid from now on for this long.
    pub fn create(&self, subject: &str, role: Role, ttl: Duration) -> String {
        let grants = AdminGrants { role };
        self.key.sign(Audience::AdminApi, subject, grants, ttl)
    }

    /// What the bearer token in this header says, if it is valid.
    pub(super) fn of_header(
        &self,
        authorization: &http::HeaderValue,
    ) -> Result<Claims<AdminGrants>, ApiError> {
        let header = authorization.to_str().map_err(|_| ApiError::NoToken)?;
        let (scheme, token) = header.split_once(' ').ok_or(ApiError::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::NoToken);
        }
        self.verify(token.trim())
    }

    /// What this token says, if it is valid.
    pub(super) fn verify(&self, token: &str) -> Result<Claims<AdminGrants>, ApiError> {
        let verified = self.key.verify(Audience::AdminApi, token, TOKEN_BYTES_MAX);
        verified.map_err(|reason| ApiError::BadToken(reason.to_string()))
    }
}

/// Makes a token from the data directory, also while a host runs on it.
pub fn create_token(
    data_dir: &Path,
    subject: &str,
    role: Role,
    ttl: Duration,
) -> anyhow::Result<String> {
    let key = TokenKey::of(data_dir)?;
    Ok(Tokens { key }.create(subject, role, ttl))
}

/// A token for the command line on the host's own machine.
pub fn local_token(data_dir: &Path) -> anyhow::Result<String> {
    create_token(data_dir, "local", Role::Admin, Duration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;
    use crate::access::tokens::ISSUER;

    fn tokens() -> Tokens {
        Tokens::new(&[7; 32])
    }

    fn now() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs()
    }

    fn check(
        authorization: &http::HeaderValue,
        needed: Role,
    ) -> Result<Claims<AdminGrants>, ApiError> {
        let claims = tokens().of_header(authorization)?;
        claims.grants.check(needed)?;
        Ok(claims)
    }

    fn header(token: &str) -> http::HeaderValue {
        format!("Bearer {token}").parse().expect("ascii")
    }

    fn signed(
        algorithm: Algorithm,
        key: &[u8],
        change: impl FnOnce(&mut Value),
    ) -> http::HeaderValue {
        let mut claims = json!({ "iss": ISSUER, "aud": Audience::AdminApi.as_str(), "sub": "x", "role": "admin", "iat": now(), "nbf": now(), "exp": now() + 60 });
        change(&mut claims);
        header(
            &jsonwebtoken::encode(
                &Header::new(algorithm),
                &claims,
                &EncodingKey::from_secret(key),
            )
            .expect("signed"),
        )
    }

    #[test]
    fn a_token_is_good_for_its_role_and_those_below() {
        let token = header(&tokens().create("ci", Role::Deployer, Duration::from_secs(60)));
        assert_eq!(check(&token, Role::Viewer).expect("enough").sub, "ci");
        assert!(check(&token, Role::Deployer).is_ok());
        assert!(matches!(
            check(&token, Role::Admin),
            Err(ApiError::Forbidden { .. })
        ));
    }

    #[test]
    fn what_is_not_a_valid_token_is_refused() {
        let bad = [
            ("other key", signed(Algorithm::HS256, &[8; 32], |_| {})),
            (
                "other algorithm",
                signed(Algorithm::HS512, &[7; 32], |_| {}),
            ),
            (
                "expired",
                signed(Algorithm::HS256, &[7; 32], |c| c["exp"] = json!(now() - 60)),
            ),
            (
                "not yet valid",
                signed(Algorithm::HS256, &[7; 32], |c| c["nbf"] = json!(now() + 60)),
            ),
            (
                "expiry as text",
                signed(Algorithm::HS256, &[7; 32], |c| {
                    c["exp"] = json!("9999999999")
                }),
            ),
            (
                "expiry missing",
                signed(Algorithm::HS256, &[7; 32], |c| {
                    drop(c.as_object_mut().expect("object").remove("exp"))
                }),
            ),
            (
                "not-before null",
                signed(Algorithm::HS256, &[7; 32], |c| c["nbf"] = Value::Null),
            ),
            (
                "other issuer",
                signed(Algorithm::HS256, &[7; 32], |c| c["iss"] = json!("someone")),
            ),
            (
                "other audience",
                signed(Algorithm::HS256, &[7; 32], |c| c["aud"] = json!("someone")),
            ),
            (
                "unknown role",
                signed(Algorithm::HS256, &[7; 32], |c| c["role"] = json!("root")),
            ),
            (
                "no subject",
                signed(Algorithm::HS256, &[7; 32], |c| {
                    drop(c.as_object_mut().expect("object").remove("sub"))
                }),
            ),
            (
                "no algorithm",
                header("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4Iiwicm9sZSI6ImFkbWluIn0."),
            ),
            ("nonsense", header("nonsense")),
            ("too long", header(&"x".repeat(5000))),
        ];
        for (what, header) in bad {
            assert!(
                matches!(check(&header, Role::Viewer), Err(ApiError::BadToken(_))),
                "{what}"
            );
        }
        assert!(matches!(
            check(&"Basic eA==".parse().expect("ascii"), Role::Viewer),
            Err(ApiError::NoToken)
        ));
    }
}
