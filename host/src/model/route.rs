//! HTTP routes: patterns over path segments, with parameters and a rest segment.
//!
//! A pattern is compared with the path as the client sent it, segment by segment, each percent-decoded on its own: an
//! encoded slash stays inside its segment, and dot segments and empty segments are segments like any other. What
//! reaches a function is therefore exactly what its pattern says, whatever the spelling. A pattern that ends in `[/]`
//! matches with a slash at the end and without.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A route pattern, such as `/thermostat/{device}`, `/files/{*rest}` or `/about[/]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct RoutePattern {
    text: String,
    segments: Vec<Segment>,
    /// Whether a path may go on with a slash, and end there.
    takes_slash: bool,
}

/// Ends a pattern that matches with a slash at the end and without.
pub const OPTIONAL_SLASH: &str = "[/]";

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    /// This text and no other.
    Exact(String),
    /// Any one segment that is not empty; the parameter's name.
    Parameter(String),
    /// All that is left, also nothing; the parameter's name. Only the last segment can be one.
    Rest(String),
}

/// The parameters that a path gave to a pattern: names, and values as the client sent them (percent-encoded).
pub type RouteParameters = Vec<(String, String)>;

/// Why a text is not a route pattern.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidRoute {
    /// It does not begin with a slash.
    #[error("route `{0}` does not begin with `/`")]
    NoLeadingSlash(String),
    /// A character that a path cannot have, or a brace that stands inside a segment.
    #[error(
        "route `{0}`: segment `{1}` is neither plain text, `{{name}}` nor, at the end, `{{*rest}}`"
    )]
    Segment(String, String),
    /// `{*rest}` before the end.
    #[error("route `{0}`: `{{*{1}}}` takes all that is left of the path, so nothing can follow it")]
    RestNotLast(String, String),
    /// `[/]` where no slash can be left out.
    #[error("route `{0}`: `[/]` stands at the end, behind text or `{{name}}`")]
    OptionalSlash(String),
    /// The same parameter twice; headers carry them, so that case makes no difference.
    #[error("route `{0}` has the parameter `{1}` twice")]
    DuplicateParameter(String, String),
    /// Longer than 1,024 bytes or 32 segments.
    #[error("the route is too long: at most 1024 bytes and 32 segments")]
    TooLong,
}

impl RoutePattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parameters that this path gives, if the pattern matches it.
    pub fn matches(&self, path: &str) -> Option<RouteParameters> {
        let mut rest = path.strip_prefix('/')?;
        let mut parameters = Vec::new();
        let mut at_end = false;
        for segment in &self.segments {
            if let Segment::Rest(name) = segment {
                parameters.push((
                    name.clone(),
                    if at_end {
                        String::new()
                    } else {
                        rest.to_owned()
                    },
                ));
                return Some(parameters);
            }
            if at_end {
                return None;
            }
            let actual = match rest.split_once('/') {
                Some((actual, after)) => {
                    rest = after;
                    actual
                }
                None => {
                    at_end = true;
                    rest
                }
            };
            match segment {
                Segment::Exact(wanted) if percent_decode(actual) == wanted.as_bytes() => {}
                Segment::Parameter(name) if !actual.is_empty() => {
                    parameters.push((name.clone(), actual.to_owned()))
                }
                _ => return None,
            }
        }
        let ends_in_slash = self.takes_slash && rest.is_empty();
        (at_end || ends_in_slash).then_some(parameters)
    }

    /// The name of the parameter that takes all that is left of a path, where there is one.
    pub fn rest(&self) -> Option<&str> {
        match self.segments.last() {
            Some(Segment::Rest(name)) => Some(name),
            _ => None,
        }
    }

    /// The text that the first segment must be, where it is neither a parameter nor the rest.
    pub fn first_exact(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Exact(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether some path matches both patterns equally well. The names of parameters make no difference.
    pub fn same_paths(&self, other: &RoutePattern) -> bool {
        let ends = |pattern: &RoutePattern| 1..=1 + usize::from(pattern.takes_slash);
        ends(self).any(|end| ends(other).any(|other_end| self.rank(end).eq(other.rank(other_end))))
    }

    /// Orders patterns so that the more specific comes first: exact before parameter before rest, from the left.
    pub fn precedence(&self, other: &RoutePattern) -> Ordering {
        self.rank(1).cmp(other.rank(1))
    }

    /// With two ends, it is that of the pattern with a slash behind it.
    fn rank(&self, ends: usize) -> impl Iterator<Item = (u8, &str)> {
        let ranked = self.segments.iter().map(|segment| match segment {
            Segment::Exact(text) => (0, text.as_str()),
            Segment::Parameter(_) => (1, ""),
            Segment::Rest(_) => (2, ""),
        });
        // A pattern that ends comes before one that takes all that is left from there.
        ranked.chain(std::iter::repeat_n((0, ""), ends))
    }
}

/// Bytes of a path segment with its `%XX` escapes resolved; what is not an escape stays as it is.
pub fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten();
        let byte = escape
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    decoded
}

