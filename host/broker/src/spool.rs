//! What must survive, on its way to the store.
//!
//! Changes wait for each other for a moment (the commit delay) and go into one commit. A delivery that is handled within
//! this time is left out: it never touches the disk. A commit that fails, because the disk is full, is tried again until
//! it succeeds; what waits for it is not acknowledged meanwhile, and queues fill up to their bounds.

use std::collections::{HashMap, HashSet, hash_map};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::delivery::{Delivery, Publication, Receipt, Settling};
use crate::limits::{COMMIT_RETRY_MAX, SETTLED_DELAY, SIFT_AT_LEAST};
use crate::store::{
    Change, DeadLetterRecord, MessageId, Store, StoreError, StoredMessage, TakerId,
};
use crate::topic::TopicName;

/// Collects changes and commits them in groups.
pub(crate) struct Spool {
    store: Arc<dyn Store>,
    delay: Duration,
    queue: Mutex<Queue>,
    wake: Notify,
    is_failing: AtomicBool,
    commits: AtomicU64,
    stored: AtomicU64,
}

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    /// How many of them may be there before those that have become needless are looked for.
    sift_at: usize,
    /// When they are to be committed.
    due: Option<Instant>,
    /// Whether somebody waits for one of them.
    is_awaited: bool,
}

enum Entry {
    Deliver(Arc<Delivery>),
    /// In place of its dead letter.
    Revive(Arc<Delivery>, Arc<Receipt>),
    Update(Arc<Delivery>, Option<Arc<Receipt>>),
    Settled(TakerId, MessageId),
    DeadLetter(Arc<Delivery>, DeadLetterRecord),
    Retained(Arc<Publication>, Option<Arc<Receipt>>),
    Change(Change, Option<Arc<Receipt>>),
}

/// Figures of the spool since the start.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, schemars::JsonSchema)]
pub struct SpoolFigures {
    /// Commits that succeeded.
    pub commits: u64,
    /// Deliveries that were stored.
    pub deliveries_stored: u64,
    /// Changes that wait for the next commit.
    pub waiting: usize,
    /// Whether the last commit failed, and is tried again.
    pub is_failing: bool,
}

impl Spool {
    pub(crate) fn new(store: Arc<dyn Store>, delay: Duration) -> Spool {
        Spool {
            store,
            delay,
            queue: Mutex::default(),
            wake: Notify::new(),
            is_failing: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            stored: AtomicU64::new(0),
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn figures(&self) -> SpoolFigures {
        SpoolFigures {
            commits: self.commits.load(Ordering::Relaxed),
            deliveries_stored: self.stored.load(Ordering::Relaxed),
            waiting: self.queue().entries.len(),
            is_failing: self.is_failing.load(Ordering::Relaxed),
        }
    }

    /// Stores this delivery, unless it is handled before.
    pub(crate) fn deliver(&self, delivery: &Arc<Delivery>) {
        self.push(Entry::Deliver(delivery.clone()));
    }

    /// Stores this delivery in place of its dead letter; the receipt's share is confirmed when that is done.
    pub(crate) fn revive(&self, delivery: &Arc<Delivery>, receipt: Arc<Receipt>) {
        self.push(Entry::Revive(delivery.clone(), receipt));
    }

    /// Stores what has changed about a delivery; the receipt's share is confirmed when that is done.
    pub(crate) fn update(&self, delivery: &Arc<Delivery>, receipt: Option<Arc<Receipt>>) {
        self.push(Entry::Update(delivery.clone(), receipt));
    }

    /// A delivery was handled.
    pub(crate) fn settle(&self, delivery: &Arc<Delivery>) {
        if delivery.settle() == Settling::Delete {
            self.push_lazily(Entry::settled(delivery));
        }
    }

    /// A delivery was given up.
    pub(crate) fn dead_letter(&self, delivery: &Arc<Delivery>, record: DeadLetterRecord) {
        self.push(Entry::DeadLetter(delivery.clone(), record));
    }

    /// Stores a retained message in place of the one on its topic, or that there is none any more if it is empty. Only the
    /// last one of a topic and a commit is written. Without a receipt it may take its time.
    pub(crate) fn retain(&self, publication: &Arc<Publication>, receipt: Option<Arc<Receipt>>) {
        let is_awaited = receipt.is_some();
        let entry = Entry::Retained(publication.clone(), receipt);
        if is_awaited {
            self.push(entry);
        } else {
            self.push_lazily(entry);
        }
    }

    /// Stores a change; the receipt's share is confirmed when that is done.
    pub(crate) fn change(&self, change: Change, receipt: Option<Arc<Receipt>>) {
        self.push(Entry::Change(change, receipt));
    }

    fn push(&self, entry: Entry) {
        let mut queue = self.queue();
        queue.push(entry);
        if !queue.is_awaited {
            queue.is_awaited = true;
            queue.due = Some(Instant::now() + self.delay);
            drop(queue);
            self.wake.notify_one();
        }
    }

    fn push_lazily(&self, entry: Entry) {
        let mut queue = self.queue();
        queue.push(entry);
        if queue.due.is_none() {
            queue.due = Some(Instant::now() + SETTLED_DELAY);
            drop(queue);
            self.wake.notify_one();
        }
    }

    /// Commits what comes, until `stop`; then what is left.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        while self.is_due(&stop).await {
            if !self.commit(&stop).await {
                break;
            }
        }
        while self.queue().due.is_some() {
            if !self.commit(&stop).await {
                tracing::error!("what was not committed yet is lost; none of it was acknowledged");
                return;
            }
        }
    }

