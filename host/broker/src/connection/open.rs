//! The connections that are open: how many there may be, and what is shown of them.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use crate::access::network;
use crate::broker::Inner;
use crate::events::{BrokerEvent, EventKind, Events};
use crate::limits::{CONNECTIONS_MAX, UNAUTHENTICATED_MAX, UNAUTHENTICATED_PER_ADDRESS_MAX};
use crate::message::unix_ms;
use crate::packet::Version;
use crate::session::Session;

/// All of them.
#[derive(Default)]
pub(crate) struct Connections {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Client>>>,
    guests: Arc<Mutex<Guests>>,
    addresses: Mutex<Vec<SocketAddr>>,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) events: Events,
}

/// How many have not sent a CONNECT, or are being refused.
#[derive(Default)]
struct Guests {
    /// By network.
    by_address: HashMap<IpAddr, usize>,
    count: usize,
}

/// A client that is connected.
pub(crate) struct Client {
    pub(crate) session: Arc<Session>,
    pub(crate) address: SocketAddr,
    pub(crate) version: Version,
    pub(crate) transport: &'static str,
    pub(crate) since_ms: i64,
    received: AtomicU64,
    refused: AtomicU64,
}

/// Keeps a client in the list while its connection lives.
pub(crate) struct ClientEntry {
    inner: Arc<Inner>,
    number: u64,
    client: Arc<Client>,
}

/// A place for one that has not sent a CONNECT yet.
pub(super) struct Guest {
    guests: Arc<Mutex<Guests>>,
    address: IpAddr,
}

impl Connections {
    /// Counts a connection that has just been opened; none where there are too many like it.
    pub(super) fn enter(&self, from: SocketAddr) -> Option<Guest> {
        let address = network(from.ip());
        let mut guests = self.guests.lock().expect("no holder of this lock panics");
        let present = guests.by_address.get(&address).copied().unwrap_or_default();
        if present >= UNAUTHENTICATED_PER_ADDRESS_MAX || guests.count >= UNAUTHENTICATED_MAX {
            self.count_refused(from, "too many have connected without saying who they are");
            return None;
        }
        guests.by_address.insert(address, present + 1);
        guests.count += 1;
        Some(Guest {
            guests: self.guests.clone(),
            address,
        })
    }

    /// Whether one more may connect.
    pub(crate) fn has_room(&self) -> bool {
        self.open().len() < CONNECTIONS_MAX
    }

    pub(crate) fn count_refused(&self, address: SocketAddr, reason: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.events.tell(|| BrokerEvent {
            kind: EventKind::Refused,
            client_id: None,
            address,
            detail: reason.to_owned(),
        });
    }

    /// A listener has begun.
    pub(crate) fn listens(&self, address: SocketAddr) {
        let mut addresses = self
            .addresses
            .lock()
            .expect("no holder of this lock panics");
        addresses.push(address);
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// Those that are connected, the oldest first.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.open().values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.open().len()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.open.lock().expect("no holder of this lock panics")
    }
}

impl Client {
    fn event(&self, kind: EventKind) -> BrokerEvent {
        BrokerEvent {
            kind,
            client_id: Some(self.session.client_id.to_string()),
            address: self.address,
            detail: self.transport.to_owned(),
        }
    }

    /// Packets that came from it.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Messages of its that were not taken.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl ClientEntry {
    pub(super) fn new(
        inner: &Arc<Inner>,
        session: &Arc<Session>,
        address: SocketAddr,
        version: Version,
        transport: &'static str,
    ) -> ClientEntry {
        let connections = &inner.connections;
        let number = connections.next.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client {
            session: session.clone(),
            address,
            version,
            transport,
            since_ms: unix_ms(SystemTime::now()),
            received: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        connections.accepted.fetch_add(1, Ordering::Relaxed);
        connections.open().insert(number, client.clone());
        connections
            .events
            .tell(|| client.event(EventKind::Connected));
        ClientEntry {
            inner: inner.clone(),
            number,
            client,
        }
    }

    pub(super) fn count_received(&self) {
        self.client.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.client.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for ClientEntry {
    fn drop(&mut self) {
        let connections = &self.inner.connections;
        connections.open().remove(&self.number);
        let event = || self.client.event(EventKind::Disconnected);
        connections.events.tell(event);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.guests.lock().expect("no holder of this lock panics");
        guests.count -= 1;
        let guests = &mut guests.by_address;
        if let Some(count) = guests.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.address);
            }
        }
    }
}
