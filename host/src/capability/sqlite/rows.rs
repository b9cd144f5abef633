//! Rows that wait to be read from a stream. They are in memory: a guest that does not read on holds up nobody, and what
//! it leaves unread is bounded.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::vec::IntoIter;

use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use crate::limits::SQL_UNREAD_BYTES_MAX;

/// Rows handed to the guest's stream at a time.
const BATCH: usize = 64;

/// A part of what an invocation may leave unread, until it is dropped.
pub(super) struct Unread {
    total: Arc<AtomicUsize>,
    bytes: usize,
}

impl Unread {
    /// Adds to the total, if there is room.
    pub(super) fn hold(total: Arc<AtomicUsize>, bytes: usize) -> Option<Unread> {
        let add = |held: usize| {
            held.checked_add(bytes)
                .filter(|sum| *sum <= SQL_UNREAD_BYTES_MAX)
        };
        total
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .ok()?;
        Some(Unread { total, bytes })
    }

    /// The rows as what a stream reads from.
    pub(super) fn stream<R>(self, rows: Vec<R>) -> RowStream<R> {
        RowStream {
            rows: rows.into_iter(),
            _held: self,
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a stream reads from.
pub(super) struct RowStream<R> {
    rows: IntoIter<R>,
    _held: Unread,
}

impl<R, D> StreamProducer<D> for RowStream<R>
where
    R: Send + Sync + Unpin + 'static,
{
    type Item = R;
    type Buffer = VecBuffer<R>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, R, VecBuffer<R>>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let batch: Vec<R> = self.rows.by_ref().take(BATCH).collect();
        destination.set_buffer(batch.into());
        Poll::Ready(Ok(match self.rows.len() {
            0 => StreamResult::Dropped,
            _ => StreamResult::Completed,
        }))
    }
}
