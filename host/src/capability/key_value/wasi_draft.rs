//! `wasi:keyvalue@0.2.0-draft`: cursors are positions, counters are not negative, nothing is compared and swapped.

use wasmtime::component::Resource;

use super::{Answer, KeyValueError, KeyValueView};
use crate::bindings::foreign::wasi::keyvalue::store::{Error, KeyResponse};
use crate::bindings::foreign::wasi::keyvalue::{atomics, batch, store};
use crate::limits::LIST_KEYS_PAGE;
use crate::model::bucket::Bucket;
use crate::storage::key_value::NotIncremented;

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
        cursor: Option<u64>,
    ) -> Answer<KeyResponse, Error> {
        let bucket = self.bucket(&handle)?;
        let skipped = cursor.unwrap_or(0);
        let page = self.context.page_at(bucket, skipped).await;
        Ok(page.map_err(Error::from).map(|(keys, more)| KeyResponse {
            keys,
            cursor: more.then(|| skipped.saturating_add(LIST_KEYS_PAGE.into())),
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
        delta: u64,
    ) -> Answer<u64, Error> {
        let bucket = self.bucket(&handle)?;
        let Ok(delta) = i64::try_from(delta) else {
            return Ok(Err(KeyValueError::from(NotIncremented::OutOfRange).into()));
        };
        let increment = self.context.increment(bucket, key, delta, 0);
        let sum = increment.await.map_err(Error::from);
        Ok(sum.map(|sum| u64::try_from(sum).expect("it is not below its least value")))
    }
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        handle: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>, Error> {
        let bucket = self.bucket(&handle)?;
        let found = self.context.get_many(bucket, keys).await;
        let pair = |(key, value): (String, Option<Vec<u8>>)| value.map(|value| (key, value));
        Ok(found
            .map_err(Error::from)
            .map(|found| found.into_iter().map(pair).collect()))
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
