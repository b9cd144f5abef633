//! A connection that closes without destroying what it has just said.
//!
//! A server that answers before it has read the whole request, as with 413, and then closes, makes the kernel reset
//! the connection: the client sees that instead of the answer. So after shutting down its writing side, this one reads
//! and discards what still comes, within bounds (RFC 9112, section 9.6).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::{LINGER_BYTES_MAX, LINGER_IDLE_TIMEOUT, LINGER_TIMEOUT};

/// A stream that lingers when it is shut down.
pub(super) struct Lingering<S> {
    stream: S,
    discarding: Option<Discarding>,
}

struct Discarding {
    bytes_left: usize,
    end: Instant,
    idle: Pin<Box<Sleep>>,
}

impl<S> Lingering<S> {
    /// Wraps a stream.
    pub(super) fn new(stream: S) -> Lingering<S> {
        Lingering {
            stream,
            discarding: None,
        }
    }
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Ready when the client has closed, has said nothing for a while, or goes on for too long.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let discarding = self.discarding.get_or_insert_with(|| Discarding {
            bytes_left: LINGER_BYTES_MAX,
            end: Instant::now() + LINGER_TIMEOUT,
            idle: Box::pin(sleep(LINGER_IDLE_TIMEOUT)),
        });
        let mut chunk = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut chunk);
            let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            let bytes = buffer.filled().len();
            match read {
                Poll::Pending => return discarding.idle.as_mut().poll(context),
                Poll::Ready(Ok(())) if bytes > 0 && bytes <= discarding.bytes_left => {
                    discarding.bytes_left -= bytes;
                    let deadline = Instant::now() + LINGER_IDLE_TIMEOUT;
                    discarding.idle.as_mut().reset(deadline.min(discarding.end));
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.discarding.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        self.poll_discard(context).map(Ok)
    }
}
