//! The broker's front: what the host does with it.

mod restore;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::connection::Connections;
use crate::delivery::{LazyReceipt, Publication};
use crate::events::EventReader;
use crate::inbox::{Inbox, InboxBudget, InboxFilter};
use crate::limits::COMMIT_DELAY_DEFAULT;
use crate::message::Message;
use crate::router::{NotRouted, RetainedFull, Router};
use crate::session::Registry;
use crate::spool::Spool;
use crate::store::{Change, DeadLetter, MessageId, Store, StoreError, TakerId};
use crate::tap::{Tap, TapReader};
use crate::topic::TopicFilter;
use crate::tree::Subscriber;
use crate::upstream::{Upstream, UpstreamSettings};

/// What the operator may change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long what must survive waits for company before it is committed.
    pub commit_delay: Duration,
    /// An external broker in place of the embedded one's listeners.
    pub upstream: Option<UpstreamSettings>,
}

/// The broker; clones share it.
#[derive(Clone)]
pub struct Broker(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) router: Router,
    pub(crate) registry: Registry,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) connections: Connections,
    pub(crate) upstream: Option<Arc<Upstream>>,
    inboxes: Mutex<HashMap<Arc<str>, OpenInbox>>,
    inbox_budget: Arc<InboxBudget>,
    last_taker: AtomicI64,
    pub(crate) started: Instant,
    tasks: TaskTracker,
    stop_spool: CancellationToken,
}

pub(crate) struct OpenInbox {
    pub(crate) inbox: Arc<Inbox>,
    /// Filters whose retained messages it has had.
    pub(crate) known: Vec<TopicFilter>,
}

/// Why a message was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no room for another retained message.
    #[error("there are too many retained messages: clear some, or publish without the retain flag")]
    RetainedFull,
    /// The external broker is not there, or too slow.
    #[error(
        "too many messages wait for the external broker: is it reachable? try again when it is"
    )]
    UpstreamFull,
    /// The external broker does not take it, for this reason.
    #[error("the external broker refuses the message: {0}")]
    Refused(&'static str),
    /// The host stops.
    #[error("the host stops: the message was not published")]
    Stopped,
}

/// What becomes of an inbox when its function is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposal {
    /// It waits for a function of the same name.
    Keep,
    /// It is gone, with its dead letters.
    Drop,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            commit_delay: COMMIT_DELAY_DEFAULT,
            upstream: None,
        }
    }
}

impl Broker {
    /// Opens the broker with what the store has. It takes clients once [`Broker::serve`] is called.
    pub async fn open(
        store: Arc<dyn Store>,
        access: Arc<dyn Access>,
        settings: &Settings,
    ) -> Result<Broker, StoreError> {
        let stored = store.load().await?;
        let spool = Arc::new(Spool::new(store, settings.commit_delay));
        let upstream = settings.upstream.clone();
        let upstream = upstream.map(|settings| Arc::new(Upstream::new(settings, &stored.inboxes)));
        let inner = Arc::new(Inner {
            router: Router::new(spool.clone(), stored.message_max),
            registry: Registry::default(),
            access,
            connections: Connections::default(),
            upstream,
            inboxes: Mutex::default(),
            inbox_budget: Arc::default(),
            last_taker: AtomicI64::new(stored.taker_max),
            started: Instant::now(),
            tasks: TaskTracker::new(),
            stop_spool: CancellationToken::new(),
        });
        inner.restore(stored);
        let stop = inner.stop_spool.clone();
        inner.tasks.spawn(async move { spool.run(stop).await });
        let keeper = Arc::downgrade(&inner);
        inner
            .tasks
            .spawn(crate::housekeeping::run(keeper, inner.stop_spool.clone()));
        if let Some(upstream) = &inner.upstream {
            upstream.begin_publishing(Arc::downgrade(&inner));
        }
        Ok(Broker(inner))
    }

