//! Keeps functions and the sessions of the dashboard apart: a function neither sees the cookie of one nor sets it.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::model::session_cookie::is_session_cookie;

/// Takes the cookies of sessions off a request.
pub(super) fn take_off(headers: &mut HeaderMap) {
    let given = headers.get_all(COOKIE);
    if !given.iter().any(|value| pairs(value).any(is_ours)) {
        return;
    }
    let kept: Vec<HeaderValue> = given.iter().filter_map(without_ours).collect();
    headers.remove(COOKIE);
    for value in kept {
        headers.append(COOKIE, value);
    }
}

/// Takes them off a function's answer.
pub fn take_off_answer(headers: &mut HeaderMap) {
    let set = headers.get_all(SET_COOKIE);
    let is_ours = |value: &&HeaderValue| is_ours(value.as_bytes());
    if !set.iter().any(|value| is_ours(&value)) {
        return;
    }
    let kept: Vec<HeaderValue> = set
        .iter()
        .filter(|value| !is_ours(value))
        .cloned()
        .collect();
    headers.remove(SET_COOKIE);
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

fn pairs(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b';')
}

fn is_ours(cookie: &[u8]) -> bool {
    // A cookie without a name is sent as its value alone, so that `=a=b` comes back as `a=b`.
    let cookie = cookie.trim_ascii_start();
    let cookie = cookie.strip_prefix(b"=").unwrap_or(cookie);
    let mut parts = cookie.split(|byte| matches!(byte, b'=' | b';'));
    parts.next().is_some_and(is_session_cookie)
}

fn without_ours(value: &HeaderValue) -> Option<HeaderValue> {
    let kept: Vec<&[u8]> = pairs(value)
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !is_ours(pair))
        .collect();
    let kept = (!kept.is_empty()).then(|| kept.join(&b"; "[..]))?;
    Some(HeaderValue::from_bytes(&kept).expect("the bytes were those of a value"))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let value = |value: &&str| (name.clone(), value.parse().expect("a value"));
        values.iter().map(value).collect()
    }

    fn values(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
        let values = headers.get_all(name).into_iter();
        values.map(|value| value.to_str().expect("ASCII")).collect()
    }

    #[test]
    fn a_request_keeps_every_cookie_but_those_of_sessions() {
        let cases: [(&[&str], &[&str]); 9] = [
            (&["a=1; b=2"], &["a=1; b=2"]),
            (&["a=1;b=2 ;; c"], &["a=1;b=2 ;; c"]),
            (&["__Host-tidegate=x"], &[]),
            (&["tidegate=x"], &[]),
            (&["a=1; __Host-tidegate=x; b=2"], &["a=1; b=2"]),
            (
                &["a=tidegate=x; tidegate2=y; TIDEGATE = z"],
                &["a=tidegate=x; tidegate2=y"],
            ),
            (
                &["a=1", "tidegate=x", "b=2; __host-tidegate=y"],
                &["a=1", "b=2"],
            ),
            (&["tidegate=x; tidegate=y;a=\"1\""], &["a=\"1\""]),
            (&["=tidegate=x; b=2"], &["b=2"]),
        ];
        for (given, expected) in cases {
            let mut headers = headers(COOKIE, given);
            take_off(&mut headers);
            assert_eq!(values(&headers, COOKIE), expected, "{given:?}");
        }
    }

    #[test]
    fn an_answer_sets_every_cookie_but_those_of_sessions() {
        let given = [
            "tidegate=x; Path=/",
            "a=1",
            "__Host-tidegate=x; Secure",
            "__HOST-TIDEGATE=",
            " tidegate =x",
            "=tidegate=x",
            "tidegate",
            "b=tidegate=x; Path=/",
        ];
        let mut headers = headers(SET_COOKIE, &given);
        take_off_answer(&mut headers);
        let expected = ["a=1", "b=tidegate=x; Path=/"];
        assert_eq!(values(&headers, SET_COOKIE), expected);
    }
}
