//! From a session's queue to its connection, and the client's acknowledgements back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::BytesMut;

use super::{Inflight, Link, Queued, Session, State};
use crate::delivery::Delivery;
use crate::limits::{INFLIGHT_MAX, UNSENT_BYTES_MAX};
use crate::message::QoS;
use crate::packet::{AckKind, Alias, Delivered, PacketWriter, ReasonCode};
use crate::session::Budget;
use crate::spool::Spool;
use crate::topic::TopicName;

/// What a connection sends: packets that were written and not sent yet, and what the client takes.
pub(crate) struct Outgoing {
    pub(crate) writer: PacketWriter,
    pub(crate) bytes: BytesMut,
    /// The client's receive maximum, or ours.
    pub(crate) window: usize,
    /// Topic aliases that the client takes.
    pub(crate) aliases_max: u16,
    aliases: HashMap<TopicName, u16>,
    /// Messages written since the start of the connection.
    pub(crate) messages: u64,
}

/// What a client's acknowledgement leads to.
pub(crate) enum Acknowledged {
    /// Nothing that is to be sent.
    Done,
    /// PUBREL is to be sent, once this delivery's state is stored.
    Release(Option<Arc<Delivery>>),
    /// No message has this packet id.
    Unknown,
}

/// What became of a message that was to be sent.
enum Sent {
    OnItsWay,
    TooLarge,
}

impl Outgoing {
    pub(crate) fn new(writer: PacketWriter, window: usize, aliases_max: u16) -> Outgoing {
        Outgoing {
            writer,
            bytes: BytesMut::new(),
            window,
            aliases_max,
            aliases: HashMap::new(),
            messages: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= UNSENT_BYTES_MAX
    }

    fn publish(&mut self, queued: &Queued, packet_id: Option<u16>, dup: bool) -> Sent {
        let message = &queued.publication.message;
        let alias = self.alias(&message.topic);
        let delivered = Delivered {
            message,
            qos: queued.qos,
            retain: queued.retain,
            dup,
            packet_id,
            expiry_seconds: message
                .expires
                .and_then(|_| message.expiry_seconds(SystemTime::now())),
            identifiers: &queued.identifiers,
            alias,
        };
        if self.writer.publish(&mut self.bytes, &delivered).is_err() {
            return Sent::TooLarge;
        }
        if let Some(Alias::New(alias)) = alias {
            self.aliases.insert(message.topic.clone(), alias);
        }
        self.messages += 1;
        Sent::OnItsWay
    }

    /// The first topics get an alias, first come, first served.
    fn alias(&self, topic: &TopicName) -> Option<Alias> {
        if self.aliases_max == 0 {
            return None;
        }
        if let Some(alias) = self.aliases.get(topic) {
            return Some(Alias::Known(*alias));
        }
        let next = u16::try_from(self.aliases.len() + 1).ok()?;
        (next <= self.aliases_max).then_some(Alias::New(next))
    }
}

impl Session {
    /// Writes what waits and may be sent: what a resumed connection is sent again first.
    pub(crate) fn take(
        &self,
        link: &Arc<Link>,
        outgoing: &mut Outgoing,
        spool: &Spool,
        budget: &Budget,
    ) {
        let mut state = self.state();
        if !state.is_linked(link) {
            return;
        }
        state.send_again(outgoing, spool, budget);
        while !outgoing.is_full() {
            let Some(queued) = state.next(outgoing.window) else {
                break;
            };
            let message = &queued.publication.message;
            if message.expires.is_some() && message.is_expired(SystemTime::now()) {
                state.figures.expired += 1;
                state.discard(&queued, spool, budget);
                continue;
            }
            if queued.qos == QoS::AtMostOnce {
                // One that is larger than the client takes is left out [MQTT-3.1.2-25].
                let _ = outgoing.publish(&queued, None, false);
                state.give_back(&queued.publication, budget);
                continue;
            }
            let packet_id = match queued
                .delivery
                .as_ref()
                .and_then(|delivery| delivery.packet_id)
            {
                Some(packet_id) => packet_id,
                None => state.next_packet_id(),
            };
            match outgoing.publish(&queued, Some(packet_id), false) {
                Sent::TooLarge => state.discard(&queued, spool, budget),
                Sent::OnItsWay => state.is_sent(queued, packet_id),
            }
        }
        state.shrink();
    }

