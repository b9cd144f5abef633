//! `wasi:keyvalue@0.2.0-draft2`.

use wasmtime::component::Resource;

use super::{Answer, KeyValueError, KeyValueView};
use crate::bindings::imports::wasi::keyvalue::atomics::{self, CasError};
use crate::bindings::imports::wasi::keyvalue::batch;
use crate::bindings::imports::wasi::keyvalue::store::{self, Error, KeyResponse};
use crate::limits::LIST_KEYS_PAGE;
use crate::model::bucket::{Bucket, CompareAndSwap};
use crate::model::digest::Digest;

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Error {
        match error {
            KeyValueError::AccessDenied => Error::AccessDenied,
            error => Error::Other(error.to_string()),
        }
    }
}

impl store::Host for KeyValueView<'_> {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>, Error> {
        Ok(self.open(identifier).map_err(Error::from))
    }
}

impl store::HostBucket for KeyValueView<'_> {
    async fn get(
        &mut self,
        handle: Resource<Bucket>,
        key: String,
    ) -> Answer<Option<Vec<u8>>, Error> {
        let bucket = self.bucket(&handle)?;
        Ok(self.context.get(bucket, key).await.map_err(Error::from))
    }

    async fn set(
        &mut self,
        handle: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<(), Error> {
        let bucket = self.bucket(&handle)?;
        let set = self.context.set(bucket, key, value);
        Ok(set.await.map_err(Error::from))
    }

    async fn delete(&mut self, handle: Resource<Bucket>, key: String) -> Answer<(), Error> {
        let bucket = self.bucket(&handle)?;
        Ok(self.context.delete(bucket, key).await.map_err(Error::from))
    }

    async fn exists(&mut self, handle: Resource<Bucket>, key: String) -> Answer<bool, Error> {
        let bucket = self.bucket(&handle)?;
        Ok(self.context.exists(bucket, key).await.map_err(Error::from))
    }

    async fn list_keys(
        &mut self,
        handle: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Answer<KeyResponse, Error> {
        let bucket = self.bucket(&handle)?;
        let page = self.context.page(bucket, cursor, LIST_KEYS_PAGE).await;
        Ok(page.map_err(Error::from).map(|(keys, more)| {
            let cursor = keys.last().filter(|_| more).cloned();
            KeyResponse { keys, cursor }
        }))
    }

    async fn drop(&mut self, handle: Resource<Bucket>) -> wasmtime::Result<()> {
        self.close(handle)
    }
}

impl atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        handle: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Answer<i64, Error> {
        let bucket = self.bucket(&handle)?;
        let increment = self.context.increment(bucket, key, delta, i64::MIN);
        Ok(increment.await.map_err(Error::from))
    }

    async fn swap(
        &mut self,
        handle: Resource<CompareAndSwap>,
        value: Vec<u8>,
    ) -> Answer<(), CasError> {
        let cas = self.table.delete(handle)?;
        Ok(match self.context.swap(cas, value).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(next)) => match self.hold(next) {
                Ok(next) => Err(CasError::CasFailed(next)),
                Err(error) => Err(CasError::StoreError(error.into())),
            },
            Err(error) => Err(CasError::StoreError(error.into())),
        })
    }
}

impl atomics::HostCas for KeyValueView<'_> {
    async fn new(
        &mut self,
        handle: Resource<Bucket>,
        key: String,
    ) -> Answer<Resource<CompareAndSwap>, Error> {
        let bucket = self.bucket(&handle)?;
        let compared = self.context.compare(bucket, key).await;
        let held = compared.and_then(|cas| self.hold(cas));
        Ok(held.map_err(Error::from))
    }

    async fn current(
        &mut self,
        handle: Resource<CompareAndSwap>,
    ) -> Answer<Option<Vec<u8>>, Error> {
        let CompareAndSwap { bucket, key, .. } = self.table.get(&handle)?.clone();
        Ok(match self.context.get(bucket, key).await {
            Ok(seen) => {
                self.table.get_mut(&handle)?.seen = seen.as_deref().map(Digest::of);
                Ok(seen)
            }
            Err(error) => Err(error.into()),
        })
    }

    async fn drop(&mut self, handle: Resource<CompareAndSwap>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        handle: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>, Error> {
        let bucket = self.bucket(&handle)?;
        Ok(self
            .context
            .get_many(bucket, keys)
            .await
            .map_err(Error::from))
    }

    async fn set_many(
        &mut self,
        handle: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Answer<(), Error> {
        let bucket = self.bucket(&handle)?;
        let set = self.context.set_many(bucket, pairs);
        Ok(set.await.map_err(Error::from))
    }

    async fn delete_many(
        &mut self,
        handle: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<(), Error> {
        let bucket = self.bucket(&handle)?;
        let delete = self.context.delete_many(bucket, keys);
        Ok(delete.await.map_err(Error::from))
    }
}
