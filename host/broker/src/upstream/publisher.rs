//! The connection that publishes: what functions publish, and the admin API.
//!
//! ```text
//! Broker::publish -> Outbox -> client -PUBLISH-> external broker -PUBACK, PUBCOMP-> the one who waits
//! ```
//!
//! Its session lasts as long as the host and is new at each start, so that no packet id means anything from before. Within
//! it, the client keeps what is under way over connections that break: a QoS 2 message stays one. Where the broker has
//! lost the session, what was under way is published anew.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rumqttc::mqttbytes::v5::{
    ConnAck, DisconnectProperties, DisconnectReasonCode, PubAckReason, PubRecReason,
    SubscribeReasonCode,
};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, Outgoing, Publish,
    PublishNoticeError, PublishResult, StateError,
};
use tokio_util::sync::CancellationToken;

use super::Upstream;
use super::backoff::Backoff;
use super::convert;
use super::link::{self, Ended};
use super::outbox::Posted;
use super::retained::Fetches;
use crate::broker::{Inner, PublishError};
use crate::limits::{
    INFLIGHT_MAX, LINGER_TIMEOUT, UPSTREAM_CONNECT_TIMEOUT, UPSTREAM_PUBLISHER_EXPIRY_SECONDS,
};
use crate::message::QoS;
use crate::topic::TopicFilter;

/// Publishes what comes, until `stop`.
pub(super) async fn run(inner: Weak<Inner>, upstream: Arc<Upstream>, stop: CancellationToken) {
    let (client, mut events) = client(&upstream);
    let mut publisher = Publisher {
        inner,
        upstream,
        client,
        under_way: FuturesUnordered::new(),
        answers: FuturesUnordered::new(),
        fetches: Fetches::default(),
        broker: BrokerLimits::default(),
        is_connected: false,
        silence_max: UPSTREAM_CONNECT_TIMEOUT * 2,
        stopping: None,
    };
    let mut backoff = Backoff::default();
    loop {
        let event = publisher.next_event(&mut events, &stop).await;
        let ended = match event.and_then(|event| publisher.handle(event, &mut events)) {
            Ok(()) => continue,
            Err(ended) => ended,
        };
        let failure = match ended {
            Ended::Failed(reason) if publisher.stopping.is_none() => reason,
            Ended::Failed(_) | Ended::Stopped => break,
        };
        publisher.is_connected = false;
        publisher.fetches.disconnected();
        let lasted = publisher.upstream.publishing.failed(failure);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(backoff.pause(lasted)) => {}
        }
    }
    publisher.upstream.publishing.closed();
    publisher.upstream.outbox.close();
}

fn client(upstream: &Upstream) -> (AsyncClient, EventLoop) {
    let settings = &upstream.settings;
    let mut options = link::options(settings, &format!("{}-publisher", settings.client_id));
    options
        .set_clean_start(true)
        .set_session_expiry_interval(Some(UPSTREAM_PUBLISHER_EXPIRY_SECONDS));
    // Bounded by what is taken out of the outbox at once.
    AsyncClient::builder(options).unbounded().build()
}

struct Publisher {
    inner: Weak<Inner>,
    upstream: Arc<Upstream>,
    client: AsyncClient,
    under_way: FuturesUnordered<Pin<Box<dyn Future<Output = Published> + Send>>>,
    /// To subscriptions for retained messages.
    answers: FuturesUnordered<Pin<Box<dyn Future<Output = Answer> + Send>>>,
    fetches: Fetches,
    broker: BrokerLimits,
    is_connected: bool,
    silence_max: Duration,
    /// Until when what is under way is waited for, once the host stops.
    stopping: Option<Instant>,
}

type Published = (Posted, Result<PublishResult, PublishNoticeError>);
type Answer = (TopicFilter, Option<Result<(), String>>);

/// What the broker says that it takes.
struct BrokerLimits {
    packet_bytes_max: usize,
    qos_max: QoS,
    receive_max: usize,
}

impl Default for BrokerLimits {
    fn default() -> BrokerLimits {
        BrokerLimits {
            packet_bytes_max: usize::MAX,
            qos_max: QoS::ExactlyOnce,
            receive_max: usize::from(INFLIGHT_MAX),
        }
    }
}

