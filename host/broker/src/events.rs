//! Who comes and goes, for those who look on. It holds up nobody: a reader that is too slow misses events.

use std::net::SocketAddr;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

/// Events that may wait for a reader.
const WAITING_MAX: usize = 1024;

/// A client came, went, or was not let in.
#[derive(Clone, Debug)]
pub struct BrokerEvent {
    /// Which of these.
    pub kind: EventKind,
    /// Client identifier; none where it is not known.
    pub client_id: Option<String>,
    /// Where it is.
    pub address: SocketAddr,
    /// Over which transport, or why it was not let in.
    pub detail: String,
}

/// What happened to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum EventKind {
    Connected,
    Disconnected,
    Refused,
}

/// The broker's end.
pub(crate) struct Events(Sender<BrokerEvent>);

/// The end of the one who looks on. See [`crate::Broker::events`].
pub struct EventReader(Receiver<BrokerEvent>);

impl Default for Events {
    fn default() -> Events {
        Events(Sender::new(WAITING_MAX))
    }
}

impl Events {
    pub(crate) fn tell(&self, event: impl FnOnce() -> BrokerEvent) {
        if self.0.receiver_count() > 0 {
            // Its only reader may have gone in this moment.
            let _ = self.0.send(event());
        }
    }

    pub(crate) fn read(&self) -> EventReader {
        EventReader(self.0.subscribe())
    }
}

impl EventReader {
    /// The next event. Those that were missed are left out.
    pub async fn next(&mut self) -> BrokerEvent {
        loop {
            match self.0.recv().await {
                Ok(event) => return event,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
