//! The names by which Spin tells about a request: headers for a component, variables for a CGI program.
//!
//! Contract: `crates/trigger-http/src/headers.rs` of Spin 4.

use http::HeaderName;

/// Always `/`.
pub const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
/// Who sent it, with the port.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");
/// The route without its `/...`.
pub const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
/// The whole URL.
pub const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
/// The route without a slash at its end.
pub const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
/// What the route's `/...` took.
pub const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
/// The route as it was written.
pub const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
/// What the name of a route's parameter is put behind.
pub const PATH_MATCH_PREFIX: &str = "spin-path-match-";

static VARIABLES: [(HeaderName, &str); 7] = [
    (BASE_PATH, "X_BASE_PATH"),
    (CLIENT_ADDRESS, "X_CLIENT_ADDR"),
    (COMPONENT_ROUTE, "X_COMPONENT_ROUTE"),
    (FULL_URL, "X_FULL_URL"),
    (MATCHED_ROUTE, "X_MATCHED_ROUTE"),
    (PATH_INFO, "PATH_INFO"),
    (RAW_COMPONENT_ROUTE, "X_RAW_COMPONENT_ROUTE"),
];

/// The variable that tells a program what one of these headers tells a component; none for any other header.
pub fn variable(header: &HeaderName) -> Option<String> {
    let fixed = VARIABLES.iter().find(|(name, _)| name == header);
    let of_path = || {
        let parameter = header.as_str().strip_prefix(PATH_MATCH_PREFIX)?;
        let parameter = parameter.to_ascii_uppercase().replace('-', "_");
        Some(format!("X_PATH_MATCH_{parameter}"))
    };
    match fixed {
        Some((_, variable)) => Some((*variable).to_owned()),
        None => of_path(),
    }
}

/// Whether a header is one of these, which a client cannot send.
pub fn is_reserved(header: &HeaderName) -> bool {
    variable(header).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_has_its_variable_and_others_have_none() {
        for (header, expected) in [
            ("spin-full-url", Some("X_FULL_URL")),
            ("spin-client-addr", Some("X_CLIENT_ADDR")),
            ("spin-path-info", Some("PATH_INFO")),
            ("spin-path-match-user-id", Some("X_PATH_MATCH_USER_ID")),
            ("spin-anything", None),
            ("x-spin-full-url", None),
        ] {
            let header = HeaderName::from_static(header);
            assert_eq!(variable(&header).as_deref(), expected, "{header}");
            assert_eq!(is_reserved(&header), expected.is_some(), "{header}");
        }
    }
}
