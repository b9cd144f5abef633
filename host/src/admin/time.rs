//! Times as the API shows them: RFC 3339 in UTC.

use std::time::{Duration, UNIX_EPOCH};

use crate::observe::log_line::rfc3339;

/// A time in milliseconds since 1970.
pub(super) fn from_ms(ms: i64) -> String {
    rfc3339(UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs()))
}
