//! Tokens: who may use the admin API.
//!
//! JSON Web Tokens (RFC 7519) under the host's own key, HS256 and nothing else, with issuer, audience, subject, role
//! and expiry all required. Whoever can read the data directory can make one.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::storage::database;
use crate::storage::keys::{self, Purpose};

/// What a token allows; each role includes those before it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
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
    fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Deployer => "deployer",
            Role::Admin => "admin",
        }
    }
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    /// Whose token it is; recorded with what is done with it.
    pub(super) sub: String,
    role: Role,
    iat: u64,
    nbf: u64,
    exp: u64,
}

const ISSUER: &str = "tidegate";
const AUDIENCE: &str = "tidegate-admin";
/// For clocks that differ a little between who made the token and who checks it.
const LEEWAY_SECONDS: u64 = 5;
/// Longer tokens are not looked at.
const TOKEN_BYTES_MAX: usize = 4096;

/// Makes and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Tokens under this key.
    pub fn new(key: &[u8; 32]) -> Tokens {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        Tokens {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
        }
    }

    /// A token for this role, valid from now on for this long.
    pub fn create(&self, subject: &str, role: Role, ttl: Duration) -> anyhow::Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is set before 1970")?
            .as_secs();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.to_owned(),
            role,
            iat: now,
            nbf: now,
            exp: now.saturating_add(ttl.as_secs()),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .context("the token cannot be signed")
    }

    /// What the token in this header says, if it is valid and has at least this role.
    pub(super) fn check(
        &self,
        authorization: Option<&http::HeaderValue>,
        needed: Role,
    ) -> Result<Claims, ApiError> {
        let header = authorization
            .ok_or(ApiError::NoToken)?
            .to_str()
            .map_err(|_| ApiError::NoToken)?;
        let (scheme, token) = header.split_once(' ').ok_or(ApiError::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::NoToken);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(ApiError::BadToken("it is too long".to_owned()));
        }
        let claims = jsonwebtoken::decode::<Claims>(token.trim(), &self.decoding, &self.validation)
            .map_err(|error| ApiError::BadToken(explain(error.kind())))?
            .claims;
        if claims.role < needed {
            return Err(ApiError::Forbidden {
                needed: needed.as_str(),
                held: claims.role.as_str(),
            });
        }
        Ok(claims)
    }
}

fn explain(kind: &jsonwebtoken::errors::ErrorKind) -> String {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::ExpiredSignature => "it has expired".to_owned(),
        ErrorKind::ImmatureSignature => "it is not valid yet".to_owned(),
        ErrorKind::InvalidSignature => "it was not made by this host".to_owned(),
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => {
            "it is meant for something else".to_owned()
        }
        ErrorKind::MissingRequiredClaim(claim) => format!("it lacks the claim `{claim}`"),
        _ => "it is not a token of this host".to_owned(),
    }
}

/// Makes a token from the data directory, also while a host runs on it.
pub fn create_token(
    data_dir: &Path,
    subject: &str,
    role: Role,
    ttl: Duration,
) -> anyhow::Result<String> {
    let file = database::file(data_dir);
    anyhow::ensure!(
        file.exists(),
        "there is no Tidegate data in {}: start `tidegate serve` first, or name the directory with --data-dir",
        data_dir.display()
    );
    let connection = database::open_beside(data_dir)
        .with_context(|| format!("{} cannot be opened", file.display()))?;
    let key = keys::find(&connection, Purpose::Tokens)?;
    let key = key.context("the host has not made its key yet: start `tidegate serve` first")?;
    Tokens::new(&key).create(subject, role, ttl)
}

/// A token for the command line on the host's own machine.
pub fn local_token(data_dir: &Path) -> anyhow::Result<String> {
    create_token(data_dir, "local", Role::Admin, Duration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn tokens() -> Tokens {
        Tokens::new(&[7; 32])
    }

    fn now() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs()
    }

    fn header(token: &str) -> http::HeaderValue {
        format!("Bearer {token}").parse().expect("ascii")
    }

    fn signed(
        algorithm: Algorithm,
        key: &[u8],
        change: impl FnOnce(&mut Value),
    ) -> http::HeaderValue {
        let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "x", "role": "admin", "iat": now(), "nbf": now(), "exp": now() + 60 });
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
        let token = header(
            &tokens()
                .create("ci", Role::Deployer, Duration::from_secs(60))
                .expect("made"),
        );
        assert_eq!(
            tokens()
                .check(Some(&token), Role::Viewer)
                .expect("enough")
                .sub,
            "ci"
        );
        assert!(tokens().check(Some(&token), Role::Deployer).is_ok());
        assert!(matches!(
            tokens().check(Some(&token), Role::Admin),
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
                matches!(
                    tokens().check(Some(&header), Role::Viewer),
                    Err(ApiError::BadToken(_))
                ),
                "{what}"
            );
        }
        assert!(matches!(
            tokens().check(None, Role::Viewer),
            Err(ApiError::NoToken)
        ));
        assert!(matches!(
            tokens().check(Some(&"Basic eA==".parse().expect("ascii")), Role::Viewer),
            Err(ApiError::NoToken)
        ));
    }
}
