//! Acknowledgements in both directions.
//!
//! Those to the client leave in the order of the packets that they acknowledge [MQTT-4.6.0-2], each when its receipt is
//! complete; the first one that is not holds back those behind it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Connection, End};
use crate::delivery::{LazyReceipt, Receipt};
use crate::packet::{Ack, AckKind, ReasonCode};
use crate::session::Acknowledged;
use crate::store::Change;

/// What is to be sent, in its order.
#[derive(Default)]
pub(super) struct Acknowledgements {
    pending: VecDeque<Pending>,
    subscribing: usize,
}

struct Pending {
    packet: Acknowledgement,
    receipt: Option<Arc<Receipt>>,
}

/// A packet that acknowledges another one.
pub(super) enum Acknowledgement {
    Message(AckKind, u16, ReasonCode),
    Subscribe(u16, Vec<u8>),
    Unsubscribe(u16, Vec<ReasonCode>),
}

impl Acknowledgements {
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether a SUBACK is among them: messages come after it.
    pub(super) fn is_subscribing(&self) -> bool {
        self.subscribing > 0
    }

    pub(super) fn push(&mut self, packet: Acknowledgement, receipt: Option<Arc<Receipt>>) {
        if let Acknowledgement::Subscribe(..) = packet {
            self.subscribing += 1;
        }
        self.pending.push_back(Pending { packet, receipt });
    }

    fn next(&mut self) -> Option<Acknowledgement> {
        let is_complete = |receipt: &Arc<Receipt>| receipt.is_complete();
        let first = self.pending.front()?;
        if !first.receipt.as_ref().is_none_or(is_complete) {
            return None;
        }
        let first = self.pending.pop_front()?;
        if let Acknowledgement::Subscribe(..) = first.packet {
            self.subscribing -= 1;
        }
        if self.pending.is_empty() && self.pending.capacity() > 64 {
            self.pending = VecDeque::new();
        }
        Some(first.packet)
    }
}

impl Connection {
    /// Sends what is complete.
    pub(super) fn send_acknowledgements(&mut self) {
        while let Some(packet) = self.acknowledgements.next() {
            let out = &mut self.outgoing.bytes;
            let writer = &mut self.outgoing.writer;
            match packet {
                Acknowledgement::Message(kind, packet_id, reason) => {
                    writer.ack(out, kind, packet_id, reason, None);
                    let is_last = match kind {
                        AckKind::Ack | AckKind::Complete => true,
                        AckKind::Received => reason as u8 >= 0x80,
                        AckKind::Release => false,
                    };
                    self.unacknowledged = self.unacknowledged.saturating_sub(is_last.into());
                }
                Acknowledgement::Subscribe(packet_id, reasons) => {
                    writer.subscribe_ack(out, packet_id, &reasons);
                }
                Acknowledgement::Unsubscribe(packet_id, reasons) => {
                    writer.unsubscribe_ack(out, packet_id, &reasons);
                }
            }
        }
    }

    /// PUBACK, PUBREC or PUBCOMP from the client.
    pub(super) fn acknowledged(&mut self, kind: AckKind, ack: Ack) -> Result<(), End> {
        let router = &self.inner.router;
        let acknowledged = self.session.acknowledge(
            kind,
            ack.packet_id,
            ack.reason,
            &router.spool,
            &router.budget,
        );
        let (reason, receipt) = match acknowledged {
            Acknowledged::Release(Some(delivery)) => {
                // A client forgets the packet id with PUBREL: that it has the message is to be on disk before.
                let mut receipt = LazyReceipt::new(&self.session.wake);
                router.spool.update(&delivery, Some(receipt.share()));
                (ReasonCode::Success, receipt.finish())
            }
            Acknowledged::Release(None) => (ReasonCode::Success, None),
            Acknowledged::Unknown if kind == AckKind::Received => {
                (ReasonCode::PacketIdentifierNotFound, None)
            }
            Acknowledged::Unknown | Acknowledged::Done => return Ok(()),
        };
        let release = Acknowledgement::Message(AckKind::Release, ack.packet_id, reason);
        self.acknowledgements.push(release, receipt);
        Ok(())
    }

    /// PUBREL from the client: its message has been routed, and the packet id is free again.
    pub(super) fn release(&mut self, ack: Ack) {
        let mut receipt = LazyReceipt::new(&self.session.wake);
        let (was_there, survives) = {
            let mut state = self.session.state();
            let was_there = state.received.remove(&ack.packet_id).is_some();
            (was_there, state.expiry_seconds > 0)
        };
        if was_there && survives {
            let change = Change::ReceivedReleased(self.session.taker, ack.packet_id);
            self.inner
                .router
                .spool
                .change(change, Some(receipt.share()));
        }
        let reason = if was_there {
            ReasonCode::Success
        } else {
            ReasonCode::PacketIdentifierNotFound
        };
        let complete = Acknowledgement::Message(AckKind::Complete, ack.packet_id, reason);
        self.acknowledgements.push(complete, receipt.finish());
    }
}
