//! The Common Gateway Interface (RFC 3875): a request as environment variables, a response head from what a program
//! writes.

use std::collections::BTreeMap;

use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request, response};
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

use crate::limits::CGI_HEAD_BYTES_MAX;
use crate::model::event::MatchedRoute;
use crate::model::route::percent_decode;
use crate::model::spin_request;

/// The environment of a program that serves this request (RFC 3875, section 4.1), with Spin's additions.
pub(super) fn environment(request: &request::Parts) -> Vec<(String, String)> {
    let matched = request.extensions.get::<MatchedRoute>();
    let (_, path_info) = split_path(request.uri.path(), matched);
    let mut environment = BTreeMap::from_iter(of_request(request, matched));
    environment.extend(of_headers(&request.headers));
    // What Spin tells a component by headers has been put there for functions that are told as by Spin.
    match request.headers.contains_key(spin_request::FULL_URL) {
        true => environment.extend(as_spin_tells(&request.headers, path_info)),
        false => environment.extend(matched.into_iter().flat_map(of_route)),
    }
    environment.into_iter().collect()
}

fn of_request(
    request: &request::Parts,
    matched: Option<&MatchedRoute>,
) -> impl Iterator<Item = (String, String)> {
    let path = request.uri.path();
    let (script, rest) = split_path(path, matched);
    let host = header(&request.headers, &HOST).unwrap_or_else(|| "localhost".to_owned());
    let (server_name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name.to_owned(), port.to_owned())
        }
        _ => (host.clone(), "80".to_owned()),
    };
    let path_and_query = request.uri.path_and_query();
    let path_and_query = path_and_query.map_or(path, |path| path.as_str());
    let client = matched.map(|matched| matched.client.ip().to_canonical().to_string());
    let query = request.uri.query().unwrap_or_default();
    let server = concat!("tidegate/", env!("CARGO_PKG_VERSION"));
    let variables = [
        ("GATEWAY_INTERFACE", Some("CGI/1.1".to_owned())),
        ("SERVER_SOFTWARE", Some(server.to_owned())),
        ("SERVER_PROTOCOL", Some(format!("{:?}", request.version))),
        ("SERVER_NAME", Some(server_name)),
        ("SERVER_PORT", Some(port)),
        ("REQUEST_METHOD", Some(request.method.to_string())),
        ("SCRIPT_NAME", Some(script.to_owned())),
        ("PATH_INFO", Some(decoded(rest))),
        ("X_RAW_PATH_INFO", Some(rest.to_owned())),
        ("QUERY_STRING", Some(query.to_owned())),
        ("X_FULL_URL", Some(format!("http://{host}{path_and_query}"))),
        ("CONTENT_TYPE", header(&request.headers, &CONTENT_TYPE)),
        ("CONTENT_LENGTH", header(&request.headers, &CONTENT_LENGTH)),
        ("REMOTE_ADDR", client.clone()),
        ("REMOTE_HOST", client),
    ];
    let given = |(name, value): (&str, Option<String>)| Some((name.to_owned(), value?));
    variables.into_iter().filter_map(given)
}

/// The command line of the program: its path, and each piece of the query as an argument, as Spin has it.
pub(super) fn arguments(request: &request::Parts) -> Vec<String> {
    let (script, _) = split_path(request.uri.path(), request.extensions.get());
    let query = request.uri.query().unwrap_or_default();
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    std::iter::once(script)
        .chain(pieces)
        .map(str::to_owned)
        .collect()
}

/// The part of the path that leads to the program, and what is left of it.
fn split_path<'a>(path: &'a str, matched: Option<&MatchedRoute>) -> (&'a str, &'a str) {
    let rest = matched.and_then(|matched| {
        let name = matched.pattern.rest()?;
        let (_, rest) = matched.parameters.iter().find(|(given, _)| given == name)?;
        Some(rest.len())
    });
    match rest {
        Some(bytes) => {
            let (script, _) = path.split_at(path.len() - bytes);
            // The slash before the rest belongs to it.
            path.split_at(script.strip_suffix('/').unwrap_or(script).len())
        }
        None => (path, ""),
    }
}

