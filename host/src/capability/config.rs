//! `wasi:config/store`: the `[config]` table of the manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::HasData;

use crate::bindings::imports::wasi::config::store::{Error, Host};

/// The function's configuration.
#[derive(Clone)]
pub struct ConfigContext(pub Arc<BTreeMap<String, String>>);

/// Names [`ConfigContext`] to the linker.
pub struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = &'a mut ConfigContext;
}

impl Host for ConfigContext {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        Ok(Ok(self.0.get(&key).cloned()))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        Ok(Ok(self
            .0
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()))
    }
}
