//! Responses that the host gives by itself: written in the manifest, without a guest.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `response` of a route: what is answered without starting a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct StaticResponse {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

/// A response as it stands in a manifest.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(inline)]
struct Written {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
}

fn ok() -> u16 {
    200
}

/// Why a response cannot be given.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidResponse {
    /// Not the status of a complete answer.
    #[error("`{0}` is not the status of a response: use 200 to 599")]
    Status(u16),
    /// Not a header, or one that only the server can set.
    #[error("header `{0}`: its name or its value is not one that a response can have")]
    Header(String),
    /// These have none (RFC 9110, section 6.4.1).
    #[error("a response of status {0} has no body")]
    Body(u16),
}

/// Headers that belong to the connection, not to the response.
const OF_THE_SERVER: [&str; 6] = [
    "connection",
    "content-length",
    "keep-alive",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl StaticResponse {
    /// A response of these parts.
    pub fn new(
        status: u16,
        headers: impl IntoIterator<Item = (String, String)>,
        body: String,
    ) -> Result<StaticResponse, InvalidResponse> {
        if !(200..=599).contains(&status) {
            return Err(InvalidResponse::Status(status));
        }
        if [204, 205, 304].contains(&status) && !body.is_empty() {
            return Err(InvalidResponse::Body(status));
        }
        let header = |(name, value): (String, String)| {
            let invalid = || InvalidResponse::Header(name.clone());
            let parsed: HeaderName = name.parse().map_err(|_| invalid())?;
            if OF_THE_SERVER.contains(&parsed.as_str()) {
                return Err(invalid());
            }
            Ok((parsed, value.parse().map_err(|_| invalid())?))
        };
        Ok(StaticResponse {
            status,
            headers: headers.into_iter().map(header).collect::<Result<_, _>>()?,
            body,
        })
    }

    /// The status: 200 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The body, which may be empty.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl TryFrom<Written> for StaticResponse {
    type Error = InvalidResponse;

    fn try_from(written: Written) -> Result<StaticResponse, InvalidResponse> {
        StaticResponse::new(written.status, written.headers, written.body)
    }
}

impl From<StaticResponse> for Written {
    fn from(response: StaticResponse) -> Written {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers.iter();
        Written {
            status: response.status,
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body: response.body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read_and_written() {
        let text = "status = 404\nbody = \"gone\"\nheaders = { Content-Type = \"text/plain\" }";
        let response: StaticResponse = toml::from_str(text).expect("a response");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[0].0, "content-type");
        let written = toml::to_string(&response).expect("written");
        assert_eq!(toml::from_str::<StaticResponse>(&written), Ok(response));
        let least: StaticResponse = toml::from_str("").expect("a response");
        assert_eq!((least.status(), least.body()), (200, ""));
    }

    #[test]
    fn what_no_response_can_be_is_refused() {
        for text in [
            "status = 99",
            "status = 600",
            "status = 101",
            "status = 204\nbody = \"x\"",
            "headers = { \"a b\" = \"c\" }",
            "headers = { a = \"b\\nc\" }",
            "headers = { Content-Length = \"3\" }",
            "headers = { Transfer-Encoding = \"chunked\" }",
            "statu = 200",
        ] {
            assert!(toml::from_str::<StaticResponse>(text).is_err(), "{text}");
        }
    }
}
