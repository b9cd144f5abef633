//! Where a browser's request comes from: the `Origin` that it sends, held against the `Host` that the request is for.
//!
//! A page of somebody else's can have a browser send requests here, and one on another port of this host has its cookies
//! sent along: `SameSite` knows no ports. The `Origin` tells them from the dashboard, and no page can choose its own.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, header};

use super::error::ApiError;
use super::router::AdminState;

/// The origin of a page (RFC 6454).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: WebScheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WebScheme {
    Http,
    Https,
}

/// The origin of a request, where it says one: this host's own. A request with another is refused.
pub(super) struct OwnOrigin(pub(super) Option<Origin>);

impl FromRequestParts<Arc<AdminState>> for OwnOrigin {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<AdminState>,
    ) -> Result<OwnOrigin, ApiError> {
        own_origin(parts).map(OwnOrigin)
    }
}

/// See [`OwnOrigin`].
pub(super) fn own_origin(parts: &Parts) -> Result<Option<Origin>, ApiError> {
    if !parts.headers.contains_key(header::ORIGIN) {
        return Ok(None);
    }
    let origin = only(&parts.headers, &header::ORIGIN).and_then(Origin::parse);
    let host = host(parts);
    let origin = origin.filter(|origin| host.is_some_and(|host| origin.is_of(&host)));
    origin.map(Some).ok_or(ApiError::ForeignOrigin)
}

/// The host that a request names, in its header or, in HTTP/2, its target.
pub(super) fn host(parts: &Parts) -> Option<Authority> {
    let header = only(&parts.headers, &header::HOST);
    let header = header.and_then(|host| host.parse::<Authority>().ok());
    header.or_else(|| parts.uri.authority().cloned())
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.to_str().ok())?
}

impl Origin {
    fn parse(text: &str) -> Option<Origin> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = match scheme {
            "http" => WebScheme::Http,
            "https" => WebScheme::Https,
            _ => return None,
        };
        let authority: Authority = authority.parse().ok()?;
        Origin::new(scheme, &authority)
    }

    fn new(scheme: WebScheme, authority: &Authority) -> Option<Origin> {
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None => scheme.default_port(),
        };
        let after_host = authority.as_str().strip_prefix(authority.host())?;
        // Neither a user name before the host, nor a port that is none behind it.
        let is_whole = after_host.is_empty() || authority.port().is_some();
        let host = authority.host().to_ascii_lowercase();
        (is_whole && !host.is_empty()).then_some(Origin { scheme, host, port })
    }

    /// Whether this host has its own pages there. Which scheme they were asked for by is between the browser and a
    /// proxy, if there is one.
    fn is_of(&self, host: &Authority) -> bool {
        Origin::new(self.scheme, host).as_ref() == Some(self)
    }

    /// Whether browsers take it for secure, and keep a `Secure` cookie for it: what is encrypted, and this machine.
    pub(super) fn is_trustworthy(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_loopback = match address {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host == "localhost",
        };
        self.scheme == WebScheme::Https || is_loopback
    }
}

impl WebScheme {
    fn default_port(self) -> u16 {
        match self {
            WebScheme::Http => 80,
            WebScheme::Https => 443,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(host: &str, origins: &[&str]) -> Parts {
        let mut request = Request::builder().header(header::HOST, host);
        for origin in origins {
            request = request.header(header::ORIGIN, *origin);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn an_origin_is_the_hosts_own_by_name_and_port() {
        for (host, origin) in [
            ("127.0.0.1:3001", "http://127.0.0.1:3001"),
            ("localhost:3001", "http://localhost:3001"),
            ("LOCALHOST:3001", "http://localhost:3001"),
            ("[::1]:3001", "http://[::1]:3001"),
            ("gate.example.com", "https://gate.example.com"),
            ("gate.example.com:443", "https://gate.example.com"),
            ("gate.example.com", "http://gate.example.com:80"),
            ("gate.example.com:3001", "https://gate.example.com:3001"),
        ] {
            let own = own_origin(&parts(host, &[origin]));
            assert!(matches!(own, Ok(Some(_))), "{host} {origin}: {own:?}");
        }
        assert!(matches!(own_origin(&parts("a:1", &[])), Ok(None)));
    }

    #[test]
    fn every_other_origin_is_foreign() {
        let host = "gate.local:3001";
        for origin in [
            "",
            "null",
            "gate.local:3001",
            "//gate.local:3001",
            "http:gate.local:3001",
            "http://",
            "http://:3001",
            "http://gate.local",
            "https://gate.local",
            "http://gate.local:3000",
            "http://gate.local:30011",
            "http://gate.local:",
            "http://gate.local:x",
            "http://gate.local.:3001",
            "http://agate.local:3001",
            "http://gate.local.evil.example:3001",
            "http://evil.example:3001",
            "http://evil@gate.local:3001",
            "http://gate.local:3001@evil.example",
            "http://gate.local:3001/",
            "http://gate.local:3001/path",
            "http://gate.local:3001?x",
            "http://gate.local:3001 http://evil.example",
            "http://evil.example, http://gate.local:3001",
            "ftp://gate.local:3001",
            "file://gate.local:3001",
            "chrome-extension://gate.local:3001",
            "http://127.0.0.1:3001",
            "http://[::1]:3001",
        ] {
            let refused = own_origin(&parts(host, &[origin]));
            let is_foreign = matches!(refused, Err(ApiError::ForeignOrigin));
            assert!(is_foreign, "{origin}: {refused:?}");
        }
        let twice = parts(host, &["http://gate.local:3001", "http://gate.local:3001"]);
        assert!(own_origin(&twice).is_err());
        assert!(own_origin(&parts("x@gate.local:3001", &["http://gate.local:3001"])).is_err());
    }

    #[test]
    fn what_is_encrypted_or_on_this_machine_is_trustworthy() {
        for (origin, expected) in [
            ("https://gate.example.com", true),
            ("https://192.0.2.1:3001", true),
            ("http://localhost:3001", true),
            ("http://127.0.0.1:3001", true),
            ("http://127.8.9.1", true),
            ("http://[::1]:3001", true),
            ("http://192.0.2.1:3001", false),
            ("http://[2001:db8::1]:3001", false),
            ("http://gate.local:3001", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            let parsed = Origin::parse(origin).expect(origin);
            assert_eq!(parsed.is_trustworthy(), expected, "{origin}");
        }
    }
}
