//! `fermyon:spin/key-value`, version 2.0.0 and the one before there were versions. A label is the name of a bucket.

use wasmtime::component::Resource;

use super::{Answer, KeyValueError, KeyValueView};
use crate::bindings::foreign::fermyon::{spin, spin2_0_0 as spin_2};
use crate::model::bucket::Bucket;
use spin::key_value::Error as OldError;
use spin_2::key_value::Error;

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Error {
        match error {
            KeyValueError::AccessDenied => Error::AccessDenied,
            KeyValueError::TooManyHandles => Error::StoreTableFull,
            error => Error::Other(error.to_string()),
        }
    }
}

impl From<KeyValueError> for OldError {
    fn from(error: KeyValueError) -> OldError {
        match error {
            KeyValueError::AccessDenied => OldError::AccessDenied,
            KeyValueError::TooManyHandles => OldError::StoreTableFull,
            error => OldError::Io(error.to_string()),
        }
    }
}

impl spin_2::key_value::Host for KeyValueView<'_> {}

impl spin_2::key_value::HostStore for KeyValueView<'_> {
    async fn open(&mut self, label: String) -> Answer<Resource<Bucket>, Error> {
        Ok(self.open(label).map_err(Error::from))
    }

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

    async fn get_keys(&mut self, handle: Resource<Bucket>) -> Answer<Vec<String>, Error> {
        let bucket = self.bucket(&handle)?;
        Ok(self.context.keys(bucket).await.map_err(Error::from))
    }

    async fn drop(&mut self, handle: Resource<Bucket>) -> wasmtime::Result<()> {
        self.close(handle)
    }
}

impl KeyValueView<'_> {
    /// The bucket of a store's number, which the guest may have made up.
    fn numbered(&self, store: u32) -> Result<Bucket, OldError> {
        self.bucket(&Resource::new_own(store))
            .map_err(|_| OldError::InvalidStore)
    }
}

impl spin::key_value::Host for KeyValueView<'_> {
    async fn open(&mut self, name: String) -> Answer<u32, OldError> {
        let opened = self.open(name).map_err(OldError::from);
        Ok(opened.map(|handle| handle.rep()))
    }

    async fn get(&mut self, store: u32, key: String) -> Answer<Vec<u8>, OldError> {
        let bucket = match self.numbered(store) {
            Ok(bucket) => bucket,
            Err(error) => return Ok(Err(error)),
        };
        Ok(match self.context.get(bucket, key).await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(OldError::NoSuchKey),
            Err(error) => Err(error.into()),
        })
    }

    async fn set(&mut self, store: u32, key: String, value: Vec<u8>) -> Answer<(), OldError> {
        Ok(match self.numbered(store) {
            Ok(bucket) => {
                let set = self.context.set(bucket, key, value);
                set.await.map_err(OldError::from)
            }
            Err(error) => Err(error),
        })
    }

    async fn delete(&mut self, store: u32, key: String) -> Answer<(), OldError> {
        Ok(match self.numbered(store) {
            Ok(bucket) => {
                let delete = self.context.delete(bucket, key);
                delete.await.map_err(OldError::from)
            }
            Err(error) => Err(error),
        })
    }

    async fn exists(&mut self, store: u32, key: String) -> Answer<bool, OldError> {
        Ok(match self.numbered(store) {
            Ok(bucket) => {
                let exists = self.context.exists(bucket, key);
                exists.await.map_err(OldError::from)
            }
            Err(error) => Err(error),
        })
    }

    async fn get_keys(&mut self, store: u32) -> Answer<Vec<String>, OldError> {
        Ok(match self.numbered(store) {
            Ok(bucket) => self.context.keys(bucket).await.map_err(OldError::from),
            Err(error) => Err(error),
        })
    }

    async fn close(&mut self, store: u32) -> wasmtime::Result<()> {
        // Closing what is not open has no effect. The table would drop whatever has this number before it looks what
        // that is.
        if self.numbered(store).is_ok() {
            self.table.delete(Resource::<Bucket>::new_own(store))?;
        }
        Ok(())
    }
}
