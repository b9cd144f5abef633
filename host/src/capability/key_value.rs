//! `wasi:keyvalue`: buckets of key-value state, within the function's `buckets` grants. A write is durable when it
//! returns.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use crate::bindings::imports::wasi::keyvalue::atomics::{self, CasError};
use crate::bindings::imports::wasi::keyvalue::batch;
use crate::bindings::imports::wasi::keyvalue::store::{self, Error, KeyResponse};
use crate::limits::{
    BATCH_KEYS_MAX, HOSTCALL_BYTES_MAX, KEY_BYTES_MAX, LIST_KEYS_PAGE, VALUE_BYTES_MAX,
};
use crate::model::bucket::{Bucket, CompareAndSwap};
use crate::model::grant::{Access, Grants};
use crate::storage::database::{Database, StorageError};
use crate::storage::key_value;

/// What one invocation reaches its buckets with.
pub struct KeyValueContext {
    /// Where the state is.
    pub database: Database,
    /// What the function was granted.
    pub grants: Arc<Grants>,
}

/// The context and the table of the guest's handles.
pub struct KeyValueView<'a> {
    /// What the function may do.
    pub context: &'a KeyValueContext,
    /// The guest's handles.
    pub table: &'a mut ResourceTable,
}

/// Names [`KeyValueView`] to the linker.
pub struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValueView<'a>;
}

/// A trap outside, the guest's error inside.
type Answer<T, E = Error> = wasmtime::Result<Result<T, E>>;

impl KeyValueView<'_> {
    fn bucket(&self, handle: &Resource<Bucket>) -> wasmtime::Result<Bucket> {
        Ok(self.table.get(handle)?.clone())
    }

    fn writable(&self, handle: &Resource<Bucket>) -> Answer<Bucket> {
        let bucket = self.bucket(handle)?;
        Ok(writable(bucket))
    }
}

fn writable(bucket: Bucket) -> Result<Bucket, Error> {
    match bucket.access {
        Access::ReadWrite => Ok(bucket),
        Access::Read => Err(Error::AccessDenied),
    }
}

/// The guest hears that storage failed; the host's log hears why.
fn storage_failed(error: StorageError) -> Error {
    tracing::error!(%error, "key-value state");
    Error::Other("the state cannot be reached at present".to_owned())
}

fn check_key(key: &str) -> Result<(), Error> {
    match key.len() {
        0 => Err(Error::Other("a key has at least one character".to_owned())),
        bytes if bytes > KEY_BYTES_MAX => Err(Error::Other(format!(
            "the key has {bytes} bytes; at most {KEY_BYTES_MAX} are allowed"
        ))),
        _ => Ok(()),
    }
}

fn check_value(value: &[u8]) -> Result<(), Error> {
    match value.len() {
        bytes if bytes > VALUE_BYTES_MAX => Err(Error::Other(format!(
            "the value has {bytes} bytes; at most {VALUE_BYTES_MAX} are allowed"
        ))),
        _ => Ok(()),
    }
}

fn check_count(keys: usize) -> Result<(), Error> {
    match keys > BATCH_KEYS_MAX {
        true => Err(Error::Other(format!(
            "{keys} keys in one call; at most {BATCH_KEYS_MAX} are allowed"
        ))),
        false => Ok(()),
    }
}

/// Returns early with the guest's error, as `?` does with a trap.
macro_rules! ok {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error.into())),
        }
    };
}

impl store::Host for KeyValueView<'_> {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        let access = ok!(self
            .context
            .grants
            .bucket_access(&identifier)
            .ok_or(Error::AccessDenied));
        Ok(Ok(self.table.push(Bucket {
            name: identifier,
            access,
        })?))
    }
}

