//! PUBLISH from a client: checked, routed, and acknowledged when every taker has it.
//!
//! A message for a function whose inbox is full is parked, and those behind it as well, so that their order is kept; the
//! client is not acknowledged meanwhile, and is not read from when too much is parked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::acknowledge::Acknowledgement;
use super::incoming::Topic;
use super::{Connection, End};
use crate::access::Resolved;
use crate::delivery::{LazyReceipt, Publication};
use crate::limits::{PARKED_BYTES_MAX, PARKED_TIMEOUT, PAYLOAD_BYTES_MAX, RECEIVE_MAX};
use crate::message::{Message, QoS};
use crate::packet::{AckKind, Publish, ReasonCode, Version};
use crate::router::{NotRouted, RetainedFull};
use crate::store::Change;
use crate::topic::TopicName;

/// Messages that wait for room in an inbox.
#[derive(Default)]
pub(super) struct Parked {
    messages: VecDeque<ParkedMessage>,
    bytes: usize,
    /// Whether the first one was parked a moment ago.
    is_new: bool,
}

struct ParkedMessage {
    publication: Arc<Publication>,
    packet_id: u16,
    since: Instant,
}

impl Parked {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < PARKED_BYTES_MAX && self.messages.len() < usize::from(RECEIVE_MAX)
    }

    /// Whether parking has begun since it was asked last.
    pub(super) fn wants_timer(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }

    fn push(&mut self, publication: Arc<Publication>, packet_id: u16) {
        self.is_new |= self.messages.is_empty();
        self.bytes += publication.message.bytes();
        self.messages.push_back(ParkedMessage {
            publication,
            packet_id,
            since: Instant::now(),
        });
    }
}

