//! Tokens: who somebody is and what they may do, signed by the host.
//!
//! JSON Web Tokens (RFC 7519) under the host's own key, HS256 and nothing else, with issuer, audience, subject and expiry
//! all required. One that was made for the admin API is nothing to the broker, and the other way round. Whoever can read
//! the data directory can make one.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tidegate_broker::access::{PermissionFilter, Permissions};

use crate::model::name::Name;
use crate::storage::database;
use crate::storage::keys::{self, Purpose};

/// Who made a token: a host, whichever. What tells hosts apart is the key.
pub const ISSUER: &str = "tidegate";

/// Where a token is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// As a bearer token.
    AdminApi,
    /// As a password.
    Mqtt,
}

/// What a token says: `T` is what those of its audience say beside what all do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims<T> {
    iss: String,
    aud: String,
    /// Whose token it is.
    pub sub: String,
    /// What it is good for.
    #[serde(flatten)]
    pub grants: T,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// What a device's token says of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceGrants {
    role: DeviceRole,
    #[serde(default)]
    publish: Vec<PermissionFilter>,
    #[serde(default)]
    subscribe: Vec<PermissionFilter>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DeviceRole {
    Device,
}

/// Why a token is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum InvalidToken {
    #[error("it is too long")]
    TooLong,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotValidYet,
    #[error("it was not made by this host")]
    NotOurs,
    #[error("it is meant for something else")]
    MeantForSomethingElse,
    #[error("it lacks the claim `{0}`")]
    Lacks(String),
    #[error("it is not a token of this host")]
    NotAToken,
}

/// The key that signs tokens.
pub struct TokenKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// For clocks that differ a little between who made the token and who checks it.
const LEEWAY_SECONDS: u64 = 5;

impl Audience {
    /// As a token says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Audience::AdminApi => "tidegate-admin",
            Audience::Mqtt => "tidegate-mqtt",
        }
    }
}

impl<T> Claims<T> {
    /// When it ends.
    pub fn expires(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.exp))
    }
}

impl DeviceGrants {
    /// These permissions.
    pub fn new(permissions: Permissions) -> DeviceGrants {
        DeviceGrants {
            role: DeviceRole::Device,
            publish: permissions.publish,
            subscribe: permissions.subscribe,
        }
    }

    /// What it may do.
    pub fn permissions(self) -> Permissions {
        Permissions {
            publish: self.publish,
            subscribe: self.subscribe,
        }
    }
}

impl TokenKey {
    /// This key.
    pub fn new(key: &[u8; 32]) -> TokenKey {
        TokenKey {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
        }
    }

    /// The key of the host whose data directory this is, also while it runs.
    pub fn of(data_dir: &Path) -> anyhow::Result<TokenKey> {
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
        Ok(TokenKey::new(&key))
    }

    /// A token that is valid from now on for this long.
    pub fn sign<T: Serialize>(
        &self,
        audience: Audience,
        subject: &str,
        grants: T,
        ttl: Duration,
    ) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: audience.as_str().to_owned(),
            sub: subject.to_owned(),
            grants,
            iat: now,
            nbf: now,
            exp: now.saturating_add(ttl.as_secs()),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("claims are JSON, and any key can sign")
    }

    /// What a token of at most this many bytes says, if it is valid and for this audience.
    pub fn verify<T: DeserializeOwned + Clone>(
        &self,
        audience: Audience,
        token: &str,
        bytes_max: usize,
    ) -> Result<Claims<T>, InvalidToken> {
        if token.len() > bytes_max {
            return Err(InvalidToken::TooLong);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience.as_str()]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        let decoded = jsonwebtoken::decode::<Claims<T>>(token, &self.decoding, &validation);
        Ok(decoded?.claims)
    }

    /// A device's token.
    pub fn sign_for_device(&self, name: &Name, permissions: Permissions, ttl: Duration) -> String {
        let grants = DeviceGrants::new(permissions);
        self.sign(Audience::Mqtt, name.as_str(), grants, ttl)
    }
}

