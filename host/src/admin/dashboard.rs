//! The dashboard at the admin listener's root, a client of the API: the files that `make web` has made, built into the
//! binary. A host that was built without them says so in their place.

use std::io::Read as _;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::router::{AdminState, plain};

/// A file of the dashboard.
struct Asset {
    /// From the dashboard's root, without a slash before it.
    path: &'static str,
    content_type: &'static str,
    /// Weak: it is the same for both encodings.
    etag: &'static str,
    gzip: &'static [u8],
}

static ASSETS: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What is served in its place.
const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Tidegate</title>
<h1>Tidegate</h1>
<p>This host was built without its dashboard. To have it, run <code>make web</code> (it needs Node 20 or newer), then
build the host again.
<p>Everything else works: the API is at <code>/api/v1</code>, described at <a href=\"/openapi.json\">/openapi.json</a>,
and <code>tidegate --help</code> shows what the command line does.
";

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const INDEX: &str = "index.html";

/// The names of files here have a digest of their contents in them.
const HASHED: &str = "assets/";

/// The dashboard's routes. They need no token: it signs in by itself.
pub(super) fn routes() -> Router<Arc<AdminState>> {
    let mut routes = Router::new();
    if ASSETS.is_empty() {
        let not_built = async || with_policy(plain("text/html; charset=utf-8", NOT_BUILT));
        return routes.route("/", get(not_built));
    }
    for asset in ASSETS {
        let path = match asset.path {
            INDEX => "/".to_owned(),
            path => format!("/{path}"),
        };
        let serve = async |headers: HeaderMap| asset.serve(&headers);
        routes = routes.route(&path, get(serve));
    }
    routes
}

impl Asset {
    fn serve(&self, headers: &HeaderMap) -> Response {
        let mut response = if is_known(headers, self.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if takes_gzip(headers) {
            let mut response = plain(self.content_type, self.gzip);
            let encoding = HeaderValue::from_static("gzip");
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, encoding);
            response
        } else {
            plain(self.content_type, self.decompressed())
        };
        let is_hashed = self.path.starts_with(HASHED);
        let caching = match is_hashed {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        for (name, value) in [
            (header::ETAG, self.etag),
            (header::CACHE_CONTROL, caching),
            (header::VARY, "accept-encoding"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        with_policy(response)
    }

    fn decompressed(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = GzDecoder::new(self.gzip).read_to_end(&mut bytes);
        read.expect("it was compressed when the host was built");
        bytes
    }
}

fn with_policy(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// The members of a header that is a list.
fn members(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether the client has this already (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let weak = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    members(headers, header::IF_NONE_MATCH).any(|known| known == "*" || weak(known) == weak(etag))
}

/// Whether the client takes gzip (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |wanted: &str| {
        members(headers, header::ACCEPT_ENCODING).find_map(|member| {
            let mut parts = member.split(';').map(str::trim);
            let is_it = parts.next()?.eq_ignore_ascii_case(wanted);
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            is_it.then(|| weight.unwrap_or(1.0))
        })
    };
    weight("gzip")
        .or_else(|| weight("*"))
        .is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().expect("a value"))]
            .into_iter()
            .collect()
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip, deflate, br, zstd", true),
            ("*", true),
            ("*;q=0.1", true),
            ("", false),
            ("identity", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("x-gzipped", false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, accepted);
            assert_eq!(takes_gzip(&headers), expected, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_known_is_told_by_its_tag() {
        for (known, expected) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let headers = headers(header::IF_NONE_MATCH, known);
            assert_eq!(is_known(&headers, "W/\"a\""), expected, "{known}");
        }
    }

    /// `hello`, compressed.
    const HELLO: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6,
        0x10, 0x36, 5, 0, 0, 0,
    ];

    #[test]
    fn a_file_is_served_in_both_encodings_and_kept_by_what_it_is() {
        let asset = |path| Asset {
            path,
            content_type: "text/plain",
            etag: "W/\"a\"",
            gzip: HELLO,
        };
        assert_eq!(asset(INDEX).decompressed(), b"hello");
        let header = |response: &Response, name| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().expect("ASCII").to_owned())
        };
        let gzip = headers(header::ACCEPT_ENCODING, "gzip");
        for (path, caching) in [
            (INDEX, "no-cache"),
            ("icon.svg", "no-cache"),
            ("assets/a-1b2c.js", "public, max-age=31536000, immutable"),
        ] {
            for (request, status, encoding) in [
                (&gzip, 200, Some("gzip")),
                (&HeaderMap::new(), 200, None),
                (&headers(header::IF_NONE_MATCH, "W/\"a\""), 304, None),
            ] {
                let response = asset(path).serve(request);
                assert_eq!(response.status().as_u16(), status);
                let sent = header(&response, header::CONTENT_ENCODING);
                assert_eq!(sent.as_deref(), encoding);
                let caching = Some(caching.to_owned());
                assert_eq!(header(&response, header::CACHE_CONTROL), caching);
                let etag = header(&response, header::ETAG);
                assert_eq!(etag.as_deref(), Some("W/\"a\""));
                let policy = header(&response, header::CONTENT_SECURITY_POLICY);
                assert_eq!(policy.as_deref(), Some(POLICY));
            }
        }
    }
}
