//! Sessions by themselves: packet ids, and what they may hold.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::*;
use crate::access::{Identity, Permissions};
use crate::limits::{INFLIGHT_MAX, SESSIONS_PER_IDENTITY_MAX, SESSIONS_QUEUE_BYTES_MAX};
use crate::packet::{AckKind, PacketWriter, Version};
use crate::store::DeliveryRecord;
use crate::tests::store::MemoryStore;

const WINDOW: usize = 4;

/// A session, with all that it is used with.
struct Bench {
    budget: Budget,
    spool: Spool,
    session: Arc<Session>,
}

impl Bench {
    /// A session that the store has, of a client that is off line.
    fn new() -> Bench {
        let registry = Registry::default();
        let record = SessionRecord {
            taker: 1,
            client_id: "client".to_owned(),
            identity: None,
            expiry_seconds: 3600,
            disconnected_ms: None,
            will: None,
        };
        let session = registry.restore(record, State::new(3600));
        Bench {
            budget: Budget::default(),
            spool: Spool::new(Arc::new(MemoryStore::default()), Duration::ZERO),
            session,
        }
    }

    fn offer(&self, number: i64) -> bool {
        let offer = Offer {
            publication: &publication(number, 1),
            qos: QoS::ExactlyOnce,
            retain: false,
            identifiers: Vec::new(),
            group: None,
        };
        self.session.offer(offer, None, &self.spool, &self.budget)
    }

    /// Puts back what the store has of a message.
    fn restore(&self, number: i64, packet_id: u16) {
        let new = NewDelivery {
            publication: publication(number, 1),
            taker: 1,
            qos: QoS::ExactlyOnce,
            retain: false,
            identifiers: Box::default(),
            packet_id: Some(packet_id),
            filter: None,
            receipt: None,
            stored: None,
        };
        let record = DeliveryRecord {
            taker: 1,
            message: number,
            qos: QoS::ExactlyOnce,
            retain: false,
            identifiers: Vec::new(),
            packet_id: Some(packet_id),
            is_released: false,
            filter: None,
            attempts: crate::store::AttemptsRecord::default(),
        };
        let delivery = Delivery::stored(new, &record);
        self.session.restore(delivery, &self.budget, None);
    }

    /// The client connects, and is sent what it may have.
    fn connect(&self) -> (Arc<Link>, Outgoing) {
        let link = {
            let mut state = self.session.state();
            let link = Link::new();
            state.link = Some(link.clone());
            state.resume();
            link
        };
        let writer = PacketWriter::new(Version::V311, None, false);
        let mut outgoing = Outgoing::new(writer, WINDOW, 0);
        self.session
            .take(&link, &mut outgoing, &self.spool, &self.budget);
        (link, outgoing)
    }

    /// What waits to be stored is stored.
    fn commit(&self) {
        for queued in &self.session.state().queue {
            if let Some(delivery) = &queued.delivery
                && delivery.begin_storing()
            {
                delivery.end_storing();
            }
        }
    }

    fn acknowledge(&self, kind: AckKind, packet_id: u16) -> Acknowledged {
        self.session
            .acknowledge(kind, packet_id, 0, &self.spool, &self.budget)
    }

