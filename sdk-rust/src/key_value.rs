//! Key-value state in buckets.
//!
//! A function needs a grant for each bucket it opens: `#[http_handler(bucket = "readings")]`.
//! Invocations run side by side, so a value that is read, changed and written back belongs in [`Bucket::update`] or
//! [`Bucket::increment`], which lose no change.

use std::fmt;

use crate::bindings::wasi::keyvalue::{atomics, batch, store};

/// How often [`Bucket::update`] tries before it gives up: far more writers than a host runs at once.
const UPDATE_ATTEMPTS_MAX: u32 = 1000;

/// An open bucket.
pub struct Bucket {
    inner: store::Bucket,
    name: String,
}

/// Opens a bucket by its name.
pub fn open(name: &str) -> Result<Bucket, Error> {
    let inner = store::open(name).map_err(|error| Error::of(error, name))?;
    Ok(Bucket {
        inner,
        name: name.to_owned(),
    })
}

impl Bucket {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(key).map_err(|error| self.error(error))
    }

    /// The value of a key as text; bytes that are not UTF-8 become U+FFFD.
    pub fn get_text(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self
            .get(key)?
            .map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    /// Sets a key, durably.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.inner
            .set(key, value.as_ref())
            .map_err(|error| self.error(error))
    }

    /// Deletes a key; one that is not there is no error.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.inner.delete(key).map_err(|error| self.error(error))
    }

    /// Whether a key has a value.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        self.inner.exists(key).map_err(|error| self.error(error))
    }

    /// All keys in byte order. For buckets of many keys use [`keys_page`](Bucket::keys_page).
    pub fn keys(&self) -> Result<Vec<String>, Error> {
        let (mut keys, mut cursor) = self.keys_page(None)?;
        while let Some(from) = cursor {
            let (more, next) = self.keys_page(Some(&from))?;
            keys.extend(more);
            cursor = next;
        }
        Ok(keys)
    }

    /// Some keys in byte order, and the cursor that gives the next, if there are more.
    pub fn keys_page(&self, cursor: Option<&str>) -> Result<(Vec<String>, Option<String>), Error> {
        let page = self
            .inner
            .list_keys(cursor)
            .map_err(|error| self.error(error))?;
        Ok((page.keys, page.cursor))
    }

    /// Adds to a decimal number kept as text and returns the sum; a missing key counts as 0.
    pub fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        atomics::increment(&self.inner, key, delta).map_err(|error| self.error(error))
    }

    /// Replaces a key's value by what `change` makes of it, and returns the new value. Where somebody else changed the
    /// value meanwhile, `change` is called again with theirs.
    pub fn update(
        &self,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let mut read = self.compare_and_swap(key)?;
        for _ in 0..UPDATE_ATTEMPTS_MAX {
            let value = change(read.current()?.as_deref());
            match read.swap(&value)? {
                Swap::Done => return Ok(value),
                Swap::Changed(now) => read = now,
            }
        }
        Err(Error::Contended {
            bucket: self.name.clone(),
            key: key.to_owned(),
        })
    }

    /// Reads a key in order to replace its value only if nobody else does so first.
    pub fn compare_and_swap(&self, key: &str) -> Result<Cas, Error> {
        let inner = atomics::Cas::new(&self.inner, key).map_err(|error| self.error(error))?;
        Ok(Cas {
            inner,
            bucket: self.name.clone(),
        })
    }

    /// The values of several keys, in their order.
    pub fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let entries =
            batch::get_many(&self.inner, &owned(keys)).map_err(|error| self.error(error))?;
        Ok(entries.into_iter().map(|(_, value)| value).collect())
    }

    /// Sets several keys: all of them or, on an error, none.
    pub fn set_many(&self, entries: &[(&str, &[u8])]) -> Result<(), Error> {
        let entries: Vec<_> = entries
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_vec()))
            .collect();
        batch::set_many(&self.inner, &entries).map_err(|error| self.error(error))
    }

    /// Deletes several keys: all of them or, on an error, none.
    pub fn delete_many(&self, keys: &[&str]) -> Result<(), Error> {
        batch::delete_many(&self.inner, &owned(keys)).map_err(|error| self.error(error))
    }

    fn error(&self, error: store::Error) -> Error {
        Error::of(error, &self.name)
    }
}

/// A value as it was read, to be replaced only if nobody else did so meanwhile.
pub struct Cas {
    inner: atomics::Cas,
    bucket: String,
}

/// How a [`Cas::swap`] went.
pub enum Swap {
    /// The value was replaced.
    Done,
    /// Somebody else came first; this holds what the value is now.
    Changed(Cas),
}

impl Cas {
    /// The value as it was read.
    pub fn current(&self) -> Result<Option<Vec<u8>>, Error> {
        self.inner
            .current()
            .map_err(|error| Error::of(error, &self.bucket))
    }

    /// Replaces the value unless it has changed since.
    pub fn swap(self, value: impl AsRef<[u8]>) -> Result<Swap, Error> {
        match atomics::swap(self.inner, value.as_ref()) {
            Ok(()) => Ok(Swap::Done),
            Err(atomics::CasError::CasFailed(inner)) => Ok(Swap::Changed(Cas {
                inner,
                bucket: self.bucket,
            })),
            Err(atomics::CasError::StoreError(error)) => Err(Error::of(error, &self.bucket)),
        }
    }
}

/// Why the key-value state could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no such bucket.
    NoSuchBucket(String),
    /// The function was not granted the bucket, or only for reading.
    AccessDenied(String),
    /// Others kept changing the key.
    Contended {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// Anything else, in the host's words.
    Host(String),
}

impl Error {
    fn of(error: store::Error, bucket: &str) -> Self {
        match error {
            store::Error::NoSuchStore => Error::NoSuchBucket(bucket.to_owned()),
            store::Error::AccessDenied => Error::AccessDenied(bucket.to_owned()),
            store::Error::Other(text) => Error::Host(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoSuchBucket(bucket) => write!(f, "there is no bucket `{bucket}`"),
            Error::AccessDenied(bucket) => write!(f, "access to bucket `{bucket}` is not granted"),
            Error::Contended { bucket, key } => {
                write!(f, "key `{key}` in bucket `{bucket}` kept changing")
            }
            Error::Host(text) => write!(f, "{text}"),
        }
    }
}

impl std::error::Error for Error {}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| key.to_string()).collect()
}

#[cfg(test)]
mod tests;