impl FromStr for RoutePattern {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<RoutePattern, InvalidRoute> {
        let path = text
            .strip_prefix('/')
            .ok_or_else(|| InvalidRoute::NoLeadingSlash(text.to_owned()))?;
        if text.len() > 1024 || text.split('/').count() > 33 {
            return Err(InvalidRoute::TooLong);
        }
        let without_slash = path.strip_suffix(OPTIONAL_SLASH);
        let path = without_slash.unwrap_or(path);
        let mut segments = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for part in path.split('/') {
            if let Some(Segment::Rest(name)) = segments.last() {
                return Err(InvalidRoute::RestNotLast(text.to_owned(), name.clone()));
            }
            let segment = parse_segment(part)
                .ok_or_else(|| InvalidRoute::Segment(text.to_owned(), part.to_owned()))?;
            if let Segment::Parameter(name) | Segment::Rest(name) = &segment {
                if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                    return Err(InvalidRoute::DuplicateParameter(
                        text.to_owned(),
                        name.clone(),
                    ));
                }
                names.push(name.clone());
            }
            segments.push(segment);
        }
        let takes_slash = without_slash.is_some();
        let has_none = matches!(segments.last(), Some(Segment::Rest(_))) || path.ends_with('/');
        if path.contains(OPTIONAL_SLASH) || takes_slash && (has_none || path.is_empty()) {
            return Err(InvalidRoute::OptionalSlash(text.to_owned()));
        }
        Ok(RoutePattern {
            text: text.to_owned(),
            segments,
            takes_slash,
        })
    }
}

fn parse_segment(part: &str) -> Option<Segment> {
    let parameter_name = |name: &str| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        (!name.is_empty() && name.bytes().all(allowed)).then(|| name.to_owned())
    };
    match part
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
    {
        Some(inner) => match inner.strip_prefix('*') {
            Some(name) => parameter_name(name).map(Segment::Rest),
            None => parameter_name(inner).map(Segment::Parameter),
        },
        None => {
            let forbidden = |c: char| c.is_control() || c.is_whitespace() || "{}?#".contains(c);
            (!part.contains(forbidden)).then(|| {
                Segment::Exact(String::from_utf8_lossy(&percent_decode(part)).into_owned())
            })
        }
    }
}

impl TryFrom<String> for RoutePattern {
    type Error = InvalidRoute;

    fn try_from(text: String) -> Result<RoutePattern, InvalidRoute> {
        text.parse()
    }
}

impl From<RoutePattern> for String {
    fn from(pattern: RoutePattern) -> String {
        pattern.text
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> RoutePattern {
        text.parse().expect(text)
    }

    #[test]
    fn patterns_match_whole_paths() {
        let cases: [(&str, &str, Option<&[&str]>); 22] = [
            ("/", "/", Some(&[])),
            ("/", "/a", None),
            ("/a", "/a", Some(&[])),
            ("/a", "/a/", None),
            ("/a", "/%61", Some(&[])),
            ("/a/{x}", "/a/1", Some(&["1"])),
            ("/a/{x}", "/a/", None),
            ("/a/{x}", "/a/b%2Fc", Some(&["b%2Fc"])),
            ("/a/{x}/b", "/a/1/b", Some(&["1"])),
            ("/a/{x}/b", "/a/1/c", None),
            ("/a/{*rest}", "/a", Some(&[""])),
            ("/a/{*rest}", "/a/", Some(&[""])),
            ("/a/{*rest}", "/a//b/../c", Some(&["/b/../c"])),
            ("/{*rest}", "/", Some(&[""])),
            ("/a/b", "/a/x/../b", None),
            ("/küche", "/k%C3%BCche", Some(&[])),
            ("/a[/]", "/a", Some(&[])),
            ("/a[/]", "/a/", Some(&[])),
            ("/a[/]", "/a//", None),
            ("/a[/]", "/a/b", None),
            ("/a/{userId}[/]", "/a/1/", Some(&["1"])),
            ("/a/{userId}[/]", "/a/", None),
        ];
        for (route, path, expected) in cases {
            let values = pattern(route)
                .matches(path)
                .map(|p| p.into_iter().map(|(_, v)| v).collect::<Vec<_>>());
            assert_eq!(
                values,
                expected.map(|e| e.iter().map(|v| (*v).to_owned()).collect()),
                "{route} against {path}"
            );
        }
    }

    #[test]
    fn the_more_specific_pattern_comes_first() {
        let ordered = [
            "/a/b",
            "/a/{x}",
            "/a/{x}/c",
            "/a/{*rest}",
            "/{x}[/]",
            "/{x}/b",
            "/{x}/{y}",
            "/{*rest}",
        ];
        for pair in ordered.windows(2) {
            assert_eq!(
                pattern(pair[0]).precedence(&pattern(pair[1])),
                Ordering::Less,
                "{pair:?}"
            );
        }
    }

    #[test]
    fn patterns_that_differ_in_names_only_match_the_same_paths() {
        assert!(pattern("/a/{x}").same_paths(&pattern("/a/{y}")));
        assert!(pattern("/{*x}").same_paths(&pattern("/{*y}")));
        assert!(!pattern("/a/{x}").same_paths(&pattern("/a/x")));
        assert!(!pattern("/a").same_paths(&pattern("/a/{*rest}")));
        for other in ["/{a}", "/{b}/", "/{a}[/]"] {
            assert!(pattern("/{a}[/]").same_paths(&pattern(other)), "{other}");
            assert!(pattern(other).same_paths(&pattern("/{b}[/]")), "{other}");
        }
        assert!(!pattern("/a[/]").same_paths(&pattern("/{a}[/]")));
    }

    #[test]
    fn what_is_not_a_route_is_refused() {
        let bad = [
            "",
            "a",
            "/{",
            "/{}",
            "/a{b}",
            "/{*rest}/a",
            "/{x}/{x}",
            "/{x}/{X}",
            "/{é}",
            "/a b",
            "/a?b",
            "/{*}",
            "/a#b",
            "/[/]",
            "/a/[/]",
            "/{*rest}[/]",
            "/a[/]b",
            "/a[/][/]",
        ];
        for text in bad {
            assert!(text.parse::<RoutePattern>().is_err(), "{text}");
        }
    }
}