    fn in_flight(&self) -> Vec<u16> {
        let mut ids: Vec<u16> = self.session.state().inflight.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}

fn publication(number: i64, bytes: usize) -> Arc<Publication> {
    Arc::new(Publication {
        id: number,
        message: Message::new(
            "a".parse().expect("a topic"),
            vec![0; bytes].into(),
            QoS::ExactlyOnce,
        ),
        publisher: 0,
    })
}

#[test]
fn packet_ids_that_the_store_has_are_not_given_out_again() {
    let bench = Bench::new();
    // The older message was routed later: it had waited for room.
    bench.restore(100, 3);
    bench.restore(101, 1);
    assert!(bench.offer(102));
    bench.commit();
    let _connection = bench.connect();
    assert_eq!(bench.in_flight(), [1, 3, 5]);
}

#[test]
fn a_client_that_never_completes_is_sent_no_more_than_so_many() {
    let bench = Bench::new();
    let most = WINDOW + usize::from(INFLIGHT_MAX);
    for number in 0..2 * most {
        assert!(bench.offer(number as i64));
    }
    bench.commit();
    for _ in 0..most {
        let _connection = bench.connect();
        for packet_id in bench.in_flight() {
            let _release = bench.acknowledge(AckKind::Received, packet_id);
        }
    }
    assert_eq!(bench.in_flight().len(), most);
    // They are held until they are complete, and counted.
    let bytes = publication(0, 1).message.bytes();
    assert_eq!(bench.budget.bytes(), 2 * most * bytes);
    for packet_id in bench.in_flight() {
        let _done = bench.acknowledge(AckKind::Complete, packet_id);
    }
    assert_eq!(bench.budget.bytes(), most * bytes);
    let _connection = bench.connect();
    assert_eq!(bench.in_flight().len(), WINDOW);
}

#[test]
fn what_a_session_held_is_free_when_it_has_ended() {
    let bench = Bench::new();
    for number in 0..10 {
        assert!(bench.offer(number));
    }
    bench.commit();
    let _connection = bench.connect();
    for packet_id in bench.in_flight() {
        let _release = bench.acknowledge(AckKind::Received, packet_id);
    }
    let mut state = bench.session.state();
    let held: Vec<_> = state
        .inflight
        .values()
        .filter_map(|inflight| inflight.delivery.clone())
        .collect();
    let orphans = bench.session.clear(&mut state, &bench.spool, &bench.budget);
    assert_eq!((orphans.len(), bench.budget.bytes()), (0, 0));
    assert_eq!(held.len(), WINDOW);
    assert!(held.iter().all(|delivery| delivery.is_done()));
}

fn attach(registry: &Registry, name: Option<&str>, client_id: &str) -> Result<(), ReasonCode> {
    let identity = Identity {
        name: name.map(Arc::from),
        permissions: Arc::new(ArcSwapOption::from_pointee(Permissions::all())),
        expires: None,
    };
    let request = Request {
        client_id: &client_id.into(),
        identity: &identity,
        clean_start: true,
        expiry_seconds: 3600,
        will: None,
    };
    registry.attach(request, || 1).map(drop)
}

#[test]
fn one_identity_does_not_use_up_all_sessions() {
    let registry = Registry::default();
    for number in 0..SESSIONS_PER_IDENTITY_MAX {
        assert_eq!(attach(&registry, Some("one"), &number.to_string()), Ok(()));
    }
    let refused = attach(&registry, Some("one"), "one too many");
    assert_eq!(refused, Err(ReasonCode::QuotaExceeded));
    assert_eq!(attach(&registry, Some("other"), "another"), Ok(()));
    assert_eq!(attach(&registry, None, "nobody's"), Ok(()));
    // In place of one that there is.
    assert_eq!(attach(&registry, Some("one"), "0"), Ok(()));
    let ended = registry.get("1").expect("it is there");
    registry.remove(&ended);
    assert_eq!(attach(&registry, Some("one"), "one too many"), Ok(()));
}

#[test]
fn one_identity_does_not_use_up_all_room_and_nobody_off_line_does() {
    let budget = Budget::default();
    let [one, other, third] = [const { Share::new() }; 3];
    let quarter = SESSIONS_QUEUE_BYTES_MAX / 4;
    assert!(budget.take(&one, 2 * quarter, true));
    assert!(!budget.take(&one, 1, false), "half of it");
    assert!(budget.take(&other, quarter, true));
    assert!(!budget.take(&other, 1, true), "three quarters");
    assert!(budget.take(&third, quarter, false));
    assert!(!budget.take(&third, 1, false), "all");
    budget.give_back(&one, 1);
    assert!(budget.take(&third, 1, false));
}

#[test]
fn a_session_without_expiry_ends_with_the_connection_that_is_taken_over() {
    let registry = Registry::default();
    let identity = Identity {
        name: None,
        permissions: Arc::new(ArcSwapOption::from_pointee(Permissions::all())),
        expires: None,
    };
    let client_id: Arc<str> = "client".into();
    let connect = |clean_start, expiry_seconds| {
        let request = Request {
            client_id: &client_id,
            identity: &identity,
            clean_start,
            expiry_seconds,
            will: None,
        };
        registry.attach(request, || 1).expect("there is room")
    };
    connect(true, 0);
    assert!(!connect(false, 60).is_present);
    assert!(connect(false, 60).is_present);
}
