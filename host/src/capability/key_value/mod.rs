//! Buckets of key-value state, within the function's `buckets` grants. A write is durable when it returns.
//!
//! What can be done is here, once, with its bounds; each family of interfaces has a file that only translates.

mod spin;
mod spin_async;
mod wasi;
mod wasi_draft;

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::detached::detached;
use super::under_way::{Held, TooMuch, UnderWay};
use crate::limits::{
    BATCH_KEYS_MAX, BUCKET_BYTES_MAX, CALL_DETAIL_BYTES_MAX, HOSTCALL_BYTES_MAX, KEY_BYTES_MAX,
    LIST_KEYS_PAGE, LIST_KEYS_SKIPPED_MAX, VALUE_BYTES_MAX,
};
use crate::model::bucket::{Bucket, CompareAndSwap};
use crate::model::digest::Digest;
use crate::model::grant::{Access, Grants};
use crate::observe::calls::{self, Call, Calls};
use crate::storage::database::{Connection, Database, StorageError};
use crate::storage::key_value::{self, NotIncremented};

/// What one invocation reaches its buckets with.
#[derive(Clone)]
pub struct KeyValueContext {
    /// Where the state is.
    pub database: Database,
    /// What the function was granted.
    pub grants: Arc<Grants>,
    /// What it has in calls that have not ended.
    pub under_way: UnderWay,
    /// Where its calls are recorded.
    pub calls: Calls,
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
type Answer<T, E> = wasmtime::Result<Result<T, E>>;

/// Why something was not done; the guest's to handle.
#[derive(Debug, thiserror::Error)]
enum KeyValueError {
    #[error("the function was not granted this bucket, or only for reading")]
    AccessDenied,
    #[error("a key has at least one character")]
    EmptyKey,
    #[error("the key has {0} bytes; at most {KEY_BYTES_MAX} are allowed")]
    KeyTooLong(usize),
    #[error("the value has {0} bytes; at most {VALUE_BYTES_MAX} are allowed")]
    ValueTooLong(usize),
    #[error("{0} keys in one call; at most {BATCH_KEYS_MAX} are allowed")]
    TooManyKeys(usize),
    #[error("the values have more than {HOSTCALL_BYTES_MAX} bytes together")]
    ValuesTooLong,
    #[error(
        "the keys have more than {HOSTCALL_BYTES_MAX} bytes together: list them in pages, with wasi:keyvalue"
    )]
    KeysTooLong,
    #[error(
        "a listing skips {LIST_KEYS_SKIPPED_MAX} keys at most: list by key, as later versions of this interface do"
    )]
    CursorTooFar,
    #[error(
        "the bucket is full: it holds {BUCKET_BYTES_MAX} bytes, the most that one may; delete some of its keys"
    )]
    BucketFull,
    #[error(transparent)]
    TooMuchUnderWay(#[from] TooMuch),
    #[error("too many handles are open: drop those that are no longer needed")]
    TooManyHandles,
    #[error(transparent)]
    NotIncremented(#[from] NotIncremented),
    #[error("the state cannot be reached at present")]
    Unreachable,
}

impl From<StorageError> for KeyValueError {
    /// The guest hears that storage failed; the host's log hears why.
    fn from(error: StorageError) -> KeyValueError {
        if matches!(error, StorageError::BucketFull(_)) {
            return KeyValueError::BucketFull;
        }
        tracing::error!(%error, "key-value state");
        KeyValueError::Unreachable
    }
}

type Done<T> = Result<T, KeyValueError>;

/// Keys, and whether there are more.
type Page = (Vec<String>, bool);

impl KeyValueView<'_> {
    fn bucket(&self, handle: &Resource<Bucket>) -> wasmtime::Result<Bucket> {
        Ok(self.table.get(handle)?.clone())
    }

    fn open(&mut self, label: String) -> Done<Resource<Bucket>> {
        let bucket = self.context.open(&label)?;
        self.hold(bucket)
    }

    /// A handle to this.
    fn hold<T: Send + 'static>(&mut self, held: T) -> Done<Resource<T>> {
        self.table
            .push(held)
            .map_err(|_| KeyValueError::TooManyHandles)
    }

    fn close(&mut self, handle: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl KeyValueContext {
    async fn read<T, F>(&self, read: F) -> Done<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let database = self.database.clone();
        let done = detached(async move { database.read_for_function(read).await }).await;
        Ok(done.map_err(|_| KeyValueError::Unreachable)??)
    }

    async fn write<T, F>(&self, write: F) -> Done<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let database = self.database.clone();
        let done = detached(async move { database.write(write).await }).await;
        Ok(done.map_err(|_| KeyValueError::Unreachable)??)
    }

    /// Writes with bytes of the guest. A call that is cancelled goes before its write does, which has them still.
    async fn write_held<T, F>(&self, held: Held, write: F) -> Done<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let write = move |db: &_| {
            let _held = held;
            write(db)
        };
        self.write(write).await
    }

    fn open(&self, label: &str) -> Done<Bucket> {
        let grant = self.grants.bucket(label);
        let grant = grant.ok_or(KeyValueError::AccessDenied)?;
        Ok(Bucket {
            name: grant.name.to_string(),
            access: grant.access,
        })
    }

    async fn get(&self, bucket: Bucket, key: String) -> Done<Option<Vec<u8>>> {
        let about = of_key(&bucket, &key);
        let doing = async {
            check_key(&key)?;
            let under_way = self.under_way.clone();
            let read = move |db: &_| {
                let value = key_value::get(db, &bucket.name, &key)?;
                let held = under_way.hold(value.as_ref().map_or(0, Vec::len));
                Ok(held.map(|held| (value, held)))
            };
            let (value, _held) = self.read(read).await??;
            Ok(value)
        };
        self.calls.observe(Call::KeyValueGet, || about, doing).await
    }

    async fn set(&self, bucket: Bucket, key: String, value: Vec<u8>) -> Done<()> {
        let about = of_key(&bucket, &key);
        let doing = async {
            check_writable(&bucket)?;
            check_key(&key)?;
            check_value(&value)?;
            let held = self.under_way.hold(value.len())?;
            let write = move |db: &_| key_value::set(db, &bucket.name, &key, &value);
            self.write_held(held, write).await
        };
        self.calls.observe(Call::KeyValueSet, || about, doing).await
    }

    async fn delete(&self, bucket: Bucket, key: String) -> Done<()> {
        let about = of_key(&bucket, &key);
        let doing = async {
            check_writable(&bucket)?;
            check_key(&key)?;
            let write = move |db: &_| key_value::delete(db, &bucket.name, &key);
            self.write(write).await?;
            Ok(())
        };
        self.calls
            .observe(Call::KeyValueDelete, || about, doing)
            .await
    }

    async fn exists(&self, bucket: Bucket, key: String) -> Done<bool> {
        let about = of_key(&bucket, &key);
        let doing = async {
            check_key(&key)?;
            let read = move |db: &_| key_value::exists(db, &bucket.name, &key);
            self.read(read).await
        };
        self.calls
            .observe(Call::KeyValueExists, || about, doing)
            .await
    }

    /// Up to `limit` keys that come after `after`.
    async fn page(&self, bucket: Bucket, after: Option<String>, limit: u32) -> Done<Page> {
        let about = bucket.name.clone();
        let doing = async {
            let read =
                move |db: &_| key_value::list(db, &bucket.name, "", after.as_deref(), limit + 1);
            Ok(cut(self.read(read).await?, limit))
        };
        self.calls
            .observe(Call::KeyValueList, || about, doing)
            .await
    }

    /// A page of keys that come after the first `skipped`.
    async fn page_at(&self, bucket: Bucket, skipped: u64) -> Done<Page> {
        let about = bucket.name.clone();
        let doing = async {
            if skipped > LIST_KEYS_SKIPPED_MAX {
                return Err(KeyValueError::CursorTooFar);
            }
            let read =
                move |db: &_| key_value::list_at(db, &bucket.name, skipped, LIST_KEYS_PAGE + 1);
            Ok(cut(self.read(read).await?, LIST_KEYS_PAGE))
        };
        self.calls
            .observe(Call::KeyValueList, || about, doing)
            .await
    }

    /// All keys at once, for interfaces without pages.
    async fn keys(&self, bucket: Bucket) -> Done<Vec<String>> {
        let mut keys: Vec<String> = Vec::new();
        let (mut more, mut bytes) = (true, 0);
        while more {
            let page;
            let after = keys.last().cloned();
            (page, more) = self.page(bucket.clone(), after, LIST_KEYS_PAGE).await?;
            // Short keys take more in memory than they have bytes.
            let of_key = |key: &String| size_of::<String>() + key.len();
            bytes += page.iter().map(of_key).sum::<usize>();
            if bytes > HOSTCALL_BYTES_MAX {
                return Err(KeyValueError::KeysTooLong);
            }
            keys.extend(page);
        }
        Ok(keys)
    }

    async fn increment(&self, bucket: Bucket, key: String, delta: i64, least: i64) -> Done<i64> {
        let about = of_key(&bucket, &key);
        let doing = async {
            check_writable(&bucket)?;
            check_key(&key)?;
            let write = move |db: &_| key_value::increment(db, &bucket.name, &key, delta, least);
            Ok(self.write(write).await??)
        };
        self.calls
            .observe(Call::KeyValueIncrement, || about, doing)
            .await
    }

    async fn compare(&self, bucket: Bucket, key: String) -> Done<CompareAndSwap> {
        let seen = self.get(bucket.clone(), key.clone()).await?;
        let seen = seen.map(|value| Digest::of(&value));
        Ok(CompareAndSwap { bucket, key, seen })
    }

    /// The other one inside is what to compare with next, where somebody else was first.
    async fn swap(&self, cas: CompareAndSwap, value: Vec<u8>) -> Done<Result<(), CompareAndSwap>> {
        let about = of_key(&cas.bucket, &cas.key);
        let doing = async {
            check_writable(&cas.bucket)?;
            check_value(&value)?;
            let held = self.under_way.hold(value.len())?;
            let CompareAndSwap { bucket, key, seen } = cas.clone();
            let write =
                move |db: &_| key_value::compare_and_swap(db, &bucket.name, &key, seen, &value);
            let swapped = self.write_held(held, write).await?;
            Ok(swapped.map_err(|seen| CompareAndSwap { seen, ..cas }))
        };
        self.calls
            .observe(Call::KeyValueSwap, || about, doing)
            .await
    }

    /// Values in the order of the keys.
    async fn get_many(
        &self,
        bucket: Bucket,
        keys: Vec<String>,
    ) -> Done<Vec<(String, Option<Vec<u8>>)>> {
        let about = format!("{}: {} keys", bucket.name, keys.len());
        let doing = async {
            check_count(keys.len())?;
            keys.iter().try_for_each(|key| check_key(key))?;
            let under_way = self.under_way.clone();
            let read = move |db: &_| {
                let mut bytes = 0;
                let mut found = Vec::with_capacity(keys.len());
                for key in keys {
                    let value = key_value::get(db, &bucket.name, &key)?;
                    bytes += value.as_ref().map_or(0, Vec::len);
                    if bytes > HOSTCALL_BYTES_MAX {
                        return Ok(Err(KeyValueError::ValuesTooLong));
                    }
                    found.push((key, value));
                }
                let held = under_way.hold(bytes);
                Ok(held.map(|held| (found, held)).map_err(KeyValueError::from))
            };
            let (found, _held) = self.read(read).await??;
            Ok(found)
        };
        self.calls.observe(Call::KeyValueGet, || about, doing).await
    }

    async fn set_many(&self, bucket: Bucket, pairs: Vec<(String, Vec<u8>)>) -> Done<()> {
        let about = format!("{}: {} keys", bucket.name, pairs.len());
        let doing = async {
            check_writable(&bucket)?;
            check_count(pairs.len())?;
            for (key, value) in &pairs {
                check_key(key)?;
                check_value(value)?;
            }
            let bytes = pairs.iter().map(|(_, value)| value.len()).sum();
            let held = self.under_way.hold(bytes)?;
            let write = move |db: &_| {
                let set =
                    |(key, value): &(String, Vec<u8>)| key_value::set(db, &bucket.name, key, value);
                pairs.iter().try_for_each(set)
            };
            self.write_held(held, write).await
        };
        self.calls.observe(Call::KeyValueSet, || about, doing).await
    }

    async fn delete_many(&self, bucket: Bucket, keys: Vec<String>) -> Done<()> {
        let about = format!("{}: {} keys", bucket.name, keys.len());
        let doing = async {
            check_writable(&bucket)?;
            check_count(keys.len())?;
            keys.iter().try_for_each(|key| check_key(key))?;
            let write = move |db: &_| {
                let delete = |key: &String| key_value::delete(db, &bucket.name, key).map(|_| ());
                keys.iter().try_for_each(delete)
            };
            self.write(write).await
        };
        self.calls
            .observe(Call::KeyValueDelete, || about, doing)
            .await
    }
}

