//! From a message to its takers.
//!
//! Routing happens in the task of whoever publishes, under a read lock: publishers do not wait for one another. Subscribing
//! takes the write lock, and queues retained messages under it, so that a subscriber has them before what is published
//! after, and nothing twice.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::SystemTime;

use tokio::sync::Notify;

use crate::delivery::{LazyReceipt, Publication};
use crate::inbox::{Full, Inbox};
use crate::message::{Message, QoS, unix_ms};
use crate::retained::Retained;
use crate::session::{Budget, Offer, Options, PassedOn, Session};
use crate::shared::Group;
use crate::spool::Spool;
use crate::store::{MessageId, TakerId};
use crate::topic::TopicFilter;
use crate::topics::Topics;
use crate::tree::{Matches, Subscriber, Tree};

/// Knows who gets what.
pub(crate) struct Router {
    tree: RwLock<Tree>,
    retained: Mutex<Retained>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) budget: Budget,
    last_message: AtomicI64,
    pub(crate) figures: RouterFigures,
    pub(crate) topics: Topics,
}

/// Counts since the start.
#[derive(Default)]
pub(crate) struct RouterFigures {
    pub(crate) received: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) unmatched: AtomicU64,
    pub(crate) retained_refused: AtomicU64,
}

/// Why a message was not routed.
pub(crate) enum NotRouted {
    /// The inbox of a function is full; whoever publishes is woken when there is room.
    Full,
    /// There is no room for another retained message.
    RetainedFull,
}

/// A session's subscription as it is wanted.
pub(crate) struct Wanted {
    /// As the client wrote it.
    pub(crate) text: Arc<str>,
    pub(crate) filter: TopicFilter,
    /// Of a shared subscription.
    pub(crate) group: Option<Box<str>>,
    pub(crate) options: Options,
}

/// What becomes of a message that is to be retained when there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetainedFull {
    /// It goes nowhere, and its publisher is told.
    Refuse,
    /// It is delivered all the same, as nobody can be told.
    Deliver,
}

/// Whether retained messages are sent to a new subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendRetained {
    Yes,
    No,
}

impl Router {
    pub(crate) fn new(spool: Arc<Spool>, last_message: MessageId) -> Router {
        Router {
            tree: RwLock::default(),
            retained: Mutex::default(),
            spool,
            budget: Budget::default(),
            last_message: AtomicI64::new(last_message),
            figures: RouterFigures::default(),
            topics: Topics::default(),
        }
    }

    /// A message with the next id.
    pub(crate) fn publication(&self, message: Message, publisher: TakerId) -> Arc<Publication> {
        Arc::new(Publication {
            id: self.next_id(),
            message,
            publisher,
        })
    }

    fn next_id(&self) -> MessageId {
        let now = unix_ms(SystemTime::now()) << 20;
        let next = |last: MessageId| Some(now.max(last + 1));
        let order = Ordering::Relaxed;
        let last = self.last_message.fetch_update(order, order, next);
        now.max(last.expect("there always is a next one") + 1)
    }

    /// Gives a message to all its takers, or to none. Returns whether there are any.
    pub(crate) fn route(
        &self,
        publication: &Arc<Publication>,
        receipt: &mut LazyReceipt<'_>,
        wake: &Arc<Notify>,
        when_full: RetainedFull,
    ) -> Result<bool, NotRouted> {
        let message = &publication.message;
        let tree = self.tree.read().expect("no holder of this lock panics");
        let matches = tree.matches(message.topic.as_str());
        let inboxes = self.reserve(first_filters(&matches), message, wake)?;
        if message.retain
            && !self.retain(publication, receipt)
            && message.qos > QoS::AtMostOnce
            && when_full == RetainedFull::Refuse
        {
            for (inbox, _) in inboxes {
                inbox.release(message.bytes());
            }
            return Err(NotRouted::RetainedFull);
        }
        for (inbox, filter) in inboxes {
            inbox.offer(publication, filter, false, Some(receipt));
        }
        self.offer_sessions(&matches, publication, receipt);
        self.topics.count(message);
        let has_takers = !matches.is_empty();
        self.figures.count(message, has_takers);
        Ok(has_takers)
    }

    /// Gives a message from an external broker to the inboxes that it is for, or to none, and shows it to those that look
    /// on. Where it is known which subscriptions it came through, it is for the inboxes whose first filter that matches is
    /// one of theirs: through each of the others, another copy comes. Returns whether there are any.
    pub(crate) fn route_to_inboxes(
        &self,
        publication: &Arc<Publication>,
        through: Option<&[TopicFilter]>,
        receipt: &mut LazyReceipt<'_>,
        wake: &Arc<Notify>,
    ) -> Result<bool, NotRouted> {
        let message = &publication.message;
        let tree = self.tree.read().expect("no holder of this lock panics");
        let matches = tree.matches(message.topic.as_str());
        let mut inboxes = first_filters(&matches);
        if let Some(through) = through {
            inboxes.retain(|(inbox, filter)| inbox.has_one_of(*filter, through));
        }
        let has_takers = !inboxes.is_empty();
        for (inbox, filter) in self.reserve(inboxes, message, wake)? {
            inbox.offer(publication, filter, false, Some(receipt));
        }
        for subscriber in matches.iter() {
            if let Subscriber::Tap(tap) = subscriber {
                tap.offer(publication);
            }
        }
        self.topics.count(message);
        self.figures.count(message, has_takers);
        Ok(has_takers)
    }

