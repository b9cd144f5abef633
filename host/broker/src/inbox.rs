//! The inbox of a function: the messages that it has not handled yet.
//!
//! ```text
//! router -> lines (one for each topic, in order) -> ready -> Arrival -> handled | tried again later | given up
//! ```
//!
//! Messages of one topic are handled one after another, unless the filter says otherwise; different topics in parallel. A
//! message that fails holds up its own topic only. The inbox is bounded by count and bytes: beyond them, publishers are not
//! acknowledged. Whoever runs the function takes an [`Arrival`] with [`Inbox::next`] and says what became of it.

mod arrival;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

pub use self::arrival::Arrival;
use crate::delivery::{Delivery, LazyReceipt, NewDelivery, Publication};
use crate::limits::{HOPS_MAX, INBOX_BYTES_MAX, INBOXES_BYTES_MAX};
use crate::message::{QoS, from_unix_ms, unix_ms};
use crate::spool::Spool;
use crate::store::{DeadLetterRecord, InboxRecord, MessageId, TakerId};
use crate::topic::{TopicFilter, TopicName};

/// The inbox of a function.
pub struct Inbox {
    pub(crate) taker: TakerId,
    function: Arc<str>,
    spool: Arc<Spool>,
    budget: Arc<InboxBudget>,
    arrived: Notify,
    state: Mutex<State>,
}

/// A topic filter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxFilter {
    /// Which topics.
    pub filter: TopicFilter,
    /// The highest level of delivery: 0 or 1.
    pub qos: QoS,
    /// Whether messages of one topic wait for one another.
    pub in_order: InOrder,
}

/// Whether messages of one topic wait for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InOrder {
    /// One after another for each topic.
    PerTopic,
    /// All in parallel.
    No,
}

/// Bytes that wait in all inboxes together.
#[derive(Default)]
pub(crate) struct InboxBudget(AtomicUsize);

#[derive(Default)]
struct State {
    /// By numbers that count up, so that old ones and new ones can be there side by side for a moment.
    filters: BTreeMap<usize, InboxFilter>,
    next_filter: usize,
    count_max: usize,
    /// Messages in it, those being handled and those that there is room kept for among them.
    count: usize,
    bytes: usize,
    lines: HashMap<LineKey, VecDeque<Arc<Delivery>>>,
    /// Lines whose first message is to be handled now.
    ready: VecDeque<LineKey>,
    /// Lines whose first message is to be tried again, by when.
    retries: BTreeMap<(Instant, MessageId), LineKey>,
    waiting: Waiting,
    figures: InboxFigures,
    is_closed: bool,
}

/// Who waits for room, each once, in the order in which they came.
#[derive(Default)]
struct Waiting {
    queue: VecDeque<Arc<Notify>>,
    /// By address; what is in the queue keeps it from being anybody else's.
    present: HashSet<usize>,
}

/// What waits for one another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum LineKey {
    Topic(TopicName),
    /// A message that waits for no other one.
    Alone(MessageId),
}

/// Counts of one inbox since the start of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct InboxFigures {
    /// QoS 0 messages that were dropped because it was full.
    pub dropped: u64,
    /// Messages that expired while they waited.
    pub expired: u64,
    /// Messages that became dead letters.
    pub dead_letters: u64,
}

/// What an inbox holds.
#[derive(Clone, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct InboxSnapshot {
    /// The function.
    pub function: String,
    /// Messages that wait or are being handled.
    pub depth: usize,
    /// Their bytes, about.
    pub bytes: usize,
    /// Of them, those whose last attempt failed.
    pub failing: usize,
    /// When the oldest of them arrived, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// Counts since the start of the host.
    #[serde(flatten)]
    pub figures: InboxFigures,
}

/// An inbox that has no room.
pub(crate) struct Full(pub(crate) Arc<Inbox>);

impl Inbox {
    pub(crate) fn new(
        taker: TakerId,
        function: Arc<str>,
        spool: Arc<Spool>,
        budget: Arc<InboxBudget>,
    ) -> Arc<Inbox> {
        Arc::new(Inbox {
            taker,
            function,
            spool,
            budget,
            arrived: Notify::new(),
            state: Mutex::default(),
        })
    }