impl Connection {
    /// PUBLISH.
    pub(super) fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let topic = self.aliases.topic(&publish)?;
        let packet_id = publish.packet_id.unwrap_or_default();
        if publish.qos > QoS::AtMostOnce {
            self.unacknowledged += 1;
            if self.version == Version::V5 && self.unacknowledged > usize::from(RECEIVE_MAX) {
                let text = format!("more than {RECEIVE_MAX} messages at once [MQTT-3.3.4-7]");
                return Err(End::Refused(ReasonCode::ReceiveMaximumExceeded, text));
            }
        }
        if publish.qos == QoS::ExactlyOnce && self.is_known(packet_id) {
            return Ok(());
        }
        let topic = match topic {
            Topic::Valid(topic) => topic,
            Topic::Invalid(error) => {
                return self.refuse(&publish, ReasonCode::TopicNameInvalid, &error.to_string());
            }
        };
        if publish.payload.len() > PAYLOAD_BYTES_MAX {
            let text = format!("the payload is too large: at most {PAYLOAD_BYTES_MAX} bytes");
            return self.refuse(&publish, ReasonCode::PacketTooLarge, &text);
        }
        if !self.permissions().may_publish(&topic) {
            let text = format!("publishing to `{topic}` is not permitted");
            return self.refuse(&publish, ReasonCode::NotAuthorized, &text);
        }
        let message = message_of(publish, topic);
        let publication = self.inner.router.publication(message, self.session.taker);
        let is_behind = !self.parked.is_empty() && publication.message.qos > QoS::AtMostOnce;
        if is_behind {
            self.parked.push(publication, packet_id);
            return Ok(());
        }
        self.route(publication, packet_id)
    }

    /// Routes what was parked, in its order, as far as there is room.
    pub(super) fn publish_parked(&mut self) -> Result<(), End> {
        while let Some(first) = self.parked.messages.pop_front() {
            self.parked.bytes -= first.publication.message.bytes();
            let since = first.since;
            let before = self.parked.messages.len();
            let (publication, packet_id) = (first.publication.clone(), first.packet_id);
            self.route(first.publication, packet_id)?;
            if self.parked.messages.len() == before {
                continue;
            }
            // It was parked again, behind the others: back to where it was.
            let mut again = self
                .parked
                .messages
                .pop_back()
                .expect("it was just put there");
            if since.elapsed() < PARKED_TIMEOUT || self.version == Version::V311 {
                again.since = since;
                self.parked.messages.push_front(again);
                return Ok(());
            }
            self.parked.bytes -= publication.message.bytes();
            let kind = acknowledgement_of(publication.message.qos);
            let refused = Acknowledgement::Message(kind, packet_id, ReasonCode::QuotaExceeded);
            self.acknowledgements.push(refused, None);
        }
        Ok(())
    }

    fn route(&mut self, publication: Arc<Publication>, packet_id: u16) -> Result<(), End> {
        let qos = publication.message.qos;
        let mut receipt = LazyReceipt::new(&self.session.wake);
        // A 3.1.1 client could not be told from one whose message was taken.
        let when_full = match self.version {
            Version::V311 => RetainedFull::Deliver,
            Version::V5 => RetainedFull::Refuse,
        };
        let routed =
            self.inner
                .router
                .route(&publication, &mut receipt, &self.session.wake, when_full);
        let reason = match routed {
            Ok(true) => ReasonCode::Success,
            Ok(false) => ReasonCode::NoMatchingSubscribers,
            Err(NotRouted::Full) => {
                if qos > QoS::AtMostOnce {
                    self.parked.push(publication, packet_id);
                }
                return Ok(());
            }
            Err(NotRouted::RetainedFull) => ReasonCode::QuotaExceeded,
        };
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                let ack = Acknowledgement::Message(AckKind::Ack, packet_id, reason);
                self.acknowledgements.push(ack, receipt.finish());
            }
            QoS::ExactlyOnce => {
                let mut state = self.session.state();
                if state.expiry_seconds > 0 && (reason as u8) < 0x80 {
                    // With the deliveries, in one commit: either both are on disk, or the client sends it again.
                    let change = Change::Received(self.session.taker, packet_id);
                    self.inner
                        .router
                        .spool
                        .change(change, Some(receipt.share()));
                }
                let receipt = receipt.finish();
                if (reason as u8) < 0x80 {
                    state.received.insert(packet_id, receipt.clone());
                }
                drop(state);
                let received = Acknowledgement::Message(AckKind::Received, packet_id, reason);
                self.acknowledgements.push(received, receipt);
            }
        }
        Ok(())
    }

    /// Whether a QoS 2 message of this packet id was received and not released: then it is acknowledged once more, when it
    /// would be anyway, and nothing else [MQTT-4.3.3-10].
    fn is_known(&mut self, packet_id: u16) -> bool {
        let receipt = self.session.state().received.get(&packet_id).cloned();
        let Some(receipt) = receipt else {
            return false;
        };
        let again = Acknowledgement::Message(AckKind::Received, packet_id, ReasonCode::Success);
        self.acknowledgements.push(again, receipt);
        // It is counted already.
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        true
    }

    /// A message that is not taken. MQTT 5 says why; MQTT 3.1.1 can only acknowledge it or end the connection, and a device
    /// that connects again would send it again [MQTT-3.3.5-2].
    fn refuse(&mut self, publish: &Publish, reason: ReasonCode, text: &str) -> Result<(), End> {
        tracing::debug!(
            client = &*self.session.client_id,
            reason = text,
            "a message is not taken"
        );
        self.entry.count_refused();
        let packet_id = publish.packet_id.unwrap_or_default();
        if publish.qos > QoS::AtMostOnce {
            let kind = acknowledgement_of(publish.qos);
            self.acknowledgements
                .push(Acknowledgement::Message(kind, packet_id, reason), None);
        }
        Ok(())
    }

    /// What the client may do at present.
    pub(super) fn permissions(&mut self) -> Arc<Resolved> {
        let permissions = self.identity.permissions.load();
        let Some(permissions) = permissions.as_ref() else {
            return Arc::default();
        };
        match &self.permissions {
            Some((of, resolved)) if Arc::ptr_eq(of, permissions) => resolved.clone(),
            _ => {
                let identity = self.identity.name.as_deref();
                let resolved = permissions.resolve(&self.session.client_id, identity);
                let resolved = Arc::new(resolved);
                self.permissions = Some((permissions.clone(), resolved.clone()));
                resolved
            }
        }
    }
}

fn acknowledgement_of(qos: QoS) -> AckKind {
    match qos {
        QoS::AtMostOnce | QoS::AtLeastOnce => AckKind::Ack,
        QoS::ExactlyOnce => AckKind::Received,
    }
}

fn message_of(publish: Publish, topic: TopicName) -> Message {
    Message {
        topic,
        // A slice would keep all of what was read with it.
        payload: Bytes::copy_from_slice(&publish.payload),
        qos: publish.qos,
        retain: publish.retain,
        hops: 0,
        expires: publish.expiry_seconds.map(Message::expires_after),
        properties: publish.properties,
    }
}
