//! The function's configuration: the `[config]` table of its manifest, as the operator may have overridden it.

use std::fmt;

use crate::bindings::wasi::config::store;

/// The value of a key, if it is set.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    store::get(key).map_err(Error::of)
}

/// All keys with their values.
pub fn get_all() -> Result<Vec<(String, String)>, Error> {
    store::get_all().map_err(Error::of)
}

/// Why the host could not give the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    reason: String,
}

impl Error {
    fn of(error: store::Error) -> Self {
        let (store::Error::Upstream(reason) | store::Error::Io(reason)) = error;
        Error { reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no configuration: {}", self.reason)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use crate::{config, testing};

    #[test]
    fn reads_what_the_test_has_set() {
        testing::set_config("unit", "°C");
        assert_eq!(config::get("unit"), Ok(Some("°C".to_owned())));
        assert_eq!(config::get("other"), Ok(None));
        assert_eq!(
            config::get_all(),
            Ok(vec![("unit".to_owned(), "°C".to_owned())])
        );
    }
}
