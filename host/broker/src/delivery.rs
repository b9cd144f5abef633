//! A message on its way: what was routed, who it is delivered to, and who waits for that.
//!
//! ```text
//!            handled in time                     Done
//! Pending --------------------------------------->^
//!    | taken into a commit                        |
//!    v                                            |
//! Storing --committed--> Stored --handled---------+  (and is deleted)
//! ```
//!
//! A delivery's share of its message's [`Receipt`] is confirmed when it is handled or stored, whichever comes first.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::message::{Message, QoS};
use crate::store::{AttemptsRecord, DeliveryRecord, MessageId, TakerId};
use crate::topic::TopicFilter;

/// A message that was routed; all its takers share it.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) id: MessageId,
    pub(crate) message: Message,
    /// The session that published it, for subscriptions that do not want their own messages; 0 for none.
    pub(crate) publisher: TakerId,
}

/// A message that must survive until its taker has handled it.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) publication: Arc<Publication>,
    pub(crate) taker: TakerId,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: Box<[u32]>,
    pub(crate) packet_id: Option<u16>,
    pub(crate) filter: Option<TopicFilter>,
    progress: AtomicU8,
    /// See [`DeliveryRecord::is_released`]; 1 when it is.
    released: AtomicU8,
    attempts: Mutex<AttemptsRecord>,
    pub(crate) receipt: Option<Arc<Receipt>>,
    /// Who waits for it to be stored: a session that may not send it before.
    pub(crate) stored: Option<Arc<Notify>>,
}

/// What is new about a delivery.
pub(crate) struct NewDelivery {
    pub(crate) publication: Arc<Publication>,
    pub(crate) taker: TakerId,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: Box<[u32]>,
    pub(crate) packet_id: Option<u16>,
    pub(crate) filter: Option<TopicFilter>,
    pub(crate) receipt: Option<Arc<Receipt>>,
    pub(crate) stored: Option<Arc<Notify>>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Progress {
    /// It waits for the next commit, or to be handled before.
    Pending,
    /// It is in a commit that has not ended.
    Storing,
    /// It is on disk.
    Stored,
    /// It was handled.
    Done,
    /// It was handled while it was in a commit.
    DoneStoring,
    /// It is not stored at all: a QoS 0 message of an inbox.
    Volatile,
}

/// What follows from a delivery's being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settling {
    /// Nothing: it is not on disk.
    Nothing,
    /// It is to be deleted.
    Delete,
}

impl Delivery {
    /// A delivery that the spool is to store. It takes over one share of the receipt.
    pub(crate) fn new(new: NewDelivery) -> Arc<Delivery> {
        Delivery::with(new, Progress::Pending)
    }

    /// A delivery that is only in memory.
    pub(crate) fn volatile(new: NewDelivery) -> Arc<Delivery> {
        Delivery::with(new, Progress::Volatile)
    }

    /// A delivery that the store has.
    pub(crate) fn stored(new: NewDelivery, record: &DeliveryRecord) -> Arc<Delivery> {
        let delivery = Delivery::with(new, Progress::Stored);
        delivery
            .released
            .store(record.is_released.into(), Ordering::Relaxed);
        *delivery.attempts() = record.attempts.clone();
        delivery
    }

    fn with(new: NewDelivery, progress: Progress) -> Arc<Delivery> {
        Arc::new(Delivery {
            publication: new.publication,
            taker: new.taker,
            qos: new.qos,
            retain: new.retain,
            identifiers: new.identifiers,
            packet_id: new.packet_id,
            filter: new.filter,
            progress: AtomicU8::new(progress as u8),
            released: AtomicU8::new(0),
            attempts: Mutex::default(),
            receipt: new.receipt,
            stored: new.stored,
        })
    }

    /// As the store is to have it.
    pub(crate) fn record(&self) -> DeliveryRecord {
        DeliveryRecord {
            taker: self.taker,
            message: self.publication.id,
            qos: self.qos,
            retain: self.retain,
            identifiers: self.identifiers.to_vec(),
            packet_id: self.packet_id,
            is_released: self.is_released(),
            filter: self.filter.clone(),
            attempts: self.attempts().clone(),
        }
    }