/// What a call is about.
fn of_key(bucket: &Bucket, key: &str) -> String {
    // It has not been checked yet.
    format!("{}/{}", bucket.name, calls::cut(key, CALL_DETAIL_BYTES_MAX))
}

fn cut(mut keys: Vec<String>, limit: u32) -> Page {
    let more = keys.len() > limit as usize;
    keys.truncate(limit as usize);
    (keys, more)
}

fn check_writable(bucket: &Bucket) -> Done<()> {
    match bucket.access {
        Access::ReadWrite => Ok(()),
        Access::Read => Err(KeyValueError::AccessDenied),
    }
}

fn check_key(key: &str) -> Done<()> {
    match key.len() {
        0 => Err(KeyValueError::EmptyKey),
        bytes if bytes > KEY_BYTES_MAX => Err(KeyValueError::KeyTooLong(bytes)),
        _ => Ok(()),
    }
}

fn check_value(value: &[u8]) -> Done<()> {
    match value.len() {
        bytes if bytes > VALUE_BYTES_MAX => Err(KeyValueError::ValueTooLong(bytes)),
        _ => Ok(()),
    }
}

fn check_count(keys: usize) -> Done<()> {
    match keys > BATCH_KEYS_MAX {
        true => Err(KeyValueError::TooManyKeys(keys)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::task::yield_now;

    use super::*;
    use crate::limits::UNDER_WAY_BYTES_MAX;

    #[tokio::test]
    async fn what_a_cancelled_call_leaves_to_the_writer_is_still_counted() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        let under_way = UnderWay::default();
        let context = KeyValueContext {
            database: database.clone(),
            grants: Arc::default(),
            under_way: under_way.clone(),
            calls: Calls::for_tests(),
        };
        let (release, released) = std::sync::mpsc::channel::<()>();
        let mut holding = Box::pin(database.write(move |_| {
            // Ends when the other side goes.
            let _ = released.recv();
            Ok(())
        }));
        assert!(poll!(&mut holding).is_pending());
        let bucket = Bucket {
            name: "default".to_owned(),
            access: Access::ReadWrite,
        };
        let mut call = Box::pin(context.set(bucket, "key".to_owned(), vec![0; VALUE_BYTES_MAX]));
        assert!(poll!(&mut call).is_pending());
        // Its task, on this only thread, hands the value over.
        yield_now().await;
        drop(call);
        yield_now().await;
        assert!(under_way.hold(UNDER_WAY_BYTES_MAX).is_err());
        drop(release);
        holding.await.expect("written");
        database.write(|_| Ok(())).await.expect("written");
        assert!(under_way.hold(UNDER_WAY_BYTES_MAX).is_ok());
    }
}
