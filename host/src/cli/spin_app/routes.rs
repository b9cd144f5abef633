//! Spin's routes as Tidegate's.
//!
//! Spin's router takes no notice of a slash at the end of a path, and its `/...` takes what is left, also nothing. It
//! also knows parameters of a part of a segment, which Tidegate does not.

use crate::model::route::{InvalidRoute, OPTIONAL_SLASH, RoutePattern};

/// What Tidegate has no pattern for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Untranslatable {
    /// `report.:format`
    #[error(
        "in `{0}`, a parameter is a part of its segment: here it is a whole one, as in `/report/:format`"
    )]
    PartOfSegment(String),
    /// `/a/*/b`, `/*.js`
    #[error(
        "in `{0}`, `*` stands for a part of the path: here it stands for what is left of it, as in `/files/...`"
    )]
    Wildcard(String),
    /// Written for somebody else's routes.
    #[error(
        "`{0}` has braces, which Spin takes for text and this host does not: a parameter is `:name`"
    )]
    Braces(String),
    /// What is no route here either.
    #[error(transparent)]
    Invalid(#[from] InvalidRoute),
}

/// The pattern that matches what Spin's route matches.
pub(super) fn translate(route: &str) -> Result<RoutePattern, Untranslatable> {
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
    let segments = segments.map(segment).collect::<Result<Vec<_>, _>>()?;
    let prefix: String = segments
        .iter()
        .map(|segment| format!("/{segment}"))
        .collect();
    let pattern = match (takes_rest, prefix.as_str()) {
        (true, _) => format!("{prefix}/{{*{}}}", name_of_rest(&segments)),
        (false, "") => "/".to_owned(),
        (false, plain) => {
            // What is wrong with it is said of what was written.
            plain.parse::<RoutePattern>()?;
            format!("{plain}{OPTIONAL_SLASH}")
        }
    };
    Ok(pattern.parse()?)
}

/// `:id` is Tidegate's `{id}`.
fn segment(text: &str) -> Result<String, Untranslatable> {
    if text.contains(['{', '}']) {
        return Err(Untranslatable::Braces(text.to_owned()));
    }
    // To Spin's router, a dot separates parts as a slash does.
    let mut parts = text.split('.');
    if parts.clone().any(|part| part.starts_with('*')) {
        return Err(Untranslatable::Wildcard(text.to_owned()));
    }
    match text.strip_prefix(':') {
        Some(name) if !name.contains('.') => Ok(format!("{{{name}}}")),
        _ if parts.any(|part| part.starts_with(':')) => {
            Err(Untranslatable::PartOfSegment(text.to_owned()))
        }
        _ => Ok(text.to_owned()),
    }
}

/// A name that no parameter has.
fn name_of_rest(segments: &[String]) -> &'static str {
    let is_free = |name: &&&str| {
        let parameter = format!("{{{name}}}");
        let taken = |segment: &String| segment.eq_ignore_ascii_case(&parameter);
        !segments.iter().any(taken)
    };
    let names = ["rest", "trailing", "remaining"];
    names.iter().find(is_free).unwrap_or(&"tail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(route: &str, expected: &str) {
        let pattern = translate(route).expect(route);
        assert_eq!(pattern.as_str(), expected, "{route}");
    }

    #[test]
    fn routes_are_translated() {
        check("/", "/");
        check("", "/");
        check("/cart", "/cart[/]");
        check("cart", "/cart[/]");
        check("/cart/", "/cart[/]");
        check("/a/b", "/a/b[/]");
        check("/a.b/c:d", "/a.b/c:d[/]");
        check("/users/:id/edit", "/users/{id}/edit[/]");
        check("/:userId", "/{userId}[/]");
        check("/...", "/{*rest}");
        check("/*", "/{*rest}");
        check("/a/...", "/a/{*rest}");
        check("/a/*", "/a/{*rest}");
        check("/users/:id/...", "/users/{id}/{*rest}");
        check("/:Rest/...", "/{Rest}/{*trailing}");
        check("/:rest/:trailing/...", "/{rest}/{trailing}/{*remaining}");
    }

    #[test]
    fn what_a_route_matches() {
        let matches = |route: &str, path: &str| {
            let pattern = translate(route).expect(route);
            pattern.matches(path).is_some()
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
        for (route, expected) in [
            ("/report.:format", "whole one"),
            ("/:name.html", "whole one"),
            ("/:a.:b", "whole one"),
            ("/x/{y}", "`:name`"),
            ("/a{b}", "`:name`"),
            ("/x/{*y}", "`:name`"),
            ("/a/*/b", "`/files/...`"),
            ("/files/*.js", "`/files/...`"),
            ("/a/*b", "`/files/...`"),
            ("/a b", "`a b`"),
            ("/:a/:a", "twice"),
            ("/:a/:A", "twice"),
            ("/a?b", "route `/a?b`"),
            ("/:", "neither"),
            ("/a/:b c", "neither"),
            ("/:é", "neither"),
        ] {
            let error = translate(route).expect_err(route).to_string();
            assert!(error.contains(expected), "{route}: {error}");
        }
    }
}
