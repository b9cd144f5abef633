//! The body of a response, as it comes: each piece within a time, and all of it while its invocation may last.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::Error;

use super::error;

/// A response's body that fails when nothing comes for too long. Its guest may have passed it on and be gone.
pub(super) struct TimedBody {
    incoming: Incoming,
    between_bytes: Duration,
    until: Instant,
    alarm: Pin<Box<Sleep>>,
    /// Whether the alarm is set: time counts while the guest waits, not while it does something else.
    waiting: bool,
}

impl TimedBody {
    pub(super) fn new(incoming: Incoming, between_bytes: Duration, until: Instant) -> TimedBody {
        TimedBody {
            incoming,
            between_bytes,
            until,
            alarm: Box::pin(sleep(between_bytes)),
            waiting: false,
        }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let now = Instant::now();
        if now >= self.until {
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.waiting = false;
            return Poll::Ready(
                frame.map(|frame| frame.map_err(|failed| error::of_exchange(&failed))),
            );
        }
        if !self.waiting {
            self.waiting = true;
            let deadline = self.until.min(now + self.between_bytes);
            self.alarm.as_mut().reset(deadline);
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
