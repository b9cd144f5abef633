//! The sign-in link that `tidegate serve` prints on its first start: good once, for a while.

use std::sync::Mutex;
use std::time::Instant;

use crate::limits::LOGIN_LINK_TTL;

/// The one outstanding code.
#[derive(Default)]
pub struct LoginCode(Mutex<Option<(String, Instant)>>);

impl LoginCode {
    /// A code that signs its reader in, once.
    pub fn new(code: String) -> LoginCode {
        LoginCode(Mutex::new(Some((code, Instant::now() + LOGIN_LINK_TTL))))
    }

    /// Whether it is this one. If so, it is used up.
    pub(super) fn take(&self, given: &str) -> bool {
        let mut code = self.0.lock().expect("no holder of this lock panics");
        let good = code.as_ref().is_some_and(|(code, until)| {
            let same = aws_lc_rs::constant_time::verify_slices_are_equal(
                code.as_bytes(),
                given.as_bytes(),
            )
            .is_ok();
            same && Instant::now() < *until
        });
        if good {
            *code = None;
        }
        good
    }
}

#[cfg(test)]
mod tests {
    use super::LoginCode;

    #[test]
    fn a_code_is_good_once() {
        let code = LoginCode::new("abc".to_owned());
        assert!(!code.take("abd"));
        assert!(code.take("abc"));
        assert!(!code.take("abc"));
        assert!(!LoginCode::default().take(""));
    }
}
