//! A session: what a client has subscribed to, what waits for it, and what it has not acknowledged.
//!
//! It outlives its connections (MQTT 5, section 4.1). A connection takes what waits with [`Session::take`], and hands over
//! the client's acknowledgements. Everything in here is guarded by one lock, held for a few operations in memory.
//!
//! Packet ids: a QoS 2 message that must survive has an odd one, for good, given out when it was routed, so that the client
//! knows it again after a restart of the host. All others have even ones, given out when they are sent.

mod outgoing;
mod registry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::delivery::{Delivery, LazyReceipt, NewDelivery, Publication, Receipt};
use crate::limits::{SESSION_QUEUE_BYTES_MAX, SESSION_QUEUE_MAX, STUCK_AFTER};
use crate::message::{Message, QoS, unix_ms};
use crate::packet::{ReasonCode, Will};
use crate::shared::Group;
use crate::spool::Spool;
use crate::store::{SessionRecord, SubscriptionRecord, TakerId};

pub(crate) use outgoing::{Acknowledged, Outgoing};
pub(crate) use registry::{Attached, Budget, Registry, Request, Share};

/// A session; its connection and the router share it.
pub(crate) struct Session {
    pub(crate) taker: TakerId,
    pub(crate) client_id: Arc<str>,
    /// The identity that the client id belongs to.
    pub(crate) identity: Option<Arc<str>>,
    /// Wakes its connection: something waits, or was stored.
    pub(crate) wake: Arc<Notify>,
    /// Whether the store has it.
    stored: AtomicBool,
    state: Mutex<State>,
}

/// The one connection that a session may have.
pub(crate) struct Link {
    /// Why it is to end.
    ended: OnceLock<ReasonCode>,
    must_look: AtomicBool,
    pub(crate) kick: Notify,
}

/// A subscription's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: Option<u32>,
}

/// What is guarded.
pub(crate) struct State {
    pub(crate) link: Option<Arc<Link>>,
    /// Since when it has no connection.
    pub(crate) offline_since: Option<Instant>,
    /// How long it is kept without one, in seconds; `u32::MAX` for ever, 0 for not at all.
    pub(crate) expiry_seconds: u32,
    pub(crate) has_ended: bool,
    /// By filter as the client wrote it.
    pub(crate) subscriptions: HashMap<Arc<str>, Options>,
    pub(crate) will: Option<Will>,
    /// When the will is due, after the connection's end.
    pub(crate) will_due: Option<Instant>,
    /// QoS 1 and 2 messages that were not sent yet, in their order.
    queue: VecDeque<Queued>,
    /// QoS 0 messages.
    volatile: VecDeque<Queued>,
    queued_bytes: usize,
    /// By packet id.
    inflight: HashMap<u16, Inflight>,
    /// Their packet ids in the order of sending.
    order: BTreeMap<u64, u16>,
    /// Where a resumed connection is in sending them again; none when all were.
    resend_from: Option<u64>,
    /// Those that [`Inflight::is_on_wire`].
    on_wire: usize,
    /// When the client acknowledged something, or was sent something with nothing before it.
    last_progress: Instant,
    /// Counts what was sent.
    sent: u64,
    /// The packet id that was given out last, of the even ones.
    last_packet_id: u16,
    /// The QoS 2 message that must survive and was routed last.
    last_exactly_once: u16,
    /// Those that the store had at start: none of them is given out again, as it may be anywhere among those that wait.
    restored_ids: HashSet<u16>,
    /// What the sessions of the same identity hold together.
    share: Arc<Share>,
    /// Packet ids of QoS 2 messages that were received and not released, with what their PUBREC waits for.
    pub(crate) received: HashMap<u16, Option<Arc<Receipt>>>,
    pub(crate) figures: Figures,
}

/// Counts of one session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Messages that were dropped because its queue was full.
    pub(crate) dropped: u64,
    /// Messages that expired while they waited.
    pub(crate) expired: u64,
}

/// A message that waits.
pub(crate) struct Queued {
    publication: Arc<Publication>,
    qos: QoS,
    retain: bool,
    identifiers: Box<[u32]>,
    /// Of one that must survive.
    delivery: Option<Arc<Delivery>>,
    /// Of a shared subscription.
    group: Option<Arc<Group>>,
}

/// A message that was sent and not acknowledged.
struct Inflight {
    order: u64,
    /// None once the client has it, at QoS 2, and PUBREL is what is left.
    queued: Option<Queued>,
    delivery: Option<Arc<Delivery>>,
    qos: QoS,
    /// Whether it was sent as a PUBLISH on the present connection: what a client's receive maximum counts.
    is_on_wire: bool,
}

