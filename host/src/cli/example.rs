//! Examples made from triggers: a path that a route matches, and the `curl` line that calls it.

use super::functions::Triggers;
use crate::model::route::OPTIONAL_SLASH;

/// A path, or URL, that the route matches: each parameter stands for its own name.
pub(super) fn example_path(route: &str) -> String {
    route.replace("{*", "").replace(['{', '}'], "")
}

/// The command that calls a function's URL, by a method that its route takes.
pub(super) fn curl_line(url: &str, triggers: &Triggers) -> String {
    let trigger = triggers
        .http
        .iter()
        .find(|trigger| url.ends_with(without_rest(&trigger.route)));
    let methods = trigger.map_or(&[][..], |trigger| &trigger.methods);
    let options = match methods.first().map(String::as_str) {
        None => String::new(),
        Some(_) if methods.iter().any(|method| method == "GET") => String::new(),
        Some("HEAD") => "-I ".to_owned(),
        Some(method @ ("POST" | "PUT" | "PATCH")) => format!("-X {method} -d 'hello' "),
        Some(method) => format!("-X {} ", quoted(method)),
    };
    format!("curl {options}{}", quoted(&example_path(url)))
}

/// What every path of the route begins with, and its URL ends with: a rest segment may be empty, a slash left out.
fn without_rest(route: &str) -> &str {
    let route = route.strip_suffix(OPTIONAL_SLASH).unwrap_or(route);
    route.split("/{*").next().unwrap_or(route)
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/@%+=,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(url: &str, route: &str, methods: &[&str], expected: &str) {
        let triggers = json!({ "http": [{ "route": route, "methods": methods }] });
        let triggers: Triggers = serde_json::from_value(triggers).expect("triggers");
        assert_eq!(curl_line(url, &triggers), expected);
    }

    #[test]
    fn a_line_for_curl_fits_the_route() {
        check("http://h/a", "/a", &[], "curl http://h/a");
        check(
            "http://h/a/{id}/{*rest}",
            "/a/{id}/{*rest}",
            &["POST", "GET"],
            "curl http://h/a/id/rest",
        );
        check(
            "http://h/a",
            "/a/{*rest}",
            &["DELETE"],
            "curl -X DELETE http://h/a",
        );
        check(
            "http://h/a",
            "/a",
            &["PUT"],
            "curl -X PUT -d 'hello' http://h/a",
        );
        check(
            "http://h/a",
            "/a[/]",
            &["DELETE"],
            "curl -X DELETE http://h/a",
        );
        check("http://h/a", "/a", &["HEAD"], "curl -I http://h/a");
    }

    #[test]
    fn a_line_for_curl_is_safe_to_paste() {
        check("http://h/a;b'c", "/x", &[], r"curl 'http://h/a;b'\''c'");
    }
}