    /// Gives one of the broker's own figures to those that look on, and keeps it for later ones, in memory only.
    pub(crate) fn route_figure(&self, publication: &Arc<Publication>) {
        let nobody = Arc::new(Notify::new());
        let tree = self.tree.read().expect("no holder of this lock panics");
        // They are few, and always the same.
        let _ = self.retained().set(publication);
        let matches = tree.matches(publication.message.topic.as_str());
        self.offer_sessions(&matches, publication, &mut LazyReceipt::new(&nobody));
    }

    /// Keeps room in the inboxes that a message goes to.
    fn reserve(
        &self,
        inboxes: Vec<(Arc<Inbox>, usize)>,
        message: &Message,
        wake: &Arc<Notify>,
    ) -> Result<Vec<(Arc<Inbox>, usize)>, NotRouted> {
        let mut reserved = Vec::with_capacity(inboxes.len());
        for (inbox, filter) in inboxes {
            match inbox.reserve(message.bytes(), wake) {
                Ok(()) => reserved.push((inbox, filter)),
                Err(Full(inbox)) if message.qos == QoS::AtMostOnce => inbox.drop_one(),
                Err(Full(_)) => {
                    for (inbox, _) in reserved {
                        inbox.release(message.bytes());
                    }
                    return Err(NotRouted::Full);
                }
            }
        }
        Ok(reserved)
    }