    /// PUBACK, PUBREC or PUBCOMP from the client, with its reason code.
    pub(crate) fn acknowledge(
        &self,
        kind: AckKind,
        packet_id: u16,
        reason: u8,
        spool: &Spool,
        budget: &Budget,
    ) -> Acknowledged {
        let mut state = self.state();
        let Some(inflight) = state.inflight.get_mut(&packet_id) else {
            return Acknowledged::Unknown;
        };
        match (kind, inflight.qos) {
            (AckKind::Received, QoS::ExactlyOnce) if reason < 0x80 => {
                if inflight.queued.is_none() {
                    return Acknowledged::Release(None);
                }
                let queued = inflight.queued.take();
                let delivery = inflight.delivery.clone();
                match (&delivery, queued) {
                    // The message is there until PUBCOMP, for as long as its delivery.
                    (Some(delivery), _) => delivery.release(),
                    (None, Some(queued)) => {
                        state.give_back(&queued.publication, budget);
                    }
                    (None, None) => {}
                }
                return Acknowledged::Release(delivery);
            }
            (AckKind::Ack, QoS::AtLeastOnce)
            | (AckKind::Received | AckKind::Complete, QoS::ExactlyOnce) => {}
            _ => return Acknowledged::Unknown,
        }
        state.finish(packet_id, spool, budget);
        Acknowledged::Done
    }
}

impl State {
    pub(crate) fn is_linked(&self, link: &Arc<Link>) -> bool {
        self.link
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, link))
    }

    /// A connection has taken over: what is not acknowledged is sent again, in its order.
    pub(crate) fn resume(&mut self) {
        self.resend_from = self.order.keys().next().copied();
        self.on_wire = 0;
        self.last_progress = Instant::now();
        for inflight in self.inflight.values_mut() {
            inflight.is_on_wire = false;
        }
    }

    fn send_again(&mut self, outgoing: &mut Outgoing, spool: &Spool, budget: &Budget) {
        while let Some(from) = self.resend_from
            && !outgoing.is_full()
        {
            let Some((&order, &packet_id)) = self.order.range(from..).next() else {
                self.resend_from = None;
                return;
            };
            let Some(inflight) = self.inflight.get_mut(&packet_id) else {
                self.order.remove(&order);
                continue;
            };
            match &inflight.queued {
                Some(_) if self.on_wire >= outgoing.window => return,
                Some(queued) => match outgoing.publish(queued, Some(packet_id), true) {
                    Sent::OnItsWay => {
                        inflight.is_on_wire = true;
                        self.on_wire += 1;
                    }
                    // As if it were complete [MQTT-3.1.2-25].
                    Sent::TooLarge => self.finish(packet_id, spool, budget),
                },
                None => outgoing.release(packet_id),
            }
            self.resend_from = Some(order + 1);
        }
    }

    /// The next message that may be sent, in the order of routing as far as the window lets it.
    fn next(&mut self, window: usize) -> Option<Queued> {
        // Those whose PUBCOMP is missing do not count in the window of a later connection, and are not to become ever more.
        let is_open = self.resend_from.is_none()
            && self.on_wire < window
            && self.inflight.len() < window + usize::from(INFLIGHT_MAX);
        let may_go = |queued: &&Queued| {
            // The client must not have it before its packet id is on disk: it could not be told from another one.
            let delivery = queued.delivery.as_ref();
            queued.qos != QoS::ExactlyOnce || delivery.is_none_or(|delivery| delivery.is_stored())
        };
        let first = self.queue.front().filter(|_| is_open).filter(may_go);
        let volatile = self.volatile.front();
        match (first, volatile) {
            (Some(first), Some(volatile)) if volatile.publication.id < first.publication.id => {
                self.volatile.pop_front()
            }
            (Some(_), _) => self.queue.pop_front(),
            (None, Some(_)) => self.volatile.pop_front(),
            (None, None) => None,
        }
    }

    fn next_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.wrapping_add(2);
            let packet_id = self.last_packet_id;
            if packet_id != 0 && !self.inflight.contains_key(&packet_id) {
                return packet_id;
            }
        }
    }

    fn is_sent(&mut self, queued: Queued, packet_id: u16) {
        let order = self.next_order();
        if self.on_wire == 0 {
            self.last_progress = Instant::now();
        }
        self.on_wire += 1;
        self.order.insert(order, packet_id);
        let inflight = Inflight {
            order,
            delivery: queued.delivery.clone(),
            qos: queued.qos,
            queued: Some(queued),
            is_on_wire: true,
        };
        self.inflight.insert(packet_id, inflight);
    }

    fn finish(&mut self, packet_id: u16, spool: &Spool, budget: &Budget) {
        let Some(inflight) = self.inflight.remove(&packet_id) else {
            return;
        };
        self.order.remove(&inflight.order);
        self.last_progress = Instant::now();
        self.on_wire -= usize::from(inflight.is_on_wire);
        let delivery = inflight.delivery.as_ref();
        let queued = inflight.queued.as_ref().map(|queued| &queued.publication);
        if let Some(held) = queued.or(delivery.map(|delivery| &delivery.publication)) {
            self.give_back(held, budget);
        }
        if let Some(delivery) = delivery {
            spool.settle(delivery);
        }
    }

    pub(super) fn discard(&mut self, queued: &Queued, spool: &Spool, budget: &Budget) {
        self.give_back(&queued.publication, budget);
        if let Some(delivery) = &queued.delivery {
            spool.settle(delivery);
        }
    }

    /// Gives memory back after a burst: most sessions are idle most of the time.
    fn shrink(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue.shrink_to_fit();
        }
        if self.volatile.is_empty() && self.volatile.capacity() > 64 {
            self.volatile.shrink_to_fit();
        }
    }
}

impl Outgoing {
    /// PUBREL.
    pub(crate) fn release(&mut self, packet_id: u16) {
        self.writer.ack(
            &mut self.bytes,
            AckKind::Release,
            packet_id,
            ReasonCode::Success,
            None,
        );
    }
}
