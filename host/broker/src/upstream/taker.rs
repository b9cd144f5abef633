//! The connection that takes messages for functions.
//!
//! ```text
//! external broker --PUBLISH--> inboxes of the subscription's filter --receipt--> Outstanding --PUBACK--> external broker
//! ```
//!
//! Each connection has a client of its own, so that nothing of one that has ended (acknowledgements, subscriptions under
//! way) can get onto the next one. What must outlive a connection is in [`Outstanding`] and the subscriptions; the session
//! itself is the broker's.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rumqttc::mqttbytes::v5::{ConnAck, RetainForwardRule, SubscribeReasonCode};
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, Event, EventLoop, Incoming, ManualAck, Outgoing,
    PersistedAckMode, PersistedSession, Publish, SessionStore, SessionStoreError, SessionStoreKey,
    SubscribeFilterInput,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Upstream;
use super::backoff::Backoff;
use super::convert;
use super::link::{self, Ended};
use super::outstanding::{Outstanding, Parked};
use super::subscriptions::NO_SHARED_SUBSCRIPTIONS;
use crate::broker::{FULL_INBOX_PAUSE, Inner};
use crate::delivery::{LazyReceipt, Receipt};
use crate::limits::{
    INFLIGHT_MAX, LINGER_TIMEOUT, UPSTREAM_CONNECT_TIMEOUT, UPSTREAM_UNACKNOWLEDGED_BYTES_MAX,
};
use crate::message::Message;
use crate::topic::TopicFilter;

/// Takes messages until `stop`, then acknowledges what inboxes have and disconnects; the broker keeps the session.
pub(super) async fn run(inner: &Arc<Inner>, upstream: &Arc<Upstream>, stop: &CancellationToken) {
    let mut backoff = Backoff::default();
    let mut outstanding = Outstanding::default();
    let wake = Arc::new(Notify::new());
    loop {
        let (client, events) = client(upstream);
        let connection = Connection {
            inner,
            upstream,
            client,
            outstanding: &mut outstanding,
            wake: &wake,
            answers: FuturesUnordered::new(),
            is_connected: false,
            has_shared_subscriptions: true,
            has_identifiers: true,
            silence_max: UPSTREAM_CONNECT_TIMEOUT * 2,
            retry_at: Instant::now(),
            stopping: None,
        };
        let ended = connection.run(events, stop).await;
        outstanding.disconnected();
        let lasted = match ended {
            Ended::Failed(reason) => Some(upstream.taking.failed(reason)),
            Ended::Stopped => None,
        };
        upstream.subscriptions.disconnected();
        let Some(lasted) = lasted else {
            upstream.taking.closed();
            return;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.pause(lasted)) => {}
        }
    }
}

/// A client for one connection.
fn client(upstream: &Upstream) -> (AsyncClient, EventLoop) {
    let settings = &upstream.settings;
    let mut options = link::options(settings, &settings.client_id);
    let expiry_seconds = settings.session_expiry.as_secs();
    let expiry_seconds = u32::try_from(expiry_seconds).unwrap_or(u32::MAX);
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(expiry_seconds))
        .set_session_store(NothingKept)
        .set_ack_mode(AckMode::Manual);
    // Bounded by the receive maximum, and by the number of subscriptions.
    AsyncClient::builder(options).unbounded().build()
}

/// Tells the client crate that it knows the broker's session, in which nothing is under way: this side only receives, at
/// QoS 1, and there is nothing about such messages that a client would have to keep (MQTT 5, section 4.1). Without it, the
/// crate refuses sessions from before the start.
#[derive(Debug)]
struct NothingKept;

type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

impl SessionStore for NothingKept {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Stored<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: Some(INFLIGHT_MAX),
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(async { Ok(Some(session)) })
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Stored<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Stored<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

struct Connection<'a> {
    inner: &'a Arc<Inner>,
    upstream: &'a Arc<Upstream>,
    client: AsyncClient,
    outstanding: &'a mut Outstanding,
    /// Something was handled or stored, or an inbox has room.
    wake: &'a Arc<Notify>,
    /// To SUBSCRIBE and UNSUBSCRIBE.
    answers: FuturesUnordered<Pin<Box<dyn Future<Output = Answer> + Send>>>,
    is_connected: bool,
    has_shared_subscriptions: bool,
    has_identifiers: bool,
    silence_max: Duration,
    /// When what waits for room is tried again without being told that there is some.
    retry_at: Instant,
    /// When the connection is closed at the latest, once the host stops.
    stopping: Option<Stopping>,
}

#[derive(Clone, Copy)]
struct Stopping {
    until: Instant,
    is_disconnecting: bool,
}

enum Answer {
    Subscribed(TopicFilter, Result<SubscribeReasonCode, String>),
    Unsubscribed(TopicFilter),
    /// The connection has ended before.
    None,
}

