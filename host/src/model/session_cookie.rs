//! The names of the cookies that carry a session of the dashboard.
//!
//! Browsers keep cookies by host and not by port, so that one which was set by the admin listener goes to functions on
//! the same host too: the ingress takes these off.

/// The cookie's name where its page is one that browsers trust: the prefix has them refuse it without `Secure`, with a
/// `Domain`, or for another path than `/`.
pub const SECURE: &str = "__Host-tidegate";

/// Its name over plain HTTP from another machine, where browsers keep no cookie that is `Secure`.
pub const PLAIN: &str = "tidegate";

/// Whether a cookie of this name carries a session. Some browsers take the prefix in any case.
pub fn is_session_cookie(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    [SECURE, PLAIN]
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()))
}