    async fn is_due(&self, stop: &CancellationToken) -> bool {
        loop {
            let due = self.queue().due;
            let pause = async {
                match due {
                    Some(due) if due <= Instant::now() => {}
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                () = pause => return true,
                () = self.wake.notified() => {}
            }
        }
    }

    /// Commits what waits, and tries again until it succeeds or is told to stop.
    async fn commit(&self, stop: &CancellationToken) -> bool {
        let entries = self.take();
        let (changes, awaited) = changes_of(entries);
        if !changes.is_empty() {
            let changes: Arc<[Change]> = changes.into();
            let mut pause = Duration::from_millis(50);
            while let Err(error) = self.store.commit(changes.clone()).await {
                self.report(&error);
                if stop.is_cancelled() {
                    return false;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(COMMIT_RETRY_MAX);
            }
            if self.is_failing.swap(false, Ordering::Relaxed) {
                tracing::info!("MQTT state is stored again");
            }
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        self.confirm(awaited);
        true
    }

    fn report(&self, error: &StoreError) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "MQTT state cannot be stored: publishers are not acknowledged until it can");
        }
    }

    fn take(&self) -> Vec<Entry> {
        // All of them, in one commit: a QoS 2 message is on disk with its packet id, or not at all.
        let mut queue = self.queue();
        queue.due = None;
        queue.is_awaited = false;
        mem::take(&mut queue.entries)
    }

    fn confirm(&self, awaited: Vec<Awaited>) {
        for awaited in awaited {
            match awaited {
                Awaited::Stored(delivery) => {
                    self.stored.fetch_add(1, Ordering::Relaxed);
                    if delivery.end_storing() == Settling::Delete {
                        self.push_lazily(Entry::settled(&delivery));
                    }
                }
                Awaited::Replaced(delivery) => delivery.replace(),
                Awaited::Receipt(receipt) => receipt.confirm(),
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder of this lock panics")
    }
}

/// What is told of a commit's success.
enum Awaited {
    Stored(Arc<Delivery>),
    Replaced(Arc<Delivery>),
    Receipt(Arc<Receipt>),
}

impl Queue {
    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if self.entries.len() > self.sift_at.max(SIFT_AT_LEAST) {
            self.sift();
            self.sift_at = 2 * self.entries.len();
        }
    }

    /// Takes out what needs no commit any more: while the disk is full or slow, this is most of it.
    fn sift(&mut self) {
        let mut topics = HashSet::new();
        let mut sessions = HashSet::new();
        let mut entries = mem::take(&mut self.entries);
        entries.reverse();
        entries.retain(|entry| match entry {
            Entry::Deliver(delivery) => !delivery.is_done(),
            // Only the last one of a topic counts, and the last one of a session.
            Entry::Retained(publication, None) => topics.insert(publication.message.topic.clone()),
            Entry::Retained(publication, Some(_)) => {
                topics.insert(publication.message.topic.clone());
                true
            }
            Entry::Change(Change::Session(record), None) => sessions.insert(record.taker),
            _ => true,
        });
        entries.reverse();
        self.entries = entries;
    }
}

impl Entry {
    fn settled(delivery: &Delivery) -> Entry {
        Entry::Settled(delivery.taker, delivery.publication.id)
    }
}

/// Has a delivery stored, unless it was handled already.
fn store(
    delivery: &Arc<Delivery>,
    changes: &mut Vec<Change>,
    awaited: &mut Vec<Awaited>,
    last_message: &mut Option<MessageId>,
) {
    if !delivery.begin_storing() {
        return;
    }
    let publication = &delivery.publication;
    if last_message.replace(publication.id) != Some(publication.id) {
        changes.push(Change::Message(StoredMessage {
            id: publication.id,
            message: publication.message.clone(),
        }));
    }
    changes.push(Change::Delivery(delivery.record()));
    awaited.push(Awaited::Stored(delivery.clone()));
}

fn changes_of(entries: Vec<Entry>) -> (Vec<Change>, Vec<Awaited>) {
    let mut changes = Vec::with_capacity(entries.len());
    let mut awaited = Vec::new();
    let mut last_message = None;
    let mut retained: HashMap<TopicName, usize> = HashMap::new();
    for entry in entries {
        match entry {
            Entry::Deliver(delivery) => {
                store(&delivery, &mut changes, &mut awaited, &mut last_message);
            }
            Entry::Update(delivery, receipt) => {
                // What was handled meanwhile is gone, or about to go.
                if delivery.is_being_stored() {
                    changes.push(Change::Delivery(delivery.record()));
                }
                awaited.extend(receipt.map(Awaited::Receipt));
            }
            Entry::Settled(taker, message) => changes.push(Change::Settled(taker, message)),
            Entry::Revive(delivery, receipt) => {
                let id = delivery.publication.id;
                changes.push(Change::DeadLetterGone(delivery.taker, id));
                awaited.push(Awaited::Receipt(receipt));
                store(&delivery, &mut changes, &mut awaited, &mut last_message);
            }
            Entry::DeadLetter(delivery, record) => {
                changes.push(Change::DeadLetter(record));
                awaited.push(Awaited::Replaced(delivery));
            }
            Entry::Retained(publication, receipt) => {
                let message = &publication.message;
                let change = if message.payload.is_empty() {
                    Change::RetainedCleared(message.topic.to_string())
                } else {
                    Change::Retained(message.clone())
                };
                match retained.entry(message.topic.clone()) {
                    hash_map::Entry::Occupied(place) => changes[*place.get()] = change,
                    hash_map::Entry::Vacant(place) => {
                        place.insert(changes.len());
                        changes.push(change);
                    }
                }
                awaited.extend(receipt.map(Awaited::Receipt));
            }
            Entry::Change(change, receipt) => {
                changes.push(change);
                awaited.extend(receipt.map(Awaited::Receipt));
            }
        }
    }
    (changes, awaited)
}
