//! `spin:key-value/key-value@3.0.0`. A label is the name of a bucket.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, Resource, StreamProducer, StreamReader, StreamResult,
    VecBuffer,
};

use super::{Answer, Done, HasKeyValue, KeyValueContext, KeyValueError, KeyValueView, Page};
use crate::bindings::foreign_async::spin::key_value::key_value::{
    Error, Host, HostStore, HostStoreWithStore,
};
use crate::limits::STREAM_KEYS_PAGE;
use crate::model::bucket::Bucket;

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Error {
        match error {
            KeyValueError::AccessDenied => Error::AccessDenied,
            KeyValueError::TooManyHandles => Error::StoreTableFull,
            error => Error::Other(error.to_string()),
        }
    }
}

impl Host for KeyValueView<'_> {}

impl HostStore for KeyValueView<'_> {
    fn drop(&mut self, handle: Resource<Bucket>) -> wasmtime::Result<()> {
        self.close(handle)
    }
}

type Store<T> = Accessor<T, HasKeyValue>;

/// What a call needs of the store, which it does not hold while it waits.
fn opened<T>(
    store: &Store<T>,
    handle: &Resource<Bucket>,
) -> wasmtime::Result<(KeyValueContext, Bucket)> {
    store.with(|mut access| {
        let view = access.get();
        Ok((view.context.clone(), view.bucket(handle)?))
    })
}

impl<T: Send + 'static> HostStoreWithStore<T> for HasKeyValue {
    async fn open(store: &Store<T>, label: String) -> Answer<Resource<Bucket>, Error> {
        let opened = store.with(|mut access| access.get().open(label));
        Ok(opened.map_err(Error::from))
    }

    async fn get(
        store: &Store<T>,
        handle: Resource<Bucket>,
        key: String,
    ) -> Answer<Option<Vec<u8>>, Error> {
        let (context, bucket) = opened(store, &handle)?;
        Ok(context.get(bucket, key).await.map_err(Error::from))
    }

    async fn set(
        store: &Store<T>,
        handle: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<(), Error> {
        let (context, bucket) = opened(store, &handle)?;
        Ok(context.set(bucket, key, value).await.map_err(Error::from))
    }

    async fn delete(store: &Store<T>, handle: Resource<Bucket>, key: String) -> Answer<(), Error> {
        let (context, bucket) = opened(store, &handle)?;
        Ok(context.delete(bucket, key).await.map_err(Error::from))
    }

    async fn exists(
        store: &Store<T>,
        handle: Resource<Bucket>,
        key: String,
    ) -> Answer<bool, Error> {
        let (context, bucket) = opened(store, &handle)?;
        Ok(context.exists(bucket, key).await.map_err(Error::from))
    }

    async fn get_keys(
        store: &Store<T>,
        handle: Resource<Bucket>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let (context, bucket) = opened(store, &handle)?;
        let (ended, end) = oneshot::channel();
        let keys = Keys {
            context,
            bucket,
            after: None,
            reading: None,
            ended: Some(ended),
        };
        // A guest that drops the stream has all the keys that it wanted.
        let end = async { wasmtime::error::Ok(end.await.unwrap_or(Ok(()))) };
        store.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            Ok((keys, FutureReader::new(&mut access, end)?))
        })
    }
}

/// Reads keys from storage as they are read from the stream: a page at a time, and none while nobody reads.
struct Keys {
    context: KeyValueContext,
    bucket: Bucket,
    /// The last key that was read.
    after: Option<String>,
    reading: Option<Pin<Box<dyn Future<Output = Done<Page>> + Send>>>,
    /// Told at the end, and then gone.
    ended: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Keys {
    fn end(&mut self, how: Result<(), Error>) -> StreamResult {
        if let Some(ended) = self.ended.take() {
            // The guest may not be interested.
            let _ = ended.send(how);
        }
        StreamResult::Dropped
    }

    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Done<Page>> {
        let reading = self.reading.get_or_insert_with(|| {
            let (context, bucket, after) = (
                self.context.clone(),
                self.bucket.clone(),
                self.after.clone(),
            );
            Box::pin(async move { context.page(bucket, after, STREAM_KEYS_PAGE).await })
        });
        let page = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        Poll::Ready(page)
    }
}

impl<D> StreamProducer<D> for Keys {
    type Item = String;
    type Buffer = VecBuffer<String>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, String, VecBuffer<String>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let keys = self.get_mut();
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        Poll::Ready(Ok(match keys.poll_page(cx) {
            Poll::Pending if finish => {
                keys.reading = None;
                StreamResult::Cancelled
            }
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => keys.end(Err(error.into())),
            Poll::Ready(Ok((page, more))) => {
                keys.after = page.last().cloned();
                destination.set_buffer(page.into());
                match more {
                    true => StreamResult::Completed,
                    false => keys.end(Ok(())),
                }
            }
        }))
    }
}