impl Publisher {
    /// What the client has to say next. It is not interrupted meanwhile, unless it is given up.
    async fn next_event(
        &mut self,
        events: &mut EventLoop,
        stop: &CancellationToken,
    ) -> Result<Event, Ended> {
        let silence_max = self.silence_max;
        let began = Instant::now();
        let ended = {
            let poll = events.poll();
            tokio::pin!(poll);
            loop {
                let silence_max = silence_max.saturating_sub(began.elapsed());
                let has_room = self.is_connected
                    && self.stopping.is_none()
                    && self.under_way.len() < self.broker.receive_max;
                let due = self.fetches.due();
                tokio::select! {
                    biased;
                    () = stop.cancelled(), if self.stopping.is_none() => {
                        self.begin_to_stop()?;
                    }
                    () = until(self.stopping), if self.stopping.is_some() => return Err(Ended::Stopped),
                    Some(published) = self.under_way.next(), if !self.under_way.is_empty() => {
                        self.published(published);
                    }
                    Some((filter, answer)) = self.answers.next(), if !self.answers.is_empty() => {
                        if let Some(answer) = answer {
                            self.fetches.answered(&filter, answer);
                        }
                    }
                    () = self.upstream.outbox.arrived.notified(), if has_room => self.publish(),
                    () = until(due), if due.is_some() => self.finish_fetches(),
                    event = &mut poll => break Some(event),
                    () = tokio::time::sleep(silence_max) => break None,
                }
            }
        };
        match ended {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                if is_too_large(&error) {
                    // It would be tried again for ever. All that is under way is looked at anew.
                    events.reset_session_state();
                }
                Err(Ended::Failed(link::reason(&error)))
            }
            None => {
                // It was interrupted: what is under way is kept for the next connection.
                events.clean();
                Err(Ended::Failed("it does not answer any more".to_owned()))
            }
        }
    }

    fn handle(&mut self, event: Event, events: &mut EventLoop) -> Result<(), Ended> {
        match event {
            Event::Incoming(Incoming::ConnAck(connack)) => {
                events.options.set_clean_start(false);
                self.connected(&connack);
            }
            Event::Incoming(Incoming::Publish(publish)) => self.arrived(&publish),
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
        self.broker = BrokerLimits::default();
        if let Some(properties) = &connack.properties {
            if let Some(max) = properties.max_packet_size {
                self.broker.packet_bytes_max = max as usize;
            }
            let qos_max = properties.max_qos.and_then(|max| QoS::try_from(max).ok());
            self.broker.qos_max = qos_max.unwrap_or(QoS::ExactlyOnce);
            if let Some(max) = properties.receive_max {
                self.broker.receive_max = usize::from(max.min(INFLIGHT_MAX));
            }
        }
        self.upstream.publishing.connected();
        self.publish();
    }

    /// Hands over what waits, as far as the broker takes it.
    fn publish(&mut self) {
        self.ask_for_retained();
        while self.under_way.len() < self.broker.receive_max {
            let Some(posted) = self.upstream.outbox.take() else {
                return;
            };
            let qos = posted.message.qos.min(self.broker.qos_max);
            let publish = convert::publish_of(&posted.message, qos);
            // The packet id is not in it yet.
            if publish.size() + 2 > self.broker.packet_bytes_max {
                posted.answer(Err(PublishError::Refused(
                    "the message is too large for it",
                )));
                continue;
            }
            self.hand_over(posted, publish);
        }
        // There may be more, for which there is no room at present.
        self.upstream.outbox.arrived.notify_one();
    }

    fn hand_over(&self, posted: Posted, publish: Publish) {
        let topic = posted.message.topic.as_str();
        let options = convert::options_of(&publish);
        match self
            .client
            .try_publish_tracked(topic, publish.payload, options)
        {
            Ok(notice) => self
                .under_way
                .push(Box::pin(async move { (posted, notice.wait_async().await) })),
            Err(error) => {
                tracing::debug!(%error, "a message cannot be published");
                posted.answer(Err(PublishError::Refused("the topic is not valid")));
            }
        }
    }

    fn published(&mut self, (posted, result): Published) {
        let result = match result {
            Ok(PublishResult::Qos1(ack)) => ack_result(ack.reason),
            Ok(PublishResult::Qos2PubRecRejected(received)) => received_result(received.reason),
            Ok(PublishResult::Qos0Flushed | PublishResult::Qos2Completed(_)) => Ok(()),
            Err(PublishNoticeError::RetainNotSupported) => {
                Err(PublishError::Refused("it keeps no retained messages"))
            }
            // The broker has lost the session, or the client has dropped it.
            Err(_) if posted.message.qos > QoS::AtMostOnce => {
                self.upstream.outbox.put_back(posted);
                return;
            }
            // At most once.
            Err(_) => Ok(()),
        };
        posted.answer(result);
    }

    /// Subscribes to filters whose retained messages are wanted.
    fn ask_for_retained(&mut self) {
        for wish in self.upstream.take_wishes() {
            self.fetches.add(wish);
        }
        for filter in self.fetches.take_wanted() {
            let asked = self
                .client
                .try_subscribe_tracked(filter.as_str(), rumqttc::QoS::AtLeastOnce);
            match asked {
                Ok(notice) => self.answers.push(Box::pin(async move {
                    let answer = notice.wait_async().await.ok();
                    let code = answer.and_then(|answer| answer.return_codes.first().copied());
                    let answer = code.map(|code| match code {
                        SubscribeReasonCode::Success(_) => Ok(()),
                        code => Err(super::subscriptions::words(code)),
                    });
                    (filter, answer)
                })),
                Err(error) => self.fetches.answered(&filter, Err(error.to_string())),
            }
        }
    }

    /// Takes a retained message. Live ones are the taker's.
    fn arrived(&mut self, publish: &Publish) {
        let Some(inner) = self.inner.upgrade().filter(|_| publish.retain) else {
            return;
        };
        match convert::message_of(publish) {
            Ok((message, _)) => self.fetches.arrived(&inner, &message),
            Err(reason) => self.upstream.count_unsuitable(&reason),
        }
    }

    fn finish_fetches(&mut self) {
        let Some(inner) = self.inner.upgrade() else {
            return;
        };
        for filter in self.fetches.finish(&inner) {
            // What it had to give is there: nothing waits for the answer.
            let _ = self.client.try_unsubscribe(filter.as_str());
        }
    }

    /// Closes the connection, and the session with it, once what is under way is done.
    fn begin_to_stop(&mut self) -> Result<(), Ended> {
        if !self.is_connected {
            return Err(Ended::Stopped);
        }
        self.stopping = Some(Instant::now() + LINGER_TIMEOUT);
        let properties = DisconnectProperties {
            session_expiry_interval: Some(0),
            reason_string: None,
            user_properties: Vec::new(),
            server_reference: None,
        };
        let asked = self.client.try_disconnect_with_properties_timeout(
            DisconnectReasonCode::NormalDisconnection,
            properties,
            LINGER_TIMEOUT,
        );
        asked.map_err(|_| Ended::Stopped)
    }
}