    /// Keeps a message for later subscribers; whether there was room.
    fn retain(&self, publication: &Arc<Publication>, receipt: &mut LazyReceipt<'_>) -> bool {
        // The lock is held until the change is on its way, so that the last one here is the last one on disk.
        let mut retained = self.retained();
        if retained.set(publication).is_err() {
            self.figures
                .retained_refused
                .fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let is_awaited = publication.message.qos > QoS::AtMostOnce;
        let share = is_awaited.then(|| receipt.share());
        self.spool.retain(publication, share);
        true
    }

    fn offer_sessions(
        &self,
        matches: &Matches<'_>,
        publication: &Arc<Publication>,
        receipt: &mut LazyReceipt<'_>,
    ) {
        if let [list] = matches.lists[..] {
            // One filter: no session can be in it twice.
            for subscriber in list {
                match subscriber {
                    Subscriber::Session(session, options) => {
                        self.offer(session, &[options], publication, receipt, None);
                    }
                    Subscriber::Shared(group) => self.offer_shared(group, publication, receipt),
                    Subscriber::Tap(tap) => tap.offer(publication),
                    Subscriber::Inbox(..) => {}
                }
            }
            return;
        }
        let mut sessions: Vec<(&Arc<Session>, &Options)> = Vec::new();
        for subscriber in matches.iter() {
            match subscriber {
                Subscriber::Session(session, options) => sessions.push((session, options)),
                Subscriber::Shared(group) => self.offer_shared(group, publication, receipt),
                Subscriber::Tap(tap) => tap.offer(publication),
                Subscriber::Inbox(..) => {}
            }
        }
        sessions.sort_by_key(|(session, _)| session.taker);
        for of_one in sessions.chunk_by(|(one, _), (other, _)| Arc::ptr_eq(one, other)) {
            let options: Vec<&Options> = of_one.iter().map(|(_, options)| *options).collect();
            self.offer(of_one[0].0, &options, publication, receipt, None);
        }
    }

    /// One copy for all the subscriptions of a session that match: the highest level of them, all their identifiers.
    fn offer(
        &self,
        session: &Session,
        subscriptions: &[&Options],
        publication: &Arc<Publication>,
        receipt: &mut LazyReceipt<'_>,
        group: Option<&Arc<Group>>,
    ) {
        let message = &publication.message;
        let is_own = publication.publisher == session.taker;
        let mut matching = subscriptions
            .iter()
            .filter(|options| !(options.no_local && is_own))
            .peekable();
        if matching.peek().is_none() {
            return;
        }
        let mut qos = QoS::AtMostOnce;
        let mut retain = false;
        let mut identifiers = Vec::new();
        for options in matching {
            qos = qos.max(options.qos);
            retain |= options.retain_as_published && message.retain;
            identifiers.extend(options.identifier);
        }
        let offer = Offer {
            publication,
            qos: qos.min(message.qos),
            retain,
            identifiers,
            group,
        };
        // One that is dropped is counted.
        let _ = session.offer(offer, Some(receipt), &self.spool, &self.budget);
    }

    fn offer_shared(
        &self,
        group: &Arc<Group>,
        publication: &Arc<Publication>,
        receipt: &mut LazyReceipt<'_>,
    ) {
        if let Some((session, options)) = group.choose() {
            self.offer(&session, &[&options], publication, receipt, Some(group));
        }
    }

    /// Gives messages of shared subscriptions that their member has not had to other members.
    pub(crate) fn pass_on(&self, messages: Vec<PassedOn>) {
        let nobody = Arc::new(Notify::new());
        for passed in messages {
            let before = passed.delivery.as_deref();
            let mut receipt = match before.and_then(|delivery| delivery.receipt.as_ref()) {
                // Its publisher waits for the new member now.
                Some(receipt) => LazyReceipt::joining(receipt, &nobody),
                None => LazyReceipt::new(&nobody),
            };
            self.offer_shared(&passed.group, &passed.publication, &mut receipt);
            receipt.finish();
            // Behind what is stored for the new member.
            if let Some(delivery) = &passed.delivery {
                self.spool.settle(delivery);
            }
        }
    }

    /// Adds a session's subscription, and sends it the retained messages that it asks for.
    pub(crate) fn subscribe(
        &self,
        session: &Arc<Session>,
        wanted: &Wanted,
        retained: SendRetained,
    ) {
        let mut tree = self.tree.write().expect("no holder of this lock panics");
        if session.state().has_ended {
            // Taken over meanwhile: nobody would take the subscription out again.
            return;
        }
        let options = wanted.options.clone();
        match &wanted.group {
            Some(name) => tree.share(&wanted.filter, name, session, options),
            None => tree.subscribe(&wanted.filter, session, options),
        }
        if retained == SendRetained::No {
            return;
        }
        let matching = self.retained().matching(&wanted.filter);
        for publication in matching {
            // One's own: the same message may wait for the session already.
            let copy = Arc::new(Publication {
                id: self.next_id(),
                message: publication.message.clone(),
                publisher: publication.publisher,
            });
            let offer = Offer {
                publication: &copy,
                qos: wanted.options.qos.min(copy.message.qos),
                retain: true,
                identifiers: wanted.options.identifier.into_iter().collect(),
                group: None,
            };
            if !session.offer(offer, None, &self.spool, &self.budget) {
                // What is left has no room either.
                return;
            }
        }
    }

    /// The group that a message for this session came through: of the shared subscriptions that match, where no other one
    /// does.
    pub(crate) fn group_of(&self, session: &Arc<Session>, topic: &str) -> Option<Arc<Group>> {
        let tree = self.tree.read().expect("no holder of this lock panics");
        let matches = tree.matches(topic);
        let mut group = None;
        for subscriber in matches.iter() {
            match subscriber {
                Subscriber::Session(other, _) if Arc::ptr_eq(other, session) => return None,
                Subscriber::Shared(shared) if shared.has(session) => group = Some(shared.clone()),
                _ => {}
            }
        }
        group
    }

    /// Takes a session's subscription away.
    pub(crate) fn unsubscribe(
        &self,
        session: &Arc<Session>,
        filter: &TopicFilter,
        group: Option<&str>,
    ) {
        let mut tree = self.tree.write().expect("no holder of this lock panics");
        let left = tree.unsubscribe(filter, group, session);
        drop(tree);
        if let Some(group) = left {
            let taken = session.take_shared(&[group], &self.budget);
            self.pass_on(taken);
        }
    }

    /// Adds a subscriber that is not a session. Where retained messages are asked for, they are given to `retained` before
    /// anything else can be published.
    pub(crate) fn add(
        &self,
        filter: &TopicFilter,
        subscriber: Subscriber,
        retained: impl FnOnce(Vec<Arc<Publication>>),
    ) {
        let mut tree = self.tree.write().expect("no holder of this lock panics");
        tree.add(filter, subscriber);
        let matching = self.retained().matching(filter);
        retained(matching);
    }

    /// Takes away what is wanted of the subscribers of this filter.
    pub(crate) fn remove(&self, filter: &TopicFilter, wanted: impl Fn(&Subscriber) -> bool) {
        let mut tree = self.tree.write().expect("no holder of this lock panics");
        tree.remove(filter, wanted);
    }

    pub(crate) fn retained(&self) -> MutexGuard<'_, Retained> {
        self.retained.lock().expect("no holder of this lock panics")
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.tree
            .read()
            .expect("no holder of this lock panics")
            .len()
    }
}

/// The inboxes that a message goes to: each once, by the first of the function's filters that matches.
fn first_filters(matches: &Matches<'_>) -> Vec<(Arc<Inbox>, usize)> {
    let mut inboxes: Vec<(Arc<Inbox>, usize)> = Vec::new();
    for subscriber in matches.iter() {
        let Subscriber::Inbox(inbox, filter) = subscriber else {
            continue;
        };
        match inboxes
            .iter_mut()
            .find(|(other, _)| Arc::ptr_eq(other, inbox))
        {
            Some((_, first)) => *first = (*first).min(*filter),
            None => inboxes.push((inbox.clone(), *filter)),
        }
    }
    inboxes
}

impl RouterFigures {
    fn count(&self, message: &Message, has_takers: bool) {
        self.received.fetch_add(1, Ordering::Relaxed);
        let bytes = message.payload.len() as u64;
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
        if !has_takers {
            self.unmatched.fetch_add(1, Ordering::Relaxed);
        }
    }
}