    /// How often it was tried.
    pub(crate) fn attempts(&self) -> std::sync::MutexGuard<'_, AttemptsRecord> {
        self.attempts.lock().expect("no holder of this lock panics")
    }

    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed) == 1
    }

    /// The client has it; PUBREL is all that is left.
    pub(crate) fn release(&self) {
        self.released.store(1, Ordering::Relaxed);
    }

    /// Whether it is kept in memory only.
    pub(crate) fn is_volatile(&self) -> bool {
        self.progress.load(Ordering::Acquire) == Progress::Volatile as u8
    }

    /// Whether it is on disk.
    pub(crate) fn is_stored(&self) -> bool {
        self.progress.load(Ordering::Acquire) == Progress::Stored as u8
    }

    /// Whether it was handled before any commit had it.
    pub(crate) fn is_done(&self) -> bool {
        self.progress.load(Ordering::Acquire) == Progress::Done as u8
    }

    /// Whether it is on disk, or in a commit.
    pub(crate) fn is_being_stored(&self) -> bool {
        let progress = self.progress.load(Ordering::Acquire);
        [Progress::Storing as u8, Progress::Stored as u8].contains(&progress)
    }

    /// It goes into a commit, unless it was handled already.
    pub(crate) fn begin_storing(&self) -> bool {
        self.advance(Progress::Pending, Progress::Storing)
    }

    /// The commit has succeeded. Whether it was handled meanwhile, so that it is to be deleted again.
    pub(crate) fn end_storing(&self) -> Settling {
        if self.advance(Progress::Storing, Progress::Stored) {
            self.confirm();
            if let Some(stored) = &self.stored {
                stored.notify_one();
            }
            return Settling::Nothing;
        }
        self.progress.store(Progress::Done as u8, Ordering::Release);
        Settling::Delete
    }

    /// Its taker has handled it.
    pub(crate) fn settle(&self) -> Settling {
        loop {
            if self.advance(Progress::Stored, Progress::Done) {
                return Settling::Delete;
            }
            if self.advance(Progress::Pending, Progress::Done)
                || self.advance(Progress::Storing, Progress::DoneStoring)
            {
                self.confirm();
                return Settling::Nothing;
            }
            let progress = self.progress.load(Ordering::Acquire);
            let over = [Progress::Done, Progress::DoneStoring, Progress::Volatile];
            if over.iter().any(|over| *over as u8 == progress) {
                return Settling::Nothing;
            }
        }
    }

    /// It has become a dead letter, which is on disk in its place.
    pub(crate) fn replace(&self) {
        if self.progress.swap(Progress::Done as u8, Ordering::AcqRel) != Progress::Stored as u8 {
            self.confirm();
        }
    }

    fn advance(&self, from: Progress, to: Progress) -> bool {
        let (from, to) = (from as u8, to as u8);
        let exchanged =
            self.progress
                .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        exchanged.is_ok()
    }

    fn confirm(&self) {
        if let Some(receipt) = &self.receipt {
            receipt.confirm();
        }
    }
}

/// Counts what has to happen before a message, or another packet, is acknowledged.
#[derive(Debug)]
pub(crate) struct Receipt {
    left: AtomicU32,
    wake: Arc<Notify>,
}

/// A receipt that is made when the first share of it is needed: most messages need none.
pub(crate) struct LazyReceipt<'a> {
    wake: &'a Arc<Notify>,
    receipt: Option<Arc<Receipt>>,
}

impl Receipt {
    /// One share of it has been done.
    pub(crate) fn confirm(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.wake.notify_one();
        }
    }

    /// Whether all of it has been done.
    pub(crate) fn is_complete(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }
}

impl<'a> LazyReceipt<'a> {
    /// Nothing is to be waited for yet. Whoever waits is woken through `wake`.
    pub(crate) fn new(wake: &'a Arc<Notify>) -> LazyReceipt<'a> {
        LazyReceipt {
            wake,
            receipt: None,
        }
    }

    /// More is to be waited for before this receipt is complete; it is not complete yet.
    pub(crate) fn joining(receipt: &Arc<Receipt>, wake: &'a Arc<Notify>) -> LazyReceipt<'a> {
        receipt.left.fetch_add(1, Ordering::Relaxed);
        LazyReceipt {
            wake,
            receipt: Some(receipt.clone()),
        }
    }

    /// One more thing to be waited for.
    pub(crate) fn share(&mut self) -> Arc<Receipt> {
        let receipt = self.receipt.get_or_insert_with(|| {
            // The first share is this one's own: it is not complete before everything is shared out.
            Arc::new(Receipt {
                left: AtomicU32::new(1),
                wake: self.wake.clone(),
            })
        });
        receipt.left.fetch_add(1, Ordering::Relaxed);
        receipt.clone()
    }

    /// Everything has been shared out; returns when all of it has been done. Nobody else is to wait on the same `wake`.
    pub(crate) async fn done(self) {
        let wake = self.wake;
        if let Some(receipt) = self.finish() {
            while !receipt.is_complete() {
                wake.notified().await;
            }
        }
    }

    /// Everything has been shared out: what is to be waited for, if there is anything.
    pub(crate) fn finish(self) -> Option<Arc<Receipt>> {
        let receipt = self.receipt?;
        (receipt.left.fetch_sub(1, Ordering::AcqRel) > 1).then_some(receipt)
    }
}
