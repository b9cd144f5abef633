//! Messages of functions on their way to the external broker: bounded, in their order, and each gone with the one who waits
//! for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::{Notify, oneshot};

use crate::broker::PublishError;
use crate::limits::{UPSTREAM_QUEUE_BYTES_MAX, UPSTREAM_QUEUE_MAX};
use crate::message::Message;

/// What waits to be published, and what is being published.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// There is something to publish.
    pub(super) arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<u64, Posted>,
    next: u64,
    /// With those that are being published.
    count: usize,
    bytes: usize,
    is_closed: bool,
}

/// A message to publish.
pub(super) struct Posted {
    pub(super) message: Message,
    number: u64,
    answer: oneshot::Sender<Result<(), PublishError>>,
}

/// Keeps the place of a message, for as long as somebody waits for it.
struct Ticket<'a> {
    outbox: &'a Outbox,
    number: u64,
    bytes: usize,
}

impl Outbox {
    /// Returns when the message was published, or it is known that it will not be. Whoever gives up waiting takes it out,
    /// unless it is on its way already.
    pub(super) async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let (answer, answered) = oneshot::channel();
        let ticket = self.post(message, answer)?;
        self.arrived.notify_one();
        let answer = answered.await;
        drop(ticket);
        answer.unwrap_or(Err(PublishError::Stopped))
    }

    fn post(
        &self,
        message: Message,
        answer: oneshot::Sender<Result<(), PublishError>>,
    ) -> Result<Ticket<'_>, PublishError> {
        let bytes = message.bytes();
        let mut state = self.state();
        if state.is_closed {
            return Err(PublishError::Stopped);
        }
        let fits = state.count < UPSTREAM_QUEUE_MAX
            && (state.bytes + bytes <= UPSTREAM_QUEUE_BYTES_MAX || state.count == 0);
        if !fits {
            return Err(PublishError::UpstreamFull);
        }
        state.count += 1;
        state.bytes += bytes;
        let number = state.next;
        state.next += 1;
        let posted = Posted {
            message,
            number,
            answer,
        };
        state.waiting.insert(number, posted);
        Ok(Ticket {
            outbox: self,
            number,
            bytes,
        })
    }

    /// The next message to publish.
    pub(super) fn take(&self) -> Option<Posted> {
        let (_, posted) = self.state().waiting.pop_first()?;
        Some(posted)
    }

    /// A message was not published after all: it is the next one again, in its order.
    pub(super) fn put_back(&self, posted: Posted) {
        let mut state = self.state();
        if state.is_closed || posted.answer.is_closed() {
            // Dropped, which tells the one who waits.
            return;
        }
        state.waiting.insert(posted.number, posted);
        drop(state);
        self.arrived.notify_one();
    }

    /// Messages that wait, or are being published.
    pub(super) fn len(&self) -> usize {
        self.state().count
    }

    /// Nothing is published any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.waiting.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Posted {
    /// Tells the one who waits.
    pub(super) fn answer(self, answer: Result<(), PublishError>) {
        let _ = self.answer.send(answer);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.outbox.state();
        state.waiting.remove(&self.number);
        state.count -= 1;
        state.bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;
    use crate::message::QoS;

    fn message(payload: Vec<u8>) -> Message {
        Message::new(
            "a".parse().expect("a topic"),
            payload.into(),
            QoS::AtLeastOnce,
        )
    }

    #[tokio::test]
    async fn a_message_is_gone_with_the_one_who_waits_for_it() {
        let outbox = Outbox::default();
        let mut first = Box::pin(outbox.publish(message(vec![1])));
        let mut second = Box::pin(outbox.publish(message(vec![2])));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(outbox.len(), 1);
        let posted = outbox.take().expect("the second one");
        assert_eq!(posted.message.payload, vec![2]);
        assert!(outbox.take().is_none());
        outbox.put_back(posted);
        outbox.take().expect("it again").answer(Ok(()));
        assert_eq!(second.await, Ok(()));
        assert_eq!(outbox.len(), 0);
    }

    #[tokio::test]
    async fn a_message_too_many_is_refused_and_nothing_is_taken_after_the_end() {
        let outbox = Outbox::default();
        let mut waiting: Vec<_> = (0..UPSTREAM_QUEUE_MAX)
            .map(|_| Box::pin(outbox.publish(message(Vec::new()))))
            .collect();
        for publish in &mut waiting {
            assert!(poll!(publish).is_pending());
        }
        let refused = outbox.publish(message(Vec::new())).await;
        assert_eq!(refused, Err(PublishError::UpstreamFull));
        drop(waiting.pop());
        let mut next = Box::pin(outbox.publish(message(Vec::new())));
        assert!(poll!(&mut next).is_pending());
        outbox.close();
        assert_eq!(next.await, Err(PublishError::Stopped));
        let late = outbox.publish(message(Vec::new())).await;
        assert_eq!(late, Err(PublishError::Stopped));
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_one_large_message_always_fits() {
        let outbox = Outbox::default();
        let large = || message(vec![0; UPSTREAM_QUEUE_BYTES_MAX]);
        let mut first = Box::pin(outbox.publish(large()));
        assert!(poll!(&mut first).is_pending());
        assert_eq!(
            outbox.publish(large()).await,
            Err(PublishError::UpstreamFull)
        );
    }
}
