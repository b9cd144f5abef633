//! Somebody who looks on: the terminal's and the dashboard's view of what is published. It holds up nobody: what it does
//! not take in time is counted and left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::delivery::Publication;
use crate::message::Message;

/// Messages that may wait for one who looks on.
const WAITING_MAX: usize = 256;

/// The router's end.
pub(crate) struct Tap {
    sender: mpsc::Sender<Arc<Publication>>,
    missed: AtomicU64,
}

/// The end of the one who looks on. See [`crate::Broker::tap`].
pub struct TapReader {
    receiver: mpsc::Receiver<Arc<Publication>>,
    tap: Arc<Tap>,
    /// Takes the tap out of the router.
    pub(crate) on_drop: Option<Box<dyn FnOnce() + Send>>,
}

impl Tap {
    pub(crate) fn new() -> (Arc<Tap>, TapReader) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let tap = Arc::new(Tap {
            sender,
            missed: AtomicU64::new(0),
        });
        let reader = TapReader {
            receiver,
            tap: tap.clone(),
            on_drop: None,
        };
        (tap, reader)
    }

    pub(crate) fn offer(&self, publication: &Arc<Publication>) {
        if self.sender.try_send(publication.clone()).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl TapReader {
    /// The next message.
    pub async fn next(&mut self) -> Message {
        match self.receiver.recv().await {
            Some(publication) => publication.message.clone(),
            // The sender lives as long as this reader's tap.
            None => std::future::pending().await,
        }
    }

    /// How many messages were left out since it was asked last.
    pub fn missed(&self) -> u64 {
        self.tap.missed.swap(0, Ordering::Relaxed)
    }
}

impl Drop for TapReader {
    fn drop(&mut self) {
        if let Some(end) = self.on_drop.take() {
            end();
        }
    }
}
