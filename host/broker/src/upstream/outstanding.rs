//! Messages from the external broker that are not acknowledged yet.
//!
//! They are acknowledged in the order in which they came [MQTT-4.6.0-2], each when every inbox that it went to has handled
//! it or has it on disk. One for which an inbox has no room is parked, with later ones of its topic; others go past it, as
//! long as the receive maximum allows.
//!
//! Where a connection ends first, the broker sends them again on the next one. Those that inboxes have already are
//! recognised by packet id, DUP flag and content, and only acknowledged.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rumqttc::ManualAck;

use crate::delivery::{Publication, Receipt};
use crate::limits::UPSTREAM_UNACKNOWLEDGED_BYTES_MAX;
use crate::message::Message;
use crate::topic::{TopicFilter, TopicName};

/// In the order in which they came.
#[derive(Default)]
pub(super) struct Outstanding {
    messages: VecDeque<Waiting>,
    /// Of those messages, about.
    bytes: usize,
    parked: usize,
    /// Of connections that have ended, by packet id.
    routed_before: HashMap<u16, Routed>,
}

struct Waiting {
    acknowledgement: ManualAck,
    place: Place,
}

enum Place {
    Parked(Parked),
    Routed(Routed),
    /// No inbox takes it.
    Nowhere,
}

impl Place {
    /// Of the message, which it has until it is acknowledged.
    fn bytes(&self) -> usize {
        match self {
            Place::Parked(parked) => parked.publication.message.bytes(),
            Place::Routed(routed) => routed.publication.message.bytes(),
            Place::Nowhere => 0,
        }
    }
}

/// A message that waits for room.
pub(super) struct Parked {
    pub(super) publication: Arc<Publication>,
    /// The subscriptions that it came through, where the broker says so.
    pub(super) through: Option<Vec<TopicFilter>>,
}

/// A message that inboxes have.
struct Routed {
    publication: Arc<Publication>,
    /// What is to be waited for.
    receipt: Option<Arc<Receipt>>,
}

impl Outstanding {
    /// An inbox has it, or several.
    pub(super) fn routed(
        &mut self,
        acknowledgement: ManualAck,
        publication: Arc<Publication>,
        receipt: Option<Arc<Receipt>>,
    ) {
        self.push(
            acknowledgement,
            Place::Routed(Routed {
                publication,
                receipt,
            }),
        );
    }

    /// An inbox has no room for it.
    pub(super) fn park(&mut self, acknowledgement: ManualAck, parked: Parked) {
        self.parked += 1;
        self.push(acknowledgement, Place::Parked(parked));
    }

    /// Nobody takes it.
    pub(super) fn nowhere(&mut self, acknowledgement: ManualAck) {
        self.push(acknowledgement, Place::Nowhere);
    }

    fn push(&mut self, acknowledgement: ManualAck, place: Place) {
        self.bytes += place.bytes();
        self.messages.push_back(Waiting {
            acknowledgement,
            place,
        });
    }

    /// Takes in a message that inboxes have already, if it is said to be sent again. One that is not is a new one, whatever
    /// had its packet id before.
    pub(super) fn routed_before(
        &mut self,
        acknowledgement: ManualAck,
        message: &Message,
        is_sent_again: bool,
    ) -> Result<(), ManualAck> {
        let packet_id = packet_id(&acknowledgement);
        let is_same = self.routed_before.get(&packet_id).is_some_and(|routed| {
            let before = &routed.publication.message;
            is_sent_again && before.topic == message.topic && before.payload == message.payload
        });
        match self.routed_before.remove(&packet_id) {
            Some(routed) if is_same => {
                self.push(acknowledgement, Place::Routed(routed));
                Ok(())
            }
            _ => Err(acknowledgement),
        }
    }

    /// Whether a message of this topic waits for room, so that others have to wait behind it.
    pub(super) fn is_parked(&self, topic: &TopicName) -> bool {
        self.parked > 0
            && self.messages.iter().any(|waiting| {
                matches!(&waiting.place, Place::Parked(parked) if parked.publication.message.topic == *topic)
            })
    }

    /// Whether any message waits for room.
    pub(super) fn has_parked(&self) -> bool {
        self.parked > 0
    }

    /// Tries again what waits for room, in its order within each topic.
    pub(super) fn retry(&mut self, mut route: impl FnMut(&Parked) -> Option<Option<Arc<Receipt>>>) {
        let mut still_full: Vec<TopicName> = Vec::new();
        for waiting in &mut self.messages {
            let Place::Parked(parked) = &waiting.place else {
                continue;
            };
            let topic = &parked.publication.message.topic;
            if still_full.contains(topic) {
                continue;
            }
            match route(parked) {
                Some(receipt) => {
                    self.parked -= 1;
                    let publication = parked.publication.clone();
                    waiting.place = Place::Routed(Routed {
                        publication,
                        receipt,
                    });
                }
                None => still_full.push(topic.clone()),
            }
        }
    }

    /// The next one to acknowledge.
    pub(super) fn next(&mut self) -> Option<ManualAck> {
        let is_done = match &self.messages.front()?.place {
            Place::Parked(_) => false,
            Place::Routed(routed) => {
                let receipt = routed.receipt.as_ref();
                receipt.is_none_or(|receipt| receipt.is_complete())
            }
            Place::Nowhere => true,
        };
        let first = self.messages.pop_front_if(|_| is_done)?;
        self.bytes -= first.place.bytes();
        Some(first.acknowledgement)
    }

