//! HTTP bodies on their way into and out of a guest: counted, bounded, and tied to their invocation.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiBody};

use super::invoker::Verdict;
use crate::model::outcome::Outcome;

/// A request body that ends with an error beyond a number of bytes.
pub(super) struct LimitedBody<B> {
    inner: B,
    bytes_left: u64,
    exceeded: Arc<AtomicBool>,
}

impl<B> LimitedBody<B> {
    /// The body, and a flag that is raised when it is larger than `bytes_max`.
    pub(super) fn new(inner: B, bytes_max: u64) -> (LimitedBody<B>, Arc<AtomicBool>) {
        let exceeded = Arc::new(AtomicBool::new(false));
        (
            LimitedBody {
                inner,
                bytes_left: bytes_max,
                exceeded: exceeded.clone(),
            },
            exceeded,
        )
    }
}

impl<B> Body for LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match std::task::ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => {
                tracing::debug!(%error, "a request body ended early");
                return Poll::Ready(Some(Err(Error::from(ErrorCode::ConnectionTerminated))));
            }
            Some(Ok(frame)) => frame,
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        if bytes > self.bytes_left {
            self.exceeded.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Error::from(ErrorCode::HttpRequestBodySize(None)))));
        }
        self.bytes_left -= bytes;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a function answers with. Dropped before its end, it cancels its invocation: the client went away.
pub struct FunctionBody {
    inner: WasiBody,
    bytes_max: u64,
    bytes_sent: u64,
    /// Bytes still announced by the response's `content-length`; none where there is no such header.
    announced: Option<u64>,
    verdict: Verdict,
    /// Raised when the guest has failed: what looks like the body's end then is none.
    failed: Arc<AtomicBool>,
    cancel: Option<AbortHandle>,
    /// The end, or an error, has been passed on.
    ended: bool,
}

/// Why a response body ended before its end. The client sees the connection close.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More than the function may send.
    #[error("the response body is larger than its limit")]
    TooLarge,
    /// The guest gave its body up.
    #[error("the function gave its response up: {0}")]
    Guest(Error),
    /// The guest failed before its body had ended.
    #[error("the function failed before its response had ended")]
    Failed,
}

impl FunctionBody {
    pub(super) fn new(
        inner: WasiBody,
        announced: Option<u64>,
        bytes_max: u64,
        verdict: Verdict,
        failed: Arc<AtomicBool>,
        cancel: AbortHandle,
    ) -> FunctionBody {
        FunctionBody {
            inner,
            bytes_max,
            bytes_sent: 0,
            announced,
            verdict,
            failed,
            cancel: Some(cancel),
            ended: false,
        }
    }

    /// For an answer whose body nobody reads to its end: leaves the invocation alone when dropped.
    pub(super) fn detach(&mut self) {
        self.cancel = None;
    }

    fn count(&mut self, bytes: u64) -> Result<(), BodyError> {
        self.bytes_sent += bytes;
        if self.bytes_sent > self.bytes_max {
            self.verdict.is(Outcome::ResponseTooLarge(self.bytes_max));
            return Err(BodyError::TooLarge);
        }
        self.announced = self
            .announced
            .map(|announced| announced.saturating_sub(bytes));
        if self.announced == Some(0) {
            // A server that has sent all that was announced does not ask for the end.
            self.detach();
        }
        Ok(())
    }
}

impl Body for FunctionBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match std::task::ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.ended = true;
                return Poll::Ready(Some(Err(BodyError::Guest(error))));
            }
            None => {
                self.ended = true;
                return Poll::Ready(
                    self.failed
                        .swap(false, Ordering::AcqRel)
                        .then_some(Err(BodyError::Failed)),
                );
            }
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        Poll::Ready(Some(self.count(bytes).map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for FunctionBody {
    fn drop(&mut self) {
        if self.ended || self.inner.is_end_stream() {
            return;
        }
        match self.cancel.take() {
            Some(cancel) => cancel.abort(),
            // Nobody reads on, as after the head of an answer to HEAD. The guest is not to notice.
            None => {
                let bytes_left = self.bytes_max.saturating_sub(self.bytes_sent);
                let rest = discard(mem::take(&mut self.inner), bytes_left);
                // Without a runtime there is no guest any more either.
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(rest);
                }
            }
        }
    }
}

/// Reads a body to its end, which comes with its invocation's at the latest, or until it has been too large.
async fn discard(mut body: WasiBody, mut bytes_left: u64) {
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match bytes_left.checked_sub(bytes) {
            Some(left) => bytes_left = left,
            None => break,
        }
    }
}