/// What the router has for a session.
pub(crate) struct Offer<'a> {
    pub(crate) publication: &'a Arc<Publication>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifiers: Vec<u32>,
    pub(crate) group: Option<&'a Arc<Group>>,
}

impl Link {
    fn new() -> Arc<Link> {
        Arc::new(Link {
            ended: OnceLock::new(),
            must_look: AtomicBool::new(false),
            kick: Notify::new(),
        })
    }

    /// Has the connection look again at what its identity may do.
    pub(crate) fn look(&self) {
        self.must_look.store(true, Ordering::Release);
        self.kick.notify_one();
    }

    /// Whether it has been told to look again.
    pub(crate) fn is_to_look(&self) -> bool {
        self.must_look.swap(false, Ordering::AcqRel)
    }

    /// Ends the connection, for this reason.
    pub(crate) fn end(&self, reason: ReasonCode) {
        self.ended.get_or_init(|| reason);
        self.kick.notify_one();
    }

    /// Why it is to end; none while it goes on.
    pub(crate) fn ended(&self) -> Option<ReasonCode> {
        self.ended.get().copied()
    }
}

impl Session {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Whether the store has it, or is to have it.
    pub(crate) fn is_stored(&self) -> bool {
        self.stored.load(Ordering::Relaxed)
    }

    /// As the store is to have it, from now on.
    pub(crate) fn record(&self, state: &State) -> SessionRecord {
        self.stored.store(true, Ordering::Relaxed);
        let will = state.will.as_ref();
        SessionRecord {
            taker: self.taker,
            client_id: self.client_id.to_string(),
            identity: self.identity.as_deref().map(str::to_owned),
            expiry_seconds: state.expiry_seconds,
            disconnected_ms: state.offline_since.map(|since| {
                let now = SystemTime::now();
                unix_ms(now.checked_sub(since.elapsed()).unwrap_or(now))
            }),
            will: will.map(|will| (will.message.clone(), will.delay_seconds)),
        }
    }

    /// Queues a message for the client. One that does not fit is dropped and counted; whether there was room.
    pub(crate) fn offer(
        &self,
        offer: Offer<'_>,
        receipt: Option<&mut LazyReceipt<'_>>,
        spool: &Spool,
        budget: &Budget,
    ) -> bool {
        let mut state = self.state();
        let is_offline = state.link.is_none();
        if state.has_ended || (is_offline && offer.qos == QoS::AtMostOnce) {
            return true;
        }
        let bytes = offer.publication.message.bytes();
        let waiting = state.queue.len() + state.volatile.len() + state.inflight.len();
        if waiting >= SESSION_QUEUE_MAX
            || state.queued_bytes + bytes > SESSION_QUEUE_BYTES_MAX
            || !budget.take(&state.share, bytes, is_offline)
        {
            state.drop_one(&self.client_id);
            return false;
        }
        state.queued_bytes += bytes;
        let identifiers = offer.identifiers.into_boxed_slice();
        let survives = state.expiry_seconds > 0 && offer.qos > QoS::AtMostOnce;
        let delivery = survives.then(|| {
            let packet_id = (offer.qos == QoS::ExactlyOnce).then(|| state.next_exactly_once());
            let delivery = Delivery::new(NewDelivery {
                publication: offer.publication.clone(),
                taker: self.taker,
                qos: offer.qos,
                retain: offer.retain,
                identifiers: identifiers.clone(),
                packet_id,
                filter: None,
                receipt: receipt.map(LazyReceipt::share),
                stored: packet_id.map(|_| self.wake.clone()),
            });
            spool.deliver(&delivery);
            delivery
        });
        let queued = Queued {
            publication: offer.publication.clone(),
            qos: offer.qos,
            retain: offer.retain,
            identifiers,
            delivery,
            group: offer.group.cloned(),
        };
        if queued.qos == QoS::AtMostOnce {
            state.volatile.push_back(queued);
        } else {
            state.queue.push_back(queued);
        }
        if !is_offline {
            self.wake.notify_one();
        }
        true
    }