    /// Whether nothing can be acknowledged any more but what waits for room, or waits behind that.
    pub(super) fn is_drained(&self) -> bool {
        let first = self.messages.front();
        first.is_none_or(|first| matches!(first.place, Place::Parked(_)))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The connection has ended: nothing of it can be acknowledged any more.
    pub(super) fn disconnected(&mut self) {
        self.parked = 0;
        self.bytes = 0;
        for waiting in self.messages.drain(..) {
            if let Place::Routed(routed) = waiting.place {
                self.routed_before
                    .insert(packet_id(&waiting.acknowledgement), routed);
            }
        }
    }

    /// There is a new one, to a session that the broker still had or a new one.
    pub(super) fn connected(&mut self, is_session_present: bool) {
        let held = self.routed_before.values();
        let bytes: usize = held.map(|routed| routed.publication.message.bytes()).sum();
        // What the broker has given to others by now stays behind otherwise.
        if !is_session_present || bytes > UPSTREAM_UNACKNOWLEDGED_BYTES_MAX {
            self.routed_before.clear();
        }
    }
}

fn packet_id(acknowledgement: &ManualAck) -> u16 {
    match acknowledgement {
        ManualAck::PubAck(acknowledgement) => acknowledgement.pkid,
        ManualAck::PubRec(acknowledgement) => acknowledgement.pkid,
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::mqttbytes::v5::PubAck;
    use tokio::sync::Notify;

    use super::*;
    use crate::delivery::LazyReceipt;
    use crate::message::QoS;

    fn acknowledgement(packet_id: u16) -> ManualAck {
        ManualAck::PubAck(PubAck::new(packet_id, None))
    }

    fn publication(topic: &str, payload: &'static str) -> Arc<Publication> {
        Arc::new(Publication {
            id: 1,
            message: Message::new(
                topic.parse().expect("a topic"),
                payload.into(),
                QoS::AtLeastOnce,
            ),
            publisher: 0,
        })
    }

    fn parked(topic: &str) -> Parked {
        Parked {
            publication: publication(topic, "x"),
            through: None,
        }
    }

    fn receipt() -> Arc<Receipt> {
        let wake = Arc::new(Notify::new());
        let mut receipt = LazyReceipt::new(&wake);
        let share = receipt.share();
        receipt.finish();
        share
    }

    fn acknowledged(outstanding: &mut Outstanding) -> Vec<u16> {
        std::iter::from_fn(|| outstanding.next().map(|next| packet_id(&next))).collect()
    }

    #[test]
    fn messages_are_acknowledged_in_the_order_in_which_they_came() {
        let mut outstanding = Outstanding::default();
        let (first, second) = (receipt(), receipt());
        outstanding.routed(
            acknowledgement(1),
            publication("a", "1"),
            Some(first.clone()),
        );
        outstanding.routed(
            acknowledgement(2),
            publication("a", "2"),
            Some(second.clone()),
        );
        outstanding.nowhere(acknowledgement(3));
        second.confirm();
        assert!(acknowledged(&mut outstanding).is_empty());
        first.confirm();
        assert_eq!(acknowledged(&mut outstanding), [1, 2, 3]);
        assert!(outstanding.is_drained() && outstanding.len() == 0);
    }

    #[test]
    fn a_message_without_room_holds_up_its_own_topic_only() {
        let mut outstanding = Outstanding::default();
        outstanding.park(acknowledgement(1), parked("full"));
        outstanding.routed(acknowledgement(2), publication("free", "x"), None);
        outstanding.park(acknowledgement(3), parked("full"));
        outstanding.park(acknowledgement(4), parked("other"));
        assert!(outstanding.is_parked(&"full".parse().expect("a topic")));
        assert!(!outstanding.is_parked(&"free".parse().expect("a topic")));
        assert!(outstanding.is_drained());
        let mut tried = Vec::new();
        outstanding.retry(|parked| {
            let topic = parked.publication.message.topic.to_string();
            tried.push(topic.clone());
            (topic == "other").then_some(None)
        });
        assert_eq!(tried, ["full", "other"]);
        assert!(acknowledged(&mut outstanding).is_empty());
        outstanding.retry(|_| Some(None));
        assert_eq!(acknowledged(&mut outstanding), [1, 2, 3, 4]);
        assert!(!outstanding.has_parked());
    }

    #[test]
    fn what_is_sent_again_is_recognised_and_nothing_else_is() {
        let again = |id, topic: &str, payload: &'static str, is_session_present| {
            let mut outstanding = Outstanding::default();
            outstanding.routed(acknowledgement(7), publication("a", "x"), None);
            outstanding.park(acknowledgement(8), parked("b"));
            outstanding.disconnected();
            assert!(
                outstanding.next().is_none(),
                "of a connection that has ended"
            );
            outstanding.connected(is_session_present);
            let message = &publication(topic, payload).message;
            outstanding
                .routed_before(acknowledgement(id), message, true)
                .is_ok()
        };
        assert!(again(7, "a", "x", true));
        assert!(!again(7, "a", "x", false), "another session");
        assert!(!again(7, "a", "y", true), "another payload");
        assert!(!again(7, "c", "x", true), "another topic");
        assert!(!again(9, "a", "x", true), "another packet id");
        assert!(!again(8, "b", "x", true), "it was never routed");
    }
}
