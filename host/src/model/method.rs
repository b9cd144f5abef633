//! HTTP methods, as routes name them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An HTTP method as RFC 9110 spells it: a token, kept in the case it was written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct MethodName(http::Method);

impl MethodName {
    /// The method.
    pub fn method(&self) -> &http::Method {
        &self.0
    }
}

impl TryFrom<String> for MethodName {
    type Error = String;

    fn try_from(text: String) -> Result<MethodName, String> {
        let known = text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-') && !text.is_empty();
        match http::Method::from_bytes(text.as_bytes()) {
            Ok(method) if known => Ok(MethodName(method)),
            _ => Err(format!(
                "`{text}` is not an HTTP method: write it in capitals, as in `GET` or `POST`"
            )),
        }
    }
}

impl From<MethodName> for String {
    fn from(method: MethodName) -> String {
        method.0.to_string()
    }
}