    /// Puts back what the store has, at start.
    pub(crate) fn restore(
        &self,
        delivery: Arc<Delivery>,
        budget: &Budget,
        group: Option<Arc<Group>>,
    ) {
        let mut state = self.state();
        let bytes = delivery.publication.message.bytes();
        state.queued_bytes += bytes;
        budget.take_anyway(&state.share, bytes);
        if let Some(packet_id) = delivery.packet_id {
            state.last_exactly_once = packet_id.div_ceil(2);
            state.restored_ids.insert(packet_id);
        }
        match delivery.packet_id.filter(|_| delivery.is_released()) {
            Some(packet_id) => {
                let order = state.next_order();
                let inflight = Inflight {
                    order,
                    queued: None,
                    delivery: Some(delivery),
                    qos: QoS::ExactlyOnce,
                    is_on_wire: false,
                };
                state.order.insert(order, packet_id);
                state.inflight.insert(packet_id, inflight);
            }
            None => state.queue.push_back(Queued::of(&delivery, group)),
        }
    }

    /// Takes away what waits, or is not acknowledged, as the session ends. What shared subscriptions are to give to others is
    /// settled once they have it.
    pub(crate) fn clear(&self, state: &mut State, spool: &Spool, budget: &Budget) -> Vec<PassedOn> {
        let inflight = std::mem::take(&mut state.inflight);
        state.order.clear();
        state.on_wire = 0;
        let mut sent: Vec<Inflight> = inflight.into_values().collect();
        sent.sort_by_key(|inflight| inflight.order);
        let unsent = state.queue.drain(..).chain(state.volatile.drain(..));
        let unsent: Vec<_> = unsent.collect();
        let mut orphans = Vec::new();
        let (had, sent): (Vec<_>, Vec<_>) = sent
            .into_iter()
            .partition(|inflight| inflight.queued.is_none());
        for delivery in had.into_iter().filter_map(|inflight| inflight.delivery) {
            state.give_back(&delivery.publication, budget);
            spool.settle(&delivery);
        }
        let sent = sent.into_iter().filter_map(|sent| {
            // [MQTT-4.8.2-5]: a QoS 2 message that was being sent is nobody else's.
            Some((sent.queued?, sent.qos == QoS::ExactlyOnce))
        });
        for (queued, is_bound) in sent.chain(unsent.into_iter().map(|queued| (queued, false))) {
            state.give_back(&queued.publication, budget);
            match queued.group.filter(|_| !is_bound) {
                Some(group) => orphans.push(PassedOn {
                    group,
                    publication: queued.publication,
                    delivery: queued.delivery,
                }),
                None => {
                    if let Some(delivery) = &queued.delivery {
                        spool.settle(delivery);
                    }
                }
            }
        }
        state.received.clear();
        orphans
    }

    /// The groups of shared subscriptions that messages wait here for.
    pub(crate) fn waiting_groups(&self) -> Vec<Arc<Group>> {
        let state = self.state();
        let mut groups: Vec<Arc<Group>> = Vec::new();
        for group in state
            .queue
            .iter()
            .filter_map(|queued| queued.group.as_ref())
        {
            if !groups.iter().any(|other| Arc::ptr_eq(other, group)) {
                groups.push(group.clone());
            }
        }
        groups
    }

    /// Takes away what waits for these groups and was not sent, for other members to have; it is settled once they do.
    pub(crate) fn take_shared(&self, groups: &[Arc<Group>], budget: &Budget) -> Vec<PassedOn> {
        let is_wanted = |group: &Arc<Group>| groups.iter().any(|other| Arc::ptr_eq(other, group));
        let mut state = self.state();
        let mut taken = Vec::new();
        let mut kept = VecDeque::new();
        for queued in std::mem::take(&mut state.queue) {
            match &queued.group {
                Some(group) if is_wanted(group) => {
                    state.give_back(&queued.publication, budget);
                    taken.push(PassedOn {
                        group: group.clone(),
                        publication: queued.publication,
                        delivery: queued.delivery,
                    });
                }
                _ => kept.push_back(queued),
            }
        }
        state.queue = kept;
        taken
    }

    /// Takes away what waits and is not wanted any more.
    pub(crate) fn keep_only(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        spool: &Spool,
        budget: &Budget,
    ) {
        let mut state = self.state();
        let queues = [
            std::mem::take(&mut state.queue),
            std::mem::take(&mut state.volatile),
        ];
        let mut keep = |queue: VecDeque<Queued>| {
            let mut kept = VecDeque::new();
            for queued in queue {
                match is_wanted(queued.publication.message.topic.as_str()) {
                    true => kept.push_back(queued),
                    false => state.discard(&queued, spool, budget),
                }
            }
            kept
        };
        let [queue, volatile] = queues.map(&mut keep);
        state.queue = queue;
        state.volatile = volatile;
    }

    /// How much waits for the client: for a shared subscription's choice among its members.
    pub(crate) fn backlog(&self) -> Backlog {
        let state = self.state();
        Backlog {
            is_online: state.link.is_some(),
            is_stuck: state.is_stuck(),
            messages: state.queue.len() + state.inflight.len(),
            has_ended: state.has_ended,
        }
    }
}

