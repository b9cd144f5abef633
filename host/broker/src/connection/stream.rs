//! The bytes of a connection: reading without a buffer while nothing comes, writing what there is, and closing so that the
//! last words arrive.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};

use crate::transport::Stream;

/// A connection's stream and what was read from it and not used yet.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    pub(crate) buffer: BytesMut,
    /// Whether something was written and not flushed: streams that are not plain sockets hold bytes back.
    is_dirty: bool,
}

/// What has happened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Io {
    Read,
    Written,
    End,
}

/// Bytes that are read at once.
const READ_BYTES: usize = 32 * 1024;

thread_local! {
    /// A connection needs a buffer only when there is something to read; so all connections of a thread share one.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Wire {
        Wire {
            stream,
            buffer: BytesMut::new(),
            is_dirty: false,
        }
    }

    /// Writes some of `out` or reads something, whichever can be done first.
    pub(crate) async fn progress(&mut self, out: &mut BytesMut, may_read: bool) -> io::Result<Io> {
        poll_fn(|context| self.poll_progress(context, out, may_read)).await
    }

    fn poll_progress(
        &mut self,
        context: &mut Context<'_>,
        out: &mut BytesMut,
        may_read: bool,
    ) -> Poll<io::Result<Io>> {
        if !out.is_empty() {
            if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, out) {
                let written = written?;
                if written == 0 {
                    return Poll::Ready(Ok(Io::End));
                }
                out.advance(written);
                if out.is_empty() {
                    *out = BytesMut::new();
                }
                self.is_dirty = true;
                return Poll::Ready(Ok(Io::Written));
            }
        } else if self.is_dirty && Pin::new(&mut self.stream).poll_flush(context)?.is_ready() {
            self.is_dirty = false;
        }
        if !may_read {
            return Poll::Pending;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Ok(Io::End)),
                Poll::Ready(Ok(())) => {
                    self.buffer.extend_from_slice(read.filled());
                    Poll::Ready(Ok(Io::Read))
                }
            }
        })
    }

    /// Gives the buffer back when everything in it was used.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Writes what is left, closes this side, and discards what still comes: a socket that is closed with something unread
    /// would be reset, and what was written with it.
    pub(crate) async fn linger(&mut self, out: &mut BytesMut) {
        if self.stream.write_all(out).await.is_err() || self.stream.shutdown().await.is_err() {
            return;
        }
        let mut nothing = BytesMut::new();
        while matches!(
            self.progress(&mut nothing, true).await,
            Ok(Io::Read | Io::Written)
        ) {
            self.buffer = BytesMut::new();
        }
    }
}