impl Connection<'_> {
    async fn run(mut self, mut events: EventLoop, stop: &CancellationToken) -> Ended {
        loop {
            let event = match self.next_event(&mut events, stop).await {
                Ok(event) => event,
                Err(ended) => return ended,
            };
            let handled = match event {
                Ok(event) => self.handle(event, &mut events),
                Err(_) if self.stopping.is_some() => Err(Ended::Stopped),
                Err(error) => Err(Ended::Failed(link::reason(&error))),
            };
            if let Err(ended) = handled {
                return ended;
            }
        }
    }

    /// What the client has to say next. It is not interrupted meanwhile: what else there is to do is done beside it.
    async fn next_event(
        &mut self,
        events: &mut EventLoop,
        stop: &CancellationToken,
    ) -> Result<Result<Event, ConnectionError>, Ended> {
        let poll = events.poll();
        tokio::pin!(poll);
        let began = Instant::now();
        loop {
            let silence_max = self.silence_max.saturating_sub(began.elapsed());
            let deadline = self.stopping.map(|stopping| stopping.until);
            let has_parked = self.outstanding.has_parked();
            tokio::select! {
                // What is rare and short first: a flood of messages is not to hold it up.
                biased;
                () = stop.cancelled(), if self.stopping.is_none() => self.begin_to_stop()?,
                () = until(deadline), if deadline.is_some() => return Err(Ended::Stopped),
                () = self.wake.notified() => self.advance(),
                () = self.upstream.subscriptions.changed.notified(), if self.is_connected => self.subscribe(),
                Some(answer) = self.answers.next(), if !self.answers.is_empty() => self.answered(answer),
                event = &mut poll => return Ok(event),
                // Room in the inbox wakes; room that others left does not.
                () = until(Some(self.retry_at)), if has_parked => self.advance(),
                () = tokio::time::sleep(silence_max) => {
                    return Err(Ended::Failed("it does not answer any more".to_owned()));
                }
            }
        }
    }

    fn handle(&mut self, event: Event, events: &mut EventLoop) -> Result<(), Ended> {
        match event {
            Event::Incoming(Incoming::ConnAck(connack)) => {
                // It has done its work, and would be asked to store something for each packet.
                events.options.clear_session_store();
                self.connected(&connack);
            }
            Event::Incoming(Incoming::Publish(publish)) => self.take(&publish)?,
            Event::Outgoing(Outgoing::Disconnect) if self.stopping.is_some() => {
                return Err(Ended::Stopped);
            }
            _ => {}
        }
        Ok(())
    }

    fn connected(&mut self, connack: &ConnAck) {
        self.is_connected = true;
        self.silence_max = link::silence_max(connack);
        if let Some(properties) = &connack.properties {
            let has = |available: Option<u8>| available != Some(0);
            self.has_identifiers = has(properties.subscription_identifiers_available);
            self.has_shared_subscriptions = has(properties.shared_subscription_available);
        }
        self.outstanding.connected(connack.session_present);
        self.upstream
            .subscriptions
            .connected(connack.session_present);
        self.upstream.taking.connected();
        self.subscribe();
    }

    /// Tells the broker what is wanted, and what is not any more.
    fn subscribe(&mut self) {
        let changes = self.upstream.subscriptions.changes();
        for filter in changes.leave {
            let text = self.upstream.shared(&filter);
            let Ok(notice) = self.client.try_unsubscribe_tracked(text) else {
                continue;
            };
            self.answers.push(Box::pin(async move {
                match notice.wait_async().await {
                    Ok(_) => Answer::Unsubscribed(filter),
                    Err(_) => Answer::None,
                }
            }));
        }
        for (filter, identifier) in changes.enter {
            if !self.has_shared_subscriptions {
                let reason = NO_SHARED_SUBSCRIPTIONS.to_owned();
                self.upstream.subscriptions.answered(&filter, Err(reason));
                continue;
            }
            let identifier = self.has_identifiers.then_some(identifier);
            // Mosquitto sends retained messages to shared subscriptions, against [MQTT-4.8.2]: at each of them.
            let shared =
                SubscribeFilterInput::new(self.upstream.shared(&filter), rumqttc::QoS::AtLeastOnce)
                    .retain_forward_rule(RetainForwardRule::Never);
            let asked = self.client.try_subscribe_many_with_properties_tracked(
                [shared],
                convert::identified(identifier),
            );
            let notice = match asked {
                Ok(notice) => notice,
                Err(error) => {
                    let reason = error.to_string();
                    self.upstream.subscriptions.answered(&filter, Err(reason));
                    continue;
                }
            };
            self.answers.push(Box::pin(async move {
                match notice
                    .wait_async()
                    .await
                    .map(|ack| ack.return_codes.first().copied())
                {
                    Ok(Some(code)) => Answer::Subscribed(filter, Ok(code)),
                    Ok(None) => Answer::Subscribed(filter, Err("no answer".to_owned())),
                    Err(_) => Answer::None,
                }
            }));
        }
    }

    fn answered(&self, answer: Answer) {
        let subscriptions = &self.upstream.subscriptions;
        match answer {
            Answer::Subscribed(filter, answer) => subscriptions.answered(&filter, answer),
            Answer::Unsubscribed(filter) => subscriptions.left(&filter),
            Answer::None => {}
        }
    }

    /// Takes a message in.
    fn take(&mut self, publish: &Publish) -> Result<(), Ended> {
        if self.stopping.is_some() {
            // Not acknowledged, and so sent again, to this host or another one.
            return Ok(());
        }
        let acknowledgement = self.client.prepare_ack(publish);
        match convert::message_of(publish) {
            Ok((message, identifiers)) => {
                let through = self.through(&message, &identifiers);
                match acknowledgement {
                    Some(acknowledgement) => {
                        self.take_surely(acknowledgement, message, through, publish.dup);
                    }
                    None => {
                        let publication = self.inner.router.publication(message, 0);
                        self.route(&Parked {
                            publication,
                            through,
                        });
                    }
                }
            }
            Err(reason) => {
                self.upstream.count_unsuitable(&reason);
                if let Some(acknowledgement) = acknowledgement {
                    self.outstanding.nowhere(acknowledgement);
                }
            }
        }
        // More than the receive maximum [MQTT-3.3.4-7] is what Mosquitto sends after a restart of its own.
        if self.outstanding.bytes() > UPSTREAM_UNACKNOWLEDGED_BYTES_MAX {
            let reason = "it sent far more at once than it was asked to";
            return Err(Ended::Failed(reason.to_owned()));
        }
        self.acknowledge();
        Ok(())
    }

    /// Takes in a message of QoS 1, or 2.
    fn take_surely(
        &mut self,
        acknowledgement: ManualAck,
        message: Message,
        through: Option<Vec<TopicFilter>>,
        is_sent_again: bool,
    ) {
        let mut acknowledgement = acknowledgement;
        match self
            .outstanding
            .routed_before(acknowledgement, &message, is_sent_again)
        {
            Ok(()) => return,
            Err(back) => acknowledgement = back,
        }
        let parked = Parked {
            publication: self.inner.router.publication(message, 0),
            through,
        };
        if self
            .outstanding
            .is_parked(&parked.publication.message.topic)
        {
            self.outstanding.park(acknowledgement, parked);
            return;
        }
        match self.route(&parked) {
            Some(receipt) => self
                .outstanding
                .routed(acknowledgement, parked.publication, receipt),
            None => self.outstanding.park(acknowledgement, parked),
        }
    }

    /// The filters of the subscriptions that a message came through; none where the broker does not say.
    fn through(&self, message: &Message, identifiers: &[usize]) -> Option<Vec<TopicFilter>> {
        if identifiers.is_empty() {
            return None;
        }
        let topic = message.topic.as_str();
        let filters = identifiers
            .iter()
            .filter_map(|identifier| self.upstream.subscriptions.filter(*identifier))
            .filter(|filter| filter.matches(topic));
        Some(filters.collect())
    }

    /// Gives a message to its inboxes: what is to be waited for before it is acknowledged, or nothing if there is no room.
    fn route(&self, parked: &Parked) -> Option<Option<Arc<Receipt>>> {
        route(self.inner, self.wake, parked)
    }

    /// Goes on with what waits.
    fn advance(&mut self) {
        self.retry_at = Instant::now() + FULL_INBOX_PAUSE;
        if self.outstanding.has_parked() && self.stopping.is_none() {
            let (inner, wake) = (self.inner, self.wake);
            self.outstanding.retry(|parked| route(inner, wake, parked));
        }
        self.acknowledge();
    }

    /// Acknowledges what is done, in its order.
    fn acknowledge(&mut self) {
        while self.is_connected
            && let Some(acknowledgement) = self.outstanding.next()
        {
            // It fails only where the client is gone, and so is the connection.
            let _ = self.client.try_manual_ack(acknowledgement);
        }
        self.upstream.count_unacknowledged(self.outstanding.len());
        if let Some(stopping) = &mut self.stopping
            && !stopping.is_disconnecting
            && self.outstanding.is_drained()
        {
            // Behind the acknowledgements.
            stopping.is_disconnecting = self.client.try_disconnect().is_ok();
        }
    }

    fn begin_to_stop(&mut self) -> Result<(), Ended> {
        if !self.is_connected {
            return Err(Ended::Stopped);
        }
        self.stopping = Some(Stopping {
            until: Instant::now() + LINGER_TIMEOUT,
            is_disconnecting: false,
        });
        self.acknowledge();
        Ok(())
    }
}

fn route(inner: &Inner, wake: &Arc<Notify>, parked: &Parked) -> Option<Option<Arc<Receipt>>> {
    let mut receipt = LazyReceipt::new(wake);
    let through = parked.through.as_deref();
    let routed = inner
        .router
        .route_to_inboxes(&parked.publication, through, &mut receipt, wake);
    routed.is_ok().then(|| receipt.finish())
}

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}
