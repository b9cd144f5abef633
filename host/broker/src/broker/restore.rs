//! What the store has, put back at start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{Inner, OpenInbox};
use crate::delivery::{Delivery, NewDelivery, Publication};
use crate::inbox::Inbox;
use crate::message::{Message, from_unix_ms};
use crate::router::Wanted;
use crate::session::{Session, State};
use crate::store::{
    Change, DeliveryRecord, InboxRecord, MessageId, SessionRecord, Stored, TakerId,
};

impl Inner {
    /// Puts back what the store has.
    pub(super) fn restore(&self, stored: Stored) {
        let takers = self.restore_sessions(stored.sessions);
        for (taker, record) in stored.subscriptions {
            let Some(session) = takers.get(&taker) else {
                continue;
            };
            let text: Arc<str> = record.filter.as_str().into();
            let Ok(wanted) = Wanted::parse(text.clone(), record.options()) else {
                tracing::warn!(
                    client = &*session.client_id,
                    filter = &*text,
                    "a stored subscription is not valid"
                );
                continue;
            };
            session.state().subscriptions.insert(text, record.options());
            self.router
                .subscribe(session, &wanted, crate::router::SendRetained::No);
        }
        for (taker, packet_id) in stored.received {
            if let Some(session) = takers.get(&taker) {
                session.state().received.insert(packet_id, None);
            }
        }
        for message in stored.retained {
            let publication = self.router.publication(message, 0);
            if self.router.retained().set(&publication).is_err() {
                tracing::warn!(
                    topic = publication.message.topic.as_str(),
                    "a retained message is left out: there are too many"
                );
            }
        }
        let inboxes = self.restore_inboxes(stored.inboxes);
        let messages: HashMap<MessageId, Message> = stored
            .messages
            .into_iter()
            .map(|stored| (stored.id, stored.message))
            .collect();
        self.restore_deliveries(&stored.deliveries, messages, &takers, &inboxes);
    }

    fn restore_sessions(&self, records: Vec<SessionRecord>) -> HashMap<TakerId, Arc<Session>> {
        let mut takers: HashMap<TakerId, Arc<Session>> = HashMap::new();
        for record in records {
            let mut state = State::new(record.expiry_seconds);
            // The clock that matters is that of the host: time that it was off counts.
            let since = record
                .disconnected_ms
                .map_or(SystemTime::now(), from_unix_ms);
            let elapsed = since.elapsed().unwrap_or_default();
            let now = Instant::now();
            state.offline_since = Some(now.checked_sub(elapsed).unwrap_or(now));
            state.will = record
                .will
                .clone()
                .map(|(message, delay_seconds)| crate::packet::Will {
                    message,
                    delay_seconds,
                    expiry_seconds: None,
                });
            let delay = record
                .will
                .as_ref()
                .map(|(_, delay)| (*delay).min(record.expiry_seconds));
            state.will_due = delay.map(|delay| now + Duration::from_secs(delay.into()));
            let has_crashed = record.disconnected_ms.is_none();
            let taker = record.taker;
            let session = self.registry.restore(record, state);
            if has_crashed {
                // Its time without a connection begins now, not at each start again.
                let record = session.record(&session.state());
                self.router.spool.change(Change::Session(record), None);
            }
            takers.insert(taker, session);
        }
        takers
    }

    fn restore_inboxes(&self, records: Vec<InboxRecord>) -> HashMap<TakerId, Arc<Inbox>> {
        let mut by_taker = HashMap::new();
        for record in records {
            let function: Arc<str> = record.function.into();
            let spool = self.router.spool.clone();
            let budget = self.inbox_budget.clone();
            let inbox = Inbox::new(record.taker, function.clone(), spool, budget);
            by_taker.insert(record.taker, inbox.clone());
            let open = OpenInbox {
                inbox,
                known: record.filters,
            };
            self.inboxes().insert(function, open);
        }
        by_taker
    }

    fn restore_deliveries(
        &self,
        records: &[DeliveryRecord],
        messages: HashMap<MessageId, Message>,
        sessions: &HashMap<TakerId, Arc<Session>>,
        inboxes: &HashMap<TakerId, Arc<Inbox>>,
    ) {
        let publications: HashMap<MessageId, Arc<Publication>> = messages
            .into_iter()
            .map(|(id, message)| {
                let publication = Publication {
                    id,
                    message,
                    publisher: 0,
                };
                (id, Arc::new(publication))
            })
            .collect();
        for record in records {
            let Some(publication) = publications.get(&record.message) else {
                continue;
            };
            let new = NewDelivery {
                publication: publication.clone(),
                taker: record.taker,
                qos: record.qos,
                retain: record.retain,
                identifiers: record.identifiers.clone().into_boxed_slice(),
                packet_id: record.packet_id,
                filter: record.filter.clone(),
                receipt: None,
                stored: None,
            };
            let delivery = Delivery::stored(new, record);
            if let Some(session) = sessions.get(&record.taker) {
                let group = self
                    .router
                    .group_of(session, delivery.publication.message.topic.as_str());
                session.restore(delivery, &self.router.budget, group);
            } else if let Some(inbox) = inboxes.get(&record.taker) {
                inbox.restore(delivery);
            }
        }
    }
}