impl From<Error> for InvalidToken {
    fn from(error: Error) -> InvalidToken {
        match error.into_kind() {
            ErrorKind::ExpiredSignature => InvalidToken::Expired,
            ErrorKind::ImmatureSignature => InvalidToken::NotValidYet,
            ErrorKind::InvalidSignature => InvalidToken::NotOurs,
            ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => {
                InvalidToken::MeantForSomethingElse
            }
            ErrorKind::MissingRequiredClaim(claim) => InvalidToken::Lacks(claim),
            _ => InvalidToken::NotAToken,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn key() -> TokenKey {
        TokenKey::new(&[7; 32])
    }

    fn verify(token: &str) -> Result<Claims<DeviceGrants>, InvalidToken> {
        key().verify(Audience::Mqtt, token, 4096)
    }

    fn permissions(publish: &str, subscribe: &str) -> Permissions {
        Permissions {
            publish: vec![publish.parse().expect("a filter")],
            subscribe: vec![subscribe.parse().expect("a filter")],
        }
    }

    #[test]
    fn a_devices_token_says_what_it_may_do_and_when_it_ends() {
        let granted = permissions("up/%u", "down/%c/#");
        let name = "device-1".parse().expect("a name");
        let token = key().sign_for_device(&name, granted.clone(), MINUTE);
        let claims = verify(&token).expect("valid");
        assert_eq!(claims.sub, "device-1");
        let left = claims
            .expires()
            .expect("some time")
            .duration_since(SystemTime::now());
        let left = left.expect("to come");
        assert!(left <= MINUTE && left > Duration::from_secs(50), "{left:?}");
        assert_eq!(claims.grants.permissions(), granted);
    }

    #[test]
    fn a_token_is_good_where_it_is_meant_to_be_shown_only() {
        let grants = DeviceGrants::new(Permissions::default());
        let admin = key().sign(Audience::AdminApi, "a", grants, MINUTE);
        assert_eq!(
            verify(&admin).err(),
            Some(InvalidToken::MeantForSomethingElse)
        );
        let name = "device-1".parse().expect("a name");
        let device = key().sign_for_device(&name, Permissions::default(), MINUTE);
        let shown = key().verify::<Value>(Audience::AdminApi, &device, 4096);
        assert_eq!(shown.err(), Some(InvalidToken::MeantForSomethingElse));
    }

    #[test]
    fn what_is_not_a_devices_token_is_refused() {
        let grants = |grants: Value| key().sign(Audience::Mqtt, "device-1", grants, MINUTE);
        assert!(
            verify(&grants(json!({ "role": "device" }))).is_ok(),
            "it may do nothing"
        );
        for (what, token) in [
            (
                "another role",
                grants(json!({ "role": "admin", "publish": ["#"] })),
            ),
            ("no role", grants(json!({ "publish": ["#"] }))),
            (
                "no filter",
                grants(json!({ "role": "device", "publish": ["a#"] })),
            ),
            (
                "no list",
                grants(json!({ "role": "device", "subscribe": "a" })),
            ),
            ("nonsense", "a.b.c".to_owned()),
            ("nothing", String::new()),
        ] {
            assert_eq!(
                verify(&token).err(),
                Some(InvalidToken::NotAToken),
                "{what}"
            );
        }
        let device = grants(json!({ "role": "device" }));
        let other = TokenKey::new(&[8; 32]);
        let refused = other.verify::<DeviceGrants>(Audience::Mqtt, &device, 4096);
        assert_eq!(refused.err(), Some(InvalidToken::NotOurs));
        let refused = key().verify::<DeviceGrants>(Audience::Mqtt, &device, device.len() - 1);
        assert_eq!(refused.err(), Some(InvalidToken::TooLong));
        let expired = Claims {
            iss: ISSUER.to_owned(),
            aud: Audience::Mqtt.as_str().to_owned(),
            sub: "device-1".to_owned(),
            grants: DeviceGrants::new(Permissions::default()),
            iat: 0,
            nbf: 0,
            exp: 1_000_000,
        };
        let expired =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &expired, &key().encoding);
        assert_eq!(
            verify(&expired.expect("signed")).err(),
            Some(InvalidToken::Expired)
        );
    }
}