impl store::HostBucket for KeyValueView<'_> {
    async fn get(&mut self, handle: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        let bucket = self.bucket(&handle)?;
        ok!(check_key(&key));
        let read = self
            .context
            .database
            .read(move |db| key_value::get(db, &bucket.name, &key));
        Ok(read.await.map_err(storage_failed))
    }

    async fn set(&mut self, handle: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        let bucket = ok!(self.writable(&handle)?);
        ok!(check_key(&key).and_then(|()| check_value(&value)));
        let write = self
            .context
            .database
            .write(move |db| key_value::set(db, &bucket.name, &key, &value));
        Ok(write.await.map_err(storage_failed))
    }

    async fn delete(&mut self, handle: Resource<Bucket>, key: String) -> Answer<()> {
        let bucket = ok!(self.writable(&handle)?);
        ok!(check_key(&key));
        let write = self
            .context
            .database
            .write(move |db| key_value::delete(db, &bucket.name, &key));
        Ok(write.await.map(|_| ()).map_err(storage_failed))
    }

    async fn exists(&mut self, handle: Resource<Bucket>, key: String) -> Answer<bool> {
        let bucket = self.bucket(&handle)?;
        ok!(check_key(&key));
        let read = self
            .context
            .database
            .read(move |db| key_value::exists(db, &bucket.name, &key));
        Ok(read.await.map_err(storage_failed))
    }

    async fn list_keys(
        &mut self,
        handle: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Answer<KeyResponse> {
        let bucket = self.bucket(&handle)?;
        let read = self.context.database.read(move |db| {
            key_value::list(db, &bucket.name, "", cursor.as_deref(), LIST_KEYS_PAGE + 1)
        });
        let mut keys = ok!(read.await.map_err(storage_failed));
        let more = keys.len() > LIST_KEYS_PAGE as usize;
        keys.truncate(LIST_KEYS_PAGE as usize);
        let cursor = if more { keys.last().cloned() } else { None };
        Ok(Ok(KeyResponse { keys, cursor }))
    }

    async fn drop(&mut self, handle: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        handle: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Answer<i64> {
        let bucket = ok!(self.writable(&handle)?);
        ok!(check_key(&key));
        let write = self
            .context
            .database
            .write(move |db| key_value::increment(db, &bucket.name, &key, delta));
        let sum = ok!(write.await.map_err(storage_failed));
        Ok(sum.map_err(|error| Error::Other(error.to_string())))
    }

    async fn swap(
        &mut self,
        handle: Resource<CompareAndSwap>,
        value: Vec<u8>,
    ) -> Answer<(), CasError> {
        let cas = self.table.delete(handle)?;
        let bucket = ok!(writable(cas.bucket.clone()).map_err(CasError::StoreError));
        ok!(check_value(&value).map_err(CasError::StoreError));
        let (key, seen) = (cas.key.clone(), cas.seen);
        let write = self.context.database.write(move |db| {
            key_value::compare_and_swap(db, &bucket.name, &key, seen.as_deref(), &value)
        });
        match ok!(write
            .await
            .map_err(|error| CasError::StoreError(storage_failed(error))))
        {
            Ok(()) => Ok(Ok(())),
            Err(seen) => Ok(Err(CasError::CasFailed(
                self.table.push(CompareAndSwap { seen, ..cas })?,
            ))),
        }
    }
}

impl atomics::HostCas for KeyValueView<'_> {
    async fn new(
        &mut self,
        handle: Resource<Bucket>,
        key: String,
    ) -> Answer<Resource<CompareAndSwap>> {
        let bucket = self.bucket(&handle)?;
        ok!(check_key(&key));
        let (name, wanted) = (bucket.name.clone(), key.clone());
        let read = self
            .context
            .database
            .read(move |db| key_value::get(db, &name, &wanted));
        let seen = ok!(read.await.map_err(storage_failed));
        Ok(Ok(self.table.push(CompareAndSwap { bucket, key, seen })?))
    }

    async fn current(&mut self, handle: Resource<CompareAndSwap>) -> Answer<Option<Vec<u8>>> {
        let cas = self.table.get(&handle)?;
        let (bucket, key) = (cas.bucket.name.clone(), cas.key.clone());
        let read = self
            .context
            .database
            .read(move |db| key_value::get(db, &bucket, &key));
        let seen = ok!(read.await.map_err(storage_failed));
        self.table.get_mut(&handle)?.seen.clone_from(&seen);
        Ok(Ok(seen))
    }

    async fn drop(&mut self, handle: Resource<CompareAndSwap>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

type KeyValuePair = (String, Option<Vec<u8>>);

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        handle: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<KeyValuePair>> {
        let bucket = self.bucket(&handle)?;
        ok!(check_count(keys.len()).and_then(|()| keys.iter().try_for_each(|key| check_key(key))));
        let read = self.context.database.read(move |db| {
            let mut bytes = 0;
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let value = key_value::get(db, &bucket.name, &key)?;
                bytes += value.as_ref().map_or(0, Vec::len);
                if bytes > HOSTCALL_BYTES_MAX {
                    return Ok(Err(Error::Other(format!(
                        "the values have more than {HOSTCALL_BYTES_MAX} bytes together"
                    ))));
                }
                found.push((key, value));
            }
            Ok(Ok(found))
        });
        Ok(ok!(read.await.map_err(storage_failed)))
    }

    async fn set_many(
        &mut self,
        handle: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Answer<()> {
        let bucket = ok!(self.writable(&handle)?);
        ok!(check_count(pairs.len()));
        ok!(pairs
            .iter()
            .try_for_each(|(key, value)| check_key(key).and_then(|()| check_value(value))));
        let write = self.context.database.write(move |db| {
            pairs
                .iter()
                .try_for_each(|(key, value)| key_value::set(db, &bucket.name, key, value))
        });
        Ok(write.await.map_err(storage_failed))
    }

    async fn delete_many(&mut self, handle: Resource<Bucket>, keys: Vec<String>) -> Answer<()> {
        let bucket = ok!(self.writable(&handle)?);
        ok!(check_count(keys.len()).and_then(|()| keys.iter().try_for_each(|key| check_key(key))));
        let write = self.context.database.write(move |db| {
            keys.iter()
                .try_for_each(|key| key_value::delete(db, &bucket.name, key).map(|_| ()))
        });
        Ok(write.await.map_err(storage_failed))
    }
}