    /// The function whose inbox it is.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The next message to handle. One caller at a time.
    pub async fn next(self: &Arc<Inbox>) -> Arrival {
        loop {
            let arrived = self.arrived.notified();
            let due = match self.take_next() {
                Ok(arrival) => return arrival,
                Err(due) => due,
            };
            let pause = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = arrived => {}
                () = pause => {}
            }
        }
    }

    /// The next message or, where there is none, when one is due again.
    fn take_next(self: &Arc<Inbox>) -> Result<Arrival, Option<Instant>> {
        let mut state = self.state();
        let now = Instant::now();
        while let Some(entry) = state.retries.first_entry()
            && entry.key().0 <= now
        {
            let key = entry.remove();
            state.ready.push_back(key);
        }
        while let Some(key) = state.ready.pop_front() {
            let Some(delivery) = state.lines.get(&key).and_then(VecDeque::front).cloned() else {
                continue;
            };
            let message = &delivery.publication.message;
            if message.expires.is_some() && message.is_expired(SystemTime::now()) {
                state.figures.expired += 1;
                self.spool.settle(&delivery);
                self.finish(&mut state, &key, &delivery);
                continue;
            }
            return Ok(Arrival {
                inbox: self.clone(),
                delivery,
                key,
                began: SystemTime::now(),
                is_open: true,
            });
        }
        Err(state.retries.first_key_value().map(|((due, _), _)| *due))
    }

    /// The function is there, with room for this many messages.
    pub(crate) fn open(&self, count_max: usize) {
        let mut state = self.state();
        state.count_max = count_max;
        state.is_closed = false;
        state.waiting.wake_all();
    }

    /// Adds filters; each with its number.
    pub(crate) fn add(&self, filters: &[InboxFilter]) -> Vec<(usize, TopicFilter)> {
        let mut state = self.state();
        let mut added = Vec::with_capacity(filters.len());
        for filter in filters {
            let number = state.next_filter;
            state.next_filter += 1;
            added.push((number, filter.filter.clone()));
            state.filters.insert(number, filter.clone());
        }
        added
    }

    /// Its filters, by number.
    pub(crate) fn filters(&self) -> BTreeMap<usize, InboxFilter> {
        self.state().filters.clone()
    }

    /// Whether its filter of this number is one of these.
    pub(crate) fn has_one_of(&self, filter: usize, wanted: &[TopicFilter]) -> bool {
        let state = self.state();
        let filter = state.filters.get(&filter);
        filter.is_some_and(|filter| wanted.contains(&filter.filter))
    }

    /// Takes a filter away that nothing comes for any more.
    pub(crate) fn remove(&self, filter: usize) {
        self.state().filters.remove(&filter);
    }

    /// As the store is to have it.
    pub(crate) fn record(&self, filters: Vec<TopicFilter>) -> InboxRecord {
        InboxRecord {
            taker: self.taker,
            function: self.function.to_string(),
            filters,
        }
    }

    /// Keeps room for a message, or has its sender woken when there is some.
    pub(crate) fn reserve(self: &Arc<Inbox>, bytes: usize, wake: &Arc<Notify>) -> Result<(), Full> {
        let mut state = self.state();
        let fits = state.count < state.count_max.max(1)
            && (state.bytes + bytes <= INBOX_BYTES_MAX || state.count == 0)
            && self.budget.take(bytes);
        if !fits {
            state.waiting.push(wake);
            return Err(Full(self.clone()));
        }
        state.count += 1;
        state.bytes += bytes;
        Ok(())
    }

    /// Gives back what was reserved and is not needed.
    pub(crate) fn release(&self, bytes: usize) {
        let mut state = self.state();
        self.give_back(&mut state, bytes);
    }

    /// Takes a message in, for which room was kept.
    pub(crate) fn offer(
        &self,
        publication: &Arc<Publication>,
        filter: usize,
        retain: bool,
        receipt: Option<&mut LazyReceipt<'_>>,
    ) {
        let mut state = self.state();
        let Some(wanted) = state.filters.get(&filter).cloned() else {
            // It was renamed or removed a moment ago.
            self.give_back(&mut state, publication.message.bytes());
            return;
        };
        // One that goes round is to become a dead letter, whatever its level.
        let is_loop = publication.message.hops >= HOPS_MAX;
        let qos = publication.message.qos.min(wanted.qos);
        let new = NewDelivery {
            publication: publication.clone(),
            taker: self.taker,
            qos,
            retain,
            identifiers: Box::default(),
            packet_id: None,
            filter: Some(wanted.filter),
            receipt: None,
            stored: None,
        };
        if qos == QoS::AtMostOnce && !is_loop {
            let delivery = Delivery::volatile(new);
            self.enqueue(&mut state, delivery, wanted.in_order);
            return;
        }
        let delivery = Delivery::new(NewDelivery {
            receipt: receipt.map(LazyReceipt::share),
            ..new
        });
        self.spool.deliver(&delivery);
        self.enqueue(&mut state, delivery, wanted.in_order);
    }

    /// Puts back what the store has, at start.
    pub(crate) fn restore(&self, delivery: Arc<Delivery>) {
        let mut state = self.state();
        let bytes = delivery.publication.message.bytes();
        state.count += 1;
        state.bytes += bytes;
        self.budget.take_anyway(bytes);
        let attempts = delivery.attempts().clone();
        // Whether its filter is one that keeps the order is not known before its function is there: it does no harm.
        let key = LineKey::Topic(delivery.publication.message.topic.clone());
        let line = state.lines.entry(key.clone()).or_default();
        line.push_back(delivery.clone());
        if line.len() > 1 {
            return;
        }
        // The clock may have gone back: no longer than it was to be.
        let asked = attempts.last_ms.zip(attempts.due_ms);
        let asked = asked.map(|(last, due)| u64::try_from(due - last).unwrap_or_default());
        let asked = Duration::from_millis(asked.unwrap_or_default());
        let wait = attempts
            .due_ms
            .map(|due| from_unix_ms(due).duration_since(SystemTime::now()));
        match wait {
            Some(Ok(wait)) => {
                let due = Instant::now() + wait.min(asked);
                state.retries.insert((due, delivery.publication.id), key);
            }
            _ => state.ready.push_back(key),
        }
    }

    /// A dead letter is tried again, as a first attempt. Returns when it is on disk as such.
    pub(crate) async fn revive(
        &self,
        publication: Arc<Publication>,
        filter: TopicFilter,
        qos: QoS,
    ) {
        let bytes = publication.message.bytes();
        let delivery = Delivery::new(NewDelivery {
            publication,
            taker: self.taker,
            qos: qos.max(QoS::AtLeastOnce),
            retain: false,
            identifiers: Box::default(),
            packet_id: None,
            filter: Some(filter),
            receipt: None,
            stored: None,
        });
        let wake = Arc::new(Notify::new());
        let mut receipt = LazyReceipt::new(&wake);
        {
            let mut state = self.state();
            state.count += 1;
            state.bytes += bytes;
            self.budget.take_anyway(bytes);
            self.spool.revive(&delivery, receipt.share());
            self.enqueue(&mut state, delivery, InOrder::PerTopic);
        }
        receipt.done().await;
    }

    /// Takes everything out; what is being handled is not tried again.
    pub(crate) fn clear(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.ready.clear();
        state.retries.clear();
        for delivery in mem::take(&mut state.lines).into_values().flatten() {
            self.spool.settle(&delivery);
            self.give_back(&mut state, delivery.publication.message.bytes());
        }
    }

    /// How many messages wait or are being handled, and its counts: at once, however many there are.
    pub fn counts(&self) -> (usize, InboxFigures) {
        let state = self.state();
        (state.count, state.figures)
    }

    /// What it holds.
    pub fn snapshot(&self) -> InboxSnapshot {
        let state = self.state();
        let deliveries = || state.lines.values().flatten();
        InboxSnapshot {
            function: self.function.to_string(),
            depth: state.count,
            bytes: state.bytes,
            failing: deliveries()
                .filter(|delivery| delivery.attempts().failed > 0)
                .count(),
            oldest_ms: deliveries()
                .map(|delivery| delivery.publication.id >> 20)
                .min(),
            figures: state.figures,
        }
    }

    fn enqueue(&self, state: &mut State, delivery: Arc<Delivery>, in_order: InOrder) {
        let key = match in_order {
            InOrder::PerTopic => LineKey::Topic(delivery.publication.message.topic.clone()),
            InOrder::No => LineKey::Alone(delivery.publication.id),
        };
        let line = state.lines.entry(key.clone()).or_default();
        line.push_back(delivery);
        if line.len() == 1 {
            state.ready.push_back(key);
            self.arrived.notify_one();
        }
    }

    /// The first message of a line is done with: the next one may go.
    fn finish(&self, state: &mut State, key: &LineKey, delivery: &Arc<Delivery>) {
        let Some(line) = state.lines.get_mut(key) else {
            return;
        };
        if !line
            .front()
            .is_some_and(|first| Arc::ptr_eq(first, delivery))
        {
            return;
        }
        line.pop_front();
        if line.is_empty() {
            state.lines.remove(key);
            if state.lines.capacity() > 4 * state.lines.len() + 1024 {
                state.lines.shrink_to_fit();
            }
        } else {
            state.ready.push_back(key.clone());
            self.arrived.notify_one();
        }
        self.give_back(state, delivery.publication.message.bytes());
    }

    fn bury(&self, state: &mut State, delivery: &Arc<Delivery>, reason: String, began: SystemTime) {
        state.figures.dead_letters += 1;
        let attempts = delivery.attempts().clone();
        let record = DeadLetterRecord {
            taker: self.taker,
            message: delivery.publication.id,
            filter: delivery
                .filter
                .clone()
                .expect("an inbox's delivery has one"),
            qos: delivery.qos,
            reason,
            attempts: attempts.failed + 1,
            first_ms: attempts.first_ms.or(Some(unix_ms(began))),
            last_ms: unix_ms(SystemTime::now()),
        };
        self.spool.dead_letter(delivery, record);
    }

    fn give_back(&self, state: &mut State, bytes: usize) {
        state.count = state.count.saturating_sub(1);
        state.bytes = state.bytes.saturating_sub(bytes);
        self.budget.give_back(bytes);
        // One for a place: the others would find it taken.
        state.waiting.wake_one();
    }

    pub(crate) fn drop_one(&self) {
        self.state().figures.dropped += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Waiting {
    fn push(&mut self, wake: &Arc<Notify>) {
        if self.present.insert(Arc::as_ptr(wake) as usize) {
            self.queue.push_back(wake.clone());
        }
    }

    fn wake_one(&mut self) {
        if let Some(first) = self.queue.pop_front() {
            self.present.remove(&(Arc::as_ptr(&first) as usize));
            first.notify_one();
        }
    }

    fn wake_all(&mut self) {
        while !self.queue.is_empty() {
            self.wake_one();
        }
    }
}

impl InboxBudget {
    fn take(&self, bytes: usize) -> bool {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= INBOXES_BYTES_MAX;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn take_anyway(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}