fn is_too_large(error: &ConnectionError) -> bool {
    use rumqttc::mqttbytes::Error::OutgoingPacketTooLarge;
    matches!(
        error,
        ConnectionError::MqttState(
            StateError::OutgoingPacketTooLarge { .. }
                | StateError::Deserialization(OutgoingPacketTooLarge { .. })
        )
    )
}

fn ack_result(reason: PubAckReason) -> Result<(), PublishError> {
    Err(PublishError::Refused(match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return Ok(()),
        PubAckReason::NotAuthorized => NOT_AUTHORIZED,
        PubAckReason::TopicNameInvalid => TOPIC_INVALID,
        PubAckReason::QuotaExceeded => QUOTA_EXCEEDED,
        PubAckReason::PayloadFormatInvalid => PAYLOAD_INVALID,
        _ => UNSPECIFIED,
    }))
}

fn received_result(reason: PubRecReason) -> Result<(), PublishError> {
    Err(PublishError::Refused(match reason {
        PubRecReason::Success | PubRecReason::NoMatchingSubscribers => return Ok(()),
        PubRecReason::NotAuthorized => NOT_AUTHORIZED,
        PubRecReason::TopicNameInvalid => TOPIC_INVALID,
        PubRecReason::QuotaExceeded => QUOTA_EXCEEDED,
        PubRecReason::PayloadFormatInvalid => PAYLOAD_INVALID,
        _ => UNSPECIFIED,
    }))
}

const NOT_AUTHORIZED: &str = "this host may not publish to the topic";
const TOPIC_INVALID: &str = "it does not take the topic";
const QUOTA_EXCEEDED: &str = "a quota is exceeded";
const PAYLOAD_INVALID: &str = "the payload is not what it is said to be";
const UNSPECIFIED: &str = "it does not say why";

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}
