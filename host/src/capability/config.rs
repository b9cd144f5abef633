//! The function's configuration, the `[config]` table of its manifest and the secrets that it was granted: `wasi:config`
//! in all its drafts, and Spin's variables. One lookup; the interfaces differ in what they call an error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmtime::component::{Accessor, HasData};

use crate::bindings::foreign::fermyon::{spin, spin2_0_0 as spin_2};
use crate::bindings::foreign::wasi::{
    config0_2_0_draft as draft, config0_2_0_draft_2024_09_27 as draft_2024,
};
use crate::bindings::foreign_async::spin::variables::variables as variables_3;
use crate::bindings::imports::wasi::config::store;
use crate::model::config::ConfigValue;
use crate::model::grant::Grants;
use crate::model::name::Name;
use crate::model::secret::Secrets;
use crate::observe::calls::{Call, Calls};

/// The function's configuration.
#[derive(Clone)]
pub struct ConfigContext {
    /// The `[config]` table.
    pub config: Arc<BTreeMap<String, ConfigValue>>,
    /// What the function was granted.
    pub grants: Arc<Grants>,
    /// The host's secrets.
    pub secrets: Secrets,
    /// Where its calls are recorded.
    pub calls: Calls,
}

impl ConfigContext {
    /// What the function reads under this key. A secret wins over the `[config]` table.
    pub fn look_up(&self, key: &str) -> Option<String> {
        let call = self.calls.begin(Call::ConfigGet, || key);
        let found = self.find(key);
        call.succeeded();
        found
    }

    fn find(&self, key: &str) -> Option<String> {
        let reveal = |name: &Name| Some(self.secrets.get(name)?.reveal().to_owned());
        let granted = self.grants.secrets.iter().find(|name| name.as_str() == key);
        granted
            .and_then(reveal)
            .or_else(|| match self.config.get(key)? {
                ConfigValue::Text(text) => Some(text.clone()),
                ConfigValue::Secret(name) => reveal(name),
            })
    }

    /// All that the function can read, in the order of keys.
    pub fn all(&self) -> Vec<(String, String)> {
        let secrets = self
            .grants
            .secrets
            .iter()
            .map(|name| name.as_str().to_owned());
        let keys: BTreeSet<String> = self.config.keys().cloned().chain(secrets).collect();
        let read = |key: String| self.look_up(&key).map(|value| (key, value));
        keys.into_iter().filter_map(read).collect()
    }
}

/// Names [`ConfigContext`] to the linker.
pub struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = &'a mut ConfigContext;
}

/// Why there is no such variable.
enum NoVariable {
    /// No variable of Spin's could have this name. The text says why.
    InvalidName(String),
    /// The configuration does not have it. The text says what to do.
    Undefined(String),
}

/// A trap outside, the guest's error inside.
type Answer<T, E> = wasmtime::Result<Result<T, E>>;

impl ConfigContext {
    fn variable(&self, name: &str) -> Result<String, NoVariable> {
        // Where a variable's name has `_`, a secret's has `-`.
        let secret = || self.look_up(&name.replace('_', "-"));
        self.look_up(name).or_else(secret).ok_or_else(|| {
            if is_variable_name(name) {
                NoVariable::Undefined(format!("`{name}` is not in the function's [config]"))
            } else {
                NoVariable::InvalidName(format!(
                    "`{name}`: a variable's name is lower-case letters and digits, with single underscores between \
                     them, and begins with a letter"
                ))
            }
        })
    }
}

/// `[a-z][a-z0-9]*(_[a-z0-9]+)*`
fn is_variable_name(name: &str) -> bool {
    let allowed = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('_').all(allowed)
}

impl store::Host for ConfigContext {
    async fn get(&mut self, key: String) -> Answer<Option<String>, store::Error> {
        Ok(Ok(self.look_up(&key)))
    }

    async fn get_all(&mut self) -> Answer<Vec<(String, String)>, store::Error> {
        Ok(Ok(self.all()))
    }
}

impl draft_2024::store::Host for ConfigContext {
    async fn get(&mut self, key: String) -> Answer<Option<String>, draft_2024::store::Error> {
        Ok(Ok(self.look_up(&key)))
    }

    async fn get_all(&mut self) -> Answer<Vec<(String, String)>, draft_2024::store::Error> {
        Ok(Ok(self.all()))
    }
}

impl draft::runtime::Host for ConfigContext {
    async fn get(&mut self, key: String) -> Answer<Option<String>, draft::runtime::ConfigError> {
        Ok(Ok(self.look_up(&key)))
    }

    async fn get_all(&mut self) -> Answer<Vec<(String, String)>, draft::runtime::ConfigError> {
        Ok(Ok(self.all()))
    }
}

impl spin_2::variables::Host for ConfigContext {
    async fn get(&mut self, name: String) -> Answer<String, spin_2::variables::Error> {
        use spin_2::variables::Error;

        Ok(self.variable(&name).map_err(|error| match error {
            NoVariable::InvalidName(text) => Error::InvalidName(text),
            NoVariable::Undefined(text) => Error::Undefined(text),
        }))
    }
}

impl variables_3::Host for &mut ConfigContext {}

impl<T: Send + 'static> variables_3::HostWithStore<T> for HasConfig {
    async fn get(
        store: &Accessor<T, HasConfig>,
        name: String,
    ) -> Answer<String, variables_3::Error> {
        use variables_3::Error;

        let variable = store.with(|mut access| access.get().variable(&name));
        Ok(variable.map_err(|error| match error {
            NoVariable::InvalidName(text) => Error::InvalidName(text),
            NoVariable::Undefined(text) => Error::Undefined(text),
        }))
    }
}

impl spin::config::Host for ConfigContext {
    async fn get_config(&mut self, key: String) -> Answer<String, spin::config::Error> {
        use spin::config::Error;

        Ok(self.variable(&key).map_err(|error| match error {
            NoVariable::InvalidName(text) => Error::InvalidKey(text),
            NoVariable::Undefined(text) => Error::Provider(text),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_are_told_from_others() {
        for name in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3"] {
            assert!(is_variable_name(name), "{name}");
        }
        for name in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y", "é"] {
            assert!(!is_variable_name(name), "{name}");
        }
    }
}
