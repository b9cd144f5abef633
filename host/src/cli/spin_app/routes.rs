//! Spin's routes as Tidegate's.
//!
//! Spin's router takes no notice of a slash at the end of a path, and its `/...` takes what is left, also nothing. A
//! route without `/...` therefore becomes two.

use crate::model::route::{InvalidRoute, RoutePattern};

/// The patterns that together match what Spin's route matches.
pub(super) fn translate(route: &str) -> Result<Vec<RoutePattern>, InvalidRoute> {
    let inner = route.trim_start_matches('/');
    let (inner, takes_rest) = match inner {
        "..." | "*" => ("", true),
        _ => match inner
            .strip_suffix("/...")
            .or_else(|| inner.strip_suffix("/*"))
        {
            Some(inner) => (inner, true),
            None => (inner, false),
        },
    };
    let inner = inner.trim_end_matches('/');
    let segments = inner.split('/').filter(|_| !inner.is_empty());
    let segments: Vec<String> = segments.map(segment).collect();
    let prefix: String = segments
        .iter()
        .map(|segment| format!("/{segment}"))
        .collect();
    if takes_rest {
        let names = ["rest", "trailing", "remaining"];
        let is_free = |name: &&&str| !segments.contains(&format!("{{{name}}}"));
        let name = names.iter().find(is_free).unwrap_or(&"tail");
        return Ok(vec![format!("{prefix}/{{*{name}}}").parse()?]);
    }
    if prefix.is_empty() {
        return Ok(vec!["/".parse()?]);
    }
    Ok(vec![prefix.parse()?, format!("{prefix}/").parse()?])
}

/// `:id` is Tidegate's `{id}`. Spin tells a guest of its value under the name in lower case.
fn segment(part: &str) -> String {
    match part.strip_prefix(':') {
        Some(name) => format!("{{{}}}", name.to_lowercase()),
        None => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(route: &str, expected: &[&str]) {
        let patterns = translate(route).expect(route);
        let texts: Vec<&str> = patterns.iter().map(RoutePattern::as_str).collect();
        assert_eq!(texts, expected, "{route}");
    }

    #[test]
    fn routes_are_translated() {
        check("/", &["/"]);
        check("", &["/"]);
        check("/cart", &["/cart", "/cart/"]);
        check("cart", &["/cart", "/cart/"]);
        check("/cart/", &["/cart", "/cart/"]);
        check("/a/b", &["/a/b", "/a/b/"]);
        check(
            "/users/:id/edit",
            &["/users/{id}/edit", "/users/{id}/edit/"],
        );
        check("/:userId", &["/{userid}", "/{userid}/"]);
        check("/...", &["/{*rest}"]);
        check("/*", &["/{*rest}"]);
        check("/a/...", &["/a/{*rest}"]);
        check("/a/*", &["/a/{*rest}"]);
        check("/users/:id/...", &["/users/{id}/{*rest}"]);
        check("/:rest/...", &["/{rest}/{*trailing}"]);
        check("/:rest/:trailing/...", &["/{rest}/{trailing}/{*remaining}"]);
    }

    #[test]
    fn what_a_wildcard_matches() {
        let matches = |route: &str, path: &str| {
            let patterns = translate(route).expect(route);
            patterns
                .iter()
                .any(|pattern| pattern.matches(path).is_some())
        };
        for path in ["/a", "/a/", "/a/1", "/a/1/2/"] {
            assert!(matches("/a/...", path), "{path}");
        }
        assert!(!matches("/a/...", "/ab"));
        assert!(matches("/a", "/a/") && !matches("/a", "/a/b"));
        assert!(matches("/:x", "/1/") && !matches("/:x", "/"));
    }

    #[test]
    fn what_cannot_be_translated_is_refused() {
        for route in ["/a b", "/a{b}", "/:a/:a", "/a?b", "/:", "/a/:b c", "/:é"] {
            assert!(translate(route).is_err(), "{route}");
        }
    }
}
