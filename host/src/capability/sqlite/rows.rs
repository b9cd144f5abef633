//! Rows that wait to be read from a stream. They are in memory: a guest that does not read on holds up nobody, and what
//! it leaves unread is bounded.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use crate::capability::under_way::Held;

/// Rows handed to the guest's stream at a time.
const BATCH: usize = 64;

/// What a stream reads from.
pub(super) struct RowStream<R> {
    rows: IntoIter<R>,
    _held: Held,
}

impl<R> RowStream<R> {
    pub(super) fn new(rows: Vec<R>, held: Held) -> RowStream<R> {
        RowStream {
            rows: rows.into_iter(),
            _held: held,
        }
    }
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