/// The route, and what the path gave to its parameters.
fn of_route(matched: &MatchedRoute) -> impl Iterator<Item = (String, String)> {
    let route = ("X_MATCHED_ROUTE".to_owned(), matched.pattern.to_string());
    let parameters = matched.parameters.iter().map(|(name, value)| {
        let name = format!("X_PATH_MATCH_{}", variable(name));
        (name, decoded(value))
    });
    std::iter::once(route).chain(parameters)
}

/// The same as Spin has it: of the path, as it came, and some variables that are empty instead of missing.
fn as_spin_tells(headers: &HeaderMap, path_info: &str) -> impl Iterator<Item = (String, String)> {
    let told = headers
        .keys()
        .filter_map(|name| Some((spin_request::variable(name)?, header(headers, name)?)));
    let content_type = header(headers, &CONTENT_TYPE).unwrap_or_default();
    let others = [
        ("AUTH_TYPE", String::new()),
        ("CONTENT_TYPE", content_type),
        ("PATH_TRANSLATED", decoded(path_info)),
        ("REMOTE_USER", String::new()),
    ];
    told.chain(others.map(|(name, value)| (name.to_owned(), value)))
}

/// `HTTP_*`, of which a repeated header becomes one with commas.
fn of_headers(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    let shown = headers.keys().filter(|name| is_shown(name));
    shown.map(|name| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let name = format!("HTTP_{}", variable(name.as_str()));
        (name, values.join(", "))
    })
}

/// Left out is what authenticates, is of the connection, or is in other variables (RFC 3875, section 4.1.18).
fn is_shown(name: &HeaderName) -> bool {
    const LEFT_OUT: [&str; 6] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        // Libraries take HTTP_PROXY for a setting of theirs.
        "proxy",
        "proxy-authorization",
    ];
    // A client's own `_` would become a name that the host has for something else.
    !LEFT_OUT.contains(&name.as_str())
        && !name.as_str().contains('_')
        && !spin_request::is_reserved(name)
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&percent_decode(text)).into_owned()
}

fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Why what a program wrote is not a response.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum BadHead {
    #[error("it has no empty line within {CGI_HEAD_BYTES_MAX} bytes")]
    TooLong,
    #[error("it ends before its empty line")]
    Unfinished,
    #[error("the line `{0}` is not `Name: value`")]
    Line(String),
    #[error("`Status: {0}` is not a status from 200 to 599")]
    Status(String),
    #[error("`{0}` is the server's to set")]
    Forbidden(String),
    #[error("it has none of `Content-Type`, `Location` and `Status`")]
    Incomplete,
}

/// Takes the header block (RFC 3875, section 6) from the beginning of what was written so far; nothing where it is
/// not complete. What is left in `written` belongs to the body.
pub(super) fn take_head(written: &mut BytesMut) -> Result<Option<response::Parts>, BadHead> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let Some(length) = written[at..].iter().position(|byte| *byte == b'\n') else {
            return match written.len() > CGI_HEAD_BYTES_MAX {
                true => Err(BadHead::TooLong),
                false => Ok(None),
            };
        };
        let line = &written[at..at + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at += length + 1;
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let head = parse(&lines)?;
    let _ = written.split_to(at);
    Ok(Some(head))
}

fn parse(lines: &[&[u8]]) -> Result<response::Parts, BadHead> {
    let (mut head, ()) = http::Response::new(()).into_parts();
    let mut status = None;
    for line in lines {
        let bad = || BadHead::Line(String::from_utf8_lossy(line).into_owned());
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(bad)?;
        let name = HeaderName::from_bytes(&line[..colon]).map_err(|_| bad())?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(|_| bad())?;
        if name == "status" {
            status = Some(parse_status(&value)?);
        } else if DEFAULT_FORBIDDEN_HEADERS.contains(&name) {
            return Err(BadHead::Forbidden(name.to_string()));
        } else {
            head.headers.append(name, value);
        }
    }
    let redirects = head.headers.contains_key(LOCATION);
    if status.is_none() && !redirects && !head.headers.contains_key(CONTENT_TYPE) {
        return Err(BadHead::Incomplete);
    }
    head.status = status.unwrap_or(if redirects {
        StatusCode::FOUND
    } else {
        StatusCode::OK
    });
    Ok(head)
}

