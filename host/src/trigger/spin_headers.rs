//! What Spin tells a component about its request by headers, which also become the variables of a CGI program.
//!
//! Contract: `crates/trigger-http/src/headers.rs` and `crates/routes` of Spin 4. Routes are shown as Spin writes them.

use http::Request;
use http::header::HOST;

use super::headers::insert;
use crate::model::app::is_component_host;
use crate::model::event::MatchedRoute;
use crate::model::route::{OPTIONAL_SLASH, RoutePattern};
use crate::model::spin_request::{
    BASE_PATH, CLIENT_ADDRESS, COMPONENT_ROUTE, FULL_URL, MATCHED_ROUTE, PATH_INFO,
    PATH_MATCH_PREFIX, RAW_COMPONENT_ROUTE,
};

/// Adds what tells about a request; what a client has sent of it is gone by now.
pub(super) fn describe<B>(request: &mut Request<B>, matched: &MatchedRoute) {
    let raw = spin_route(&matched.pattern);
    // Spin takes a slash off the end of what matched, and leaves what was written as it is.
    let based = raw.strip_suffix('/').unwrap_or(&raw).to_owned();
    let component_route = raw.strip_suffix("/...").unwrap_or(&raw).to_owned();
    let fixed = [
        (BASE_PATH, "/".to_owned()),
        (CLIENT_ADDRESS, matched.client.to_string()),
        (COMPONENT_ROUTE, component_route),
        (FULL_URL, full_url(request)),
        (MATCHED_ROUTE, based),
        (PATH_INFO, path_info(request.uri().path(), matched)),
        (RAW_COMPONENT_ROUTE, raw),
    ];
    let rest = matched.pattern.rest();
    let headers = request.headers_mut();
    for (name, value) in fixed {
        insert(headers, name, &value);
    }
    for (name, value) in &matched.parameters {
        if Some(name.as_str()) != rest {
            let name = format!("{PATH_MATCH_PREFIX}{}", name.replace('_', "-"));
            let name = name.parse().expect("parameter names are tokens");
            insert(headers, name, value);
        }
    }
}

/// `/users/{id}/{*rest}` is Spin's `/users/:id/...`.
fn spin_route(pattern: &RoutePattern) -> String {
    let segment = |part: &str| match part
        .strip_prefix('{')
        .map(|name| name.trim_end_matches('}'))
    {
        Some(name) if name.starts_with('*') => "...".to_owned(),
        Some(name) => format!(":{name}"),
        None => part.to_owned(),
    };
    // Spin takes no notice of that slash, so it is not written there.
    let route = pattern.as_str();
    let route = route.strip_suffix(OPTIONAL_SLASH).unwrap_or(route);
    let segments: Vec<String> = route.split('/').map(segment).collect();
    segments.join("/")
}

fn full_url<B>(request: &Request<B>) -> String {
    let uri = request.uri();
    let header = request.headers().get(HOST);
    let host = header.and_then(|host| host.to_str().ok());
    // Of a call within an app, Spin shows no name.
    let named = uri
        .authority()
        .filter(|authority| !is_component_host(authority.host()));
    let host = host.or_else(|| named.map(|authority| authority.as_str()));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!(
        "{}://{}{path}",
        uri.scheme_str().unwrap_or("http"),
        host.unwrap_or("localhost")
    )
}

/// What the `/...` of a route took, with the slash before it.
fn path_info(path: &str, matched: &MatchedRoute) -> String {
    let rest = matched.pattern.rest();
    let taken = matched
        .parameters
        .iter()
        .find(|(name, _)| Some(name.as_str()) == rest);
    match taken {
        Some((_, taken)) if taken.is_empty() && !path.ends_with('/') => String::new(),
        Some((_, taken)) => format!("/{taken}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    /// The headers of a request for this path, at this route.
    fn headers(route: &str, path: &str) -> HeaderMap {
        let pattern: RoutePattern = route.parse().expect("a route");
        let mut request = Request::builder()
            .uri(path)
            .header(HOST, "example.com:3000")
            .body(())
            .expect("a request");
        let matched = MatchedRoute {
            parameters: pattern.matches(request.uri().path()).expect("it matches"),
            pattern: pattern.into(),
            client: "127.0.0.1:8777".parse().expect("an address"),
        };
        describe(&mut request, &matched);
        request.headers().clone()
    }

    #[test]
    fn headers_are_those_of_spin() {
        let cases = [
            // Route and path; then matched, raw and component route, and path info.
            (
                "/foo/{*rest}",
                "/foo/bar?k=v",
                ["/foo/...", "/foo/...", "/foo", "/bar"],
            ),
            (
                "/foo/{*rest}",
                "/foo/bar/",
                ["/foo/...", "/foo/...", "/foo", "/bar/"],
            ),
            ("/foo/{*rest}", "/foo", ["/foo/...", "/foo/...", "/foo", ""]),
            (
                "/foo/{*rest}",
                "/foo/",
                ["/foo/...", "/foo/...", "/foo", "/"],
            ),
            ("/{*rest}", "/", ["/...", "/...", "", "/"]),
            ("/{*rest}", "/a", ["/...", "/...", "", "/a"]),
            ("/", "/", ["", "/", "/", ""]),
            ("/foo", "/foo", ["/foo", "/foo", "/foo", ""]),
            ("/foo/", "/foo/", ["/foo", "/foo/", "/foo/", ""]),
            ("/foo[/]", "/foo/", ["/foo", "/foo", "/foo", ""]),
            (
                "/{userId}[/]",
                "/1",
                ["/:userId", "/:userId", "/:userId", ""],
            ),
            ("/{a}/x", "/1/x", ["/:a/x", "/:a/x", "/:a/x", ""]),
            ("/{a}/{*rest}", "/1/2", ["/:a/...", "/:a/...", "/:a", "/2"]),
        ];
        for (route, path, expected) in cases {
            let headers = headers(route, path);
            let found = [
                MATCHED_ROUTE,
                RAW_COMPONENT_ROUTE,
                COMPONENT_ROUTE,
                PATH_INFO,
            ]
            .map(|name| headers[name].to_str().expect("a text").to_owned());
            assert_eq!(found, expected, "{route} {path}");
            assert_eq!(headers[FULL_URL], format!("http://example.com:3000{path}"));
            assert_eq!(headers[CLIENT_ADDRESS], "127.0.0.1:8777");
            assert_eq!(headers[BASE_PATH], "/");
        }
    }

    #[test]
    fn parameters_have_headers_of_their_own() {
        let headers = headers("/{user_id}/{postId}/{*rest}", "/4%2F2/x/y");
        assert_eq!(headers["spin-path-match-user-id"], "4%2F2");
        assert_eq!(headers["spin-path-match-postid"], "x");
        let of_paths = headers
            .keys()
            .filter(|name| name.as_str().starts_with(PATH_MATCH_PREFIX));
        assert_eq!(of_paths.count(), 2);
    }
}