    /// Publishes a message. Of QoS 1 and 2, returns when every taker has handled it or has it on disk; where an inbox is
    /// full, when there was room: whoever cannot wait gives up waiting. With an external broker, returns when that one has
    /// acknowledged it; the message comes back from there, if it is for functions.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        match &self.0.upstream {
            Some(upstream) => upstream.publish(message).await,
            None => self.0.publish(message, RetainedFull::Refuse).await,
        }
    }

    /// Who comes and goes, from now on.
    pub fn events(&self) -> EventReader {
        self.0.connections.events.read()
    }

    /// The inbox of a function, which subscribes to these filters from now on. Retained messages come once for each filter
    /// that is new to it.
    pub fn subscribe(
        &self,
        function: &str,
        filters: Vec<InboxFilter>,
        count_max: usize,
    ) -> Arc<Inbox> {
        self.0.subscribe_inbox(function, filters, count_max)
    }

    /// The function has no triggers at present: nothing new comes into its inbox, and what is in it stays.
    pub fn unsubscribe(&self, function: &str) {
        self.0.unsubscribe_inbox(function);
    }

    /// The function is gone.
    pub fn close(&self, function: &str, disposal: Disposal) {
        self.0.unsubscribe_inbox(function);
        if disposal == Disposal::Drop
            && let Some(open) = self.0.inboxes().remove(function)
        {
            open.inbox.clear();
            let gone = Change::InboxGone(open.inbox.taker);
            self.0.router.spool.change(gone, None);
        }
    }

    /// The inbox of a function, if it has or had one.
    pub fn inbox(&self, function: &str) -> Option<Arc<Inbox>> {
        self.0
            .inboxes()
            .get(function)
            .map(|open| open.inbox.clone())
    }

    /// All inboxes.
    pub fn inboxes(&self) -> Vec<Arc<Inbox>> {
        let inboxes = self.0.inboxes();
        let mut all: Vec<_> = inboxes.values().map(|open| open.inbox.clone()).collect();
        all.sort_by(|one, other| one.function().cmp(other.function()));
        all
    }

    /// Dead letters of this function or of all, the newest first; those before this one only.
    pub async fn dead_letters(
        &self,
        function: Option<String>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let store = self.0.router.spool.store();
        store.dead_letters(function, before, limit).await
    }

    /// One dead letter.
    pub async fn dead_letter(
        &self,
        function: String,
        message: MessageId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        self.0
            .router
            .spool
            .store()
            .dead_letter(function, message)
            .await
    }

    /// Puts a dead letter back into its inbox, as if it had just arrived. Whether there was such a one.
    pub async fn retry_dead_letter(
        &self,
        function: &str,
        message: MessageId,
    ) -> Result<bool, StoreError> {
        let letter = self.dead_letter(function.to_owned(), message).await?;
        let (Some(letter), Some(inbox)) = (letter, self.inbox(function)) else {
            return Ok(false);
        };
        let publication = Arc::new(Publication {
            id: message,
            message: Message {
                hops: 0,
                expires: None,
                ..letter.message
            },
            publisher: 0,
        });
        inbox
            .revive(publication, letter.record.filter, letter.record.qos)
            .await;
        Ok(true)
    }

    /// Drops a dead letter. Whether there was such a one.
    pub async fn drop_dead_letter(
        &self,
        function: &str,
        message: MessageId,
    ) -> Result<bool, StoreError> {
        let letter = self.dead_letter(function.to_owned(), message).await?;
        let (Some(_), Some(inbox)) = (letter, self.inbox(function)) else {
            return Ok(false);
        };
        self.0.forget_dead_letter(&inbox, message).await;
        Ok(true)
    }

    /// Looks on at what is published, the retained messages first.
    pub fn tap(&self, filter: &TopicFilter) -> TapReader {
        let (tap, mut reader) = Tap::new();
        let subscriber = Subscriber::Tap(tap.clone());
        self.0.router.add(filter, subscriber, |retained| {
            for publication in retained {
                tap.offer(&publication);
            }
        });
        let (inner, filter) = (self.0.clone(), filter.clone());
        reader.on_drop = Some(Box::new(move || {
            inner.router.remove(&filter, |subscriber| {
                matches!(subscriber, Subscriber::Tap(other) if Arc::ptr_eq(other, &tap))
            });
        }));
        reader
    }

    /// What an identity may do has changed, or it is gone: open sessions of its are looked at again.
    pub fn access_changed(&self, identity: &str) {
        self.0.access_changed(identity);
    }

    /// Where clients connect to, once they can.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.connections.addresses()
    }

    /// Commits what is left, and ends. Connections are to have ended before.
    pub async fn stop(&self) {
        if let Some(upstream) = &self.0.upstream {
            upstream.stop_publishing().await;
        }
        self.0.stop_spool.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Inner {
    pub(crate) fn next_taker(&self) -> TakerId {
        self.last_taker.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) async fn publish(
        &self,
        message: Message,
        when_full: RetainedFull,
    ) -> Result<(), PublishError> {
        let wake = Arc::new(Notify::new());
        let publication = self.router.publication(message, 0);
        let receipt = loop {
            let mut receipt = LazyReceipt::new(&wake);
            let router = &self.router;
            match router.route(&publication, &mut receipt, &wake, when_full) {
                Ok(_) => break receipt,
                Err(NotRouted::RetainedFull) => return Err(PublishError::RetainedFull),
                Err(NotRouted::Full) => {
                    // Room in the inbox wakes; room that others left does not.
                    let pause = tokio::time::sleep(FULL_INBOX_PAUSE);
                    tokio::select! {
                        () = wake.notified() => {}
                        () = pause => {}
                    }
                }
            }
        };
        receipt.done().await;
        Ok(())
    }

    fn subscribe_inbox(
        &self,
        function: &str,
        filters: Vec<InboxFilter>,
        count_max: usize,
    ) -> Arc<Inbox> {
        let mut inboxes = self.inboxes();
        let open = inboxes.entry(function.into()).or_insert_with(|| {
            let spool = self.router.spool.clone();
            let budget = self.inbox_budget.clone();
            let inbox = Inbox::new(self.next_taker(), function.into(), spool, budget);
            OpenInbox {
                inbox,
                known: Vec::new(),
            }
        });
        open.inbox.open(count_max);
        let before = open.inbox.filters();
        if !before.values().eq(&filters) {
            self.exchange(open, before.into_iter().collect(), &filters);
        }
        let inbox = open.inbox.clone();
        self.tell_upstream(&inboxes);
        inbox
    }

    /// Exchanges the filters of an inbox: the new ones are added before the old ones go, so that those that stay never
    /// cease.
    fn exchange(
        &self,
        open: &mut OpenInbox,
        before: Vec<(usize, InboxFilter)>,
        filters: &[InboxFilter],
    ) {
        let inbox = open.inbox.clone();
        for (number, filter) in inbox.add(filters) {
            let is_known = open.known.contains(&filter);
            let subscriber = Subscriber::Inbox(inbox.clone(), number);
            self.router.add(&filter, subscriber, |retained| {
                if !is_known && self.upstream.is_none() {
                    for publication in retained {
                        let message = &publication.message;
                        self.offer_copy(&inbox, number, message, publication.publisher);
                    }
                }
            });
            if !is_known && let Some(upstream) = &self.upstream {
                upstream.wish_retained(&inbox, number, &filter);
            }
        }
        self.take_away(&inbox, before);
        let mut filters: Vec<_> = filters.iter().map(|filter| filter.filter.clone()).collect();
        if self.asks_for_retained() {
            // The others are known when their retained messages have come.
            filters.retain(|filter| open.known.contains(filter));
        }
        open.known = filters;
        let record = inbox.record(open.known.clone());
        self.router.spool.change(Change::Inbox(record), None);
    }

    fn take_away(&self, inbox: &Arc<Inbox>, filters: Vec<(usize, InboxFilter)>) {
        for (number, filter) in filters {
            self.router.remove(&filter.filter, |subscriber| {
                matches!(subscriber, Subscriber::Inbox(other, at) if Arc::ptr_eq(other, inbox) && *at == number)
            });
            inbox.remove(number);
        }
    }

    /// Gives an inbox a retained message of its own; one that there is no room for is dropped and counted.
    pub(crate) fn offer_copy(
        &self,
        inbox: &Arc<Inbox>,
        filter: usize,
        message: &Message,
        publisher: TakerId,
    ) {
        let nobody = Arc::new(Notify::new());
        let copy = self.router.publication(message.clone(), publisher);
        if inbox.reserve(copy.message.bytes(), &nobody).is_ok() {
            inbox.offer(&copy, filter, true, None);
        } else {
            inbox.drop_one();
        }
    }

    fn unsubscribe_inbox(&self, function: &str) {
        let inboxes = self.inboxes();
        if let Some(OpenInbox { inbox, .. }) = inboxes.get(function) {
            let filters = inbox.filters().into_iter().collect();
            self.take_away(inbox, filters);
            self.tell_upstream(&inboxes);
        }
    }

    async fn forget_dead_letter(&self, inbox: &Inbox, message: MessageId) {
        let wake = Arc::new(Notify::new());
        let mut receipt = LazyReceipt::new(&wake);
        let gone = Change::DeadLetterGone(inbox.taker, message);
        self.router.spool.change(gone, Some(receipt.share()));
        receipt.done().await;
    }

    pub(crate) fn inboxes(&self) -> MutexGuard<'_, HashMap<Arc<str>, OpenInbox>> {
        self.inboxes.lock().expect("no holder of this lock panics")
    }
}

/// How long one that waits for room in an inbox waits before it looks by itself.
pub(crate) const FULL_INBOX_PAUSE: Duration = Duration::from_millis(100);