/// `404`, or `404 Not Found`.
fn parse_status(value: &HeaderValue) -> Result<StatusCode, BadHead> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let code = text.split(' ').next().unwrap_or_default();
    let status = StatusCode::from_bytes(code.as_bytes());
    let status = status.ok().filter(|status| {
        let code = status.as_u16();
        (200..600).contains(&code)
    });
    status.ok_or_else(|| BadHead::Status(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<(u16, usize, String)>, BadHead> {
        let mut written = BytesMut::from(text);
        let head = take_head(&mut written)?;
        Ok(head.map(|head| {
            let rest = String::from_utf8_lossy(&written).into_owned();
            (head.status.as_u16(), head.headers.len(), rest)
        }))
    }

    #[test]
    fn header_blocks_end_with_an_empty_line() {
        let rest = |text: &str| text.to_owned();
        assert_eq!(
            head("Content-Type: a/b\n\nbody"),
            Ok(Some((200, 1, rest("body"))))
        );
        assert_eq!(
            head("Content-Type:a/b\r\nX: y\r\n\r\n"),
            Ok(Some((200, 2, rest(""))))
        );
        assert_eq!(
            head("Status: 404 Not Found\n\n"),
            Ok(Some((404, 0, rest(""))))
        );
        assert_eq!(head("Location: /x\n\n"), Ok(Some((302, 1, rest("")))));
        assert_eq!(
            head("Location: /x\nStatus: 301\n\n"),
            Ok(Some((301, 1, rest(""))))
        );
        assert_eq!(head("Content-Type: a/b\nX"), Ok(None));
        assert_eq!(head(""), Ok(None));
    }

    #[test]
    fn bad_header_blocks_are_named() {
        let line = |text: &str| Err(BadHead::Line(text.to_owned()));
        assert_eq!(head("<html>\n\n"), line("<html>"));
        assert_eq!(head("a b: c\n\n"), line("a b: c"));
        assert_eq!(head("\n"), Err(BadHead::Incomplete));
        assert_eq!(
            head("Status: 99\n\n"),
            Err(BadHead::Status("99".to_owned()))
        );
        assert_eq!(
            head("Status: 100\n\n"),
            Err(BadHead::Status("100".to_owned()))
        );
        assert_eq!(
            head("Content-Type: a/b\nTransfer-Encoding: chunked\n\n"),
            Err(BadHead::Forbidden("transfer-encoding".to_owned()))
        );
        let endless = "x".repeat(CGI_HEAD_BYTES_MAX + 1);
        assert_eq!(head(&endless), Err(BadHead::TooLong));
    }

    #[test]
    fn the_rest_of_the_path_is_the_programs_own() {
        let matched = |pattern: &str, path: &str| {
            let pattern: crate::model::route::RoutePattern = pattern.parse().expect("a pattern");
            MatchedRoute {
                parameters: pattern.matches(path).expect("it matches"),
                pattern: pattern.into(),
                client: "127.0.0.1:1".parse().expect("an address"),
            }
        };
        let cases = [
            ("/a/{*rest}", "/a/b/c", ("/a", "/b/c")),
            ("/a/{*rest}", "/a/", ("/a", "/")),
            ("/a/{*rest}", "/a", ("/a", "")),
            ("/a/{x}", "/a/b", ("/a/b", "")),
            ("/{*rest}", "/", ("", "/")),
        ];
        for (pattern, path, expected) in cases {
            let matched = matched(pattern, path);
            assert_eq!(
                split_path(path, Some(&matched)),
                expected,
                "{pattern} {path}"
            );
        }
        assert_eq!(split_path("/a", None), ("/a", ""));
    }
}