/// A message that another member of a shared subscription is to have.
pub(crate) struct PassedOn {
    pub(crate) group: Arc<Group>,
    pub(crate) publication: Arc<Publication>,
    /// What was stored for the member that it waited for.
    pub(crate) delivery: Option<Arc<Delivery>>,
}

/// See [`Session::backlog`].
pub(crate) struct Backlog {
    pub(crate) is_online: bool,
    /// Whether it has not acknowledged for a while what it was sent.
    pub(crate) is_stuck: bool,
    pub(crate) messages: usize,
    pub(crate) has_ended: bool,
}

impl Queued {
    fn of(delivery: &Arc<Delivery>, group: Option<Arc<Group>>) -> Queued {
        Queued {
            publication: delivery.publication.clone(),
            qos: delivery.qos,
            retain: delivery.retain,
            identifiers: delivery.identifiers.clone(),
            delivery: Some(delivery.clone()),
            group,
        }
    }
}

impl State {
    pub(crate) fn new(expiry_seconds: u32) -> State {
        State {
            link: None,
            offline_since: None,
            expiry_seconds,
            has_ended: false,
            subscriptions: HashMap::new(),
            will: None,
            will_due: None,
            queue: VecDeque::new(),
            volatile: VecDeque::new(),
            queued_bytes: 0,
            inflight: HashMap::new(),
            order: BTreeMap::new(),
            resend_from: None,
            on_wire: 0,
            last_progress: Instant::now(),
            sent: 0,
            last_packet_id: 0,
            last_exactly_once: 0,
            restored_ids: HashSet::new(),
            share: Arc::default(),
            received: HashMap::new(),
            figures: Figures::default(),
        }
    }

    /// Whether it has ended, or its time without a connection has passed.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let kept = Duration::from_secs(self.expiry_seconds.into());
        let has_expired = |since: Instant| now.saturating_duration_since(since) >= kept;
        self.has_ended || self.offline_since.is_some_and(has_expired)
    }

    /// Whether the client has not acknowledged for a while what it was sent.
    pub(crate) fn is_stuck(&self) -> bool {
        self.on_wire > 0 && self.last_progress.elapsed() > STUCK_AFTER
    }

    /// Messages that wait, and those that are not acknowledged.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.queue.len() + self.volatile.len(), self.inflight.len())
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// QoS 0 messages do not wait for a client that is off line.
    pub(crate) fn drop_volatile(&mut self, budget: &Budget) {
        for queued in std::mem::take(&mut self.volatile) {
            self.give_back(&queued.publication, budget);
        }
    }

    fn next_exactly_once(&mut self) -> u16 {
        // Those that wait are fewer than there are ids and were given out one after the other, so that only one that is in
        // flight, or that was there at start, can be met again.
        loop {
            self.last_exactly_once = self.last_exactly_once % 0x7FFF + 1;
            let packet_id = 2 * self.last_exactly_once - 1;
            let is_taken =
                self.inflight.contains_key(&packet_id) || self.restored_ids.contains(&packet_id);
            if !is_taken {
                return packet_id;
            }
        }
    }

    fn next_order(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    fn give_back(&mut self, held: &Publication, budget: &Budget) {
        let bytes = held.message.bytes();
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        budget.give_back(&self.share, bytes);
    }

    fn drop_one(&mut self, client_id: &str) {
        self.figures.dropped += 1;
        // Once in a while: a client that does not come back would fill the log.
        if self.figures.dropped.is_power_of_two() {
            tracing::warn!(
                client = client_id,
                dropped = self.figures.dropped,
                "messages for a session are dropped: its queue is full"
            );
        }
    }
}

impl SubscriptionRecord {
    pub(crate) fn options(&self) -> Options {
        Options {
            qos: self.qos,
            no_local: self.no_local,
            retain_as_published: self.retain_as_published,
            identifier: self.identifier,
        }
    }
}

impl Options {
    pub(crate) fn record(&self, filter: &str) -> SubscriptionRecord {
        SubscriptionRecord {
            filter: filter.to_owned(),
            qos: self.qos,
            no_local: self.no_local,
            retain_as_published: self.retain_as_published,
            identifier: self.identifier,
        }
    }
}

impl Will {
    /// The message to publish now.
    pub(crate) fn due(&self) -> Message {
        Message {
            expires: self.expiry_seconds.map(Message::expires_after),
            ..self.message.clone()
        }
    }
}

/// A number that is never given out again while the host runs.
pub(crate) fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
