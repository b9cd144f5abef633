//! The public MQTT listener: decides who may connect, counts connections, and passes bytes to the embedded broker.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ConnectionSnapshot;
use crate::limits::MQTT_CONNECTIONS_MAX;
use crate::observe::journal::rfc3339;

/// The gate in front of the broker that listens at `inner`.
pub(super) struct Gate {
    inner: SocketAddr,
    places: Arc<Semaphore>,
    open: Arc<Open>,
    /// Where it listens, once it does.
    address: OnceLock<SocketAddr>,
}

/// The connections that are open, by a number that counts up.
#[derive(Default)]
struct Open {
    next: AtomicU64,
    connections: Mutex<BTreeMap<u64, ConnectionSnapshot>>,
}

/// Keeps a connection in the list while it lives.
struct Entry {
    open: Arc<Open>,
    number: u64,
}

impl Gate {
    pub(super) fn new(inner: SocketAddr) -> Gate {
        Gate {
            inner,
            places: Arc::new(Semaphore::new(MQTT_CONNECTIONS_MAX)),
            open: Arc::default(),
            address: OnceLock::new(),
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }

    pub(super) async fn serve(
        &self,
        listener: TcpListener,
        anonymous_from_anywhere: bool,
        stop: CancellationToken,
    ) {
        if let Ok(address) = listener.local_addr() {
            self.address.get_or_init(|| address);
        }
        let connections = TaskTracker::new();
        loop {
            let (client, address) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "an MQTT connection could not be accepted");
                        // Out of file descriptors, most likely: give others time to close theirs.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            if !address.ip().to_canonical().is_loopback() && !anonymous_from_anywhere {
                tracing::warn!(%address, "an anonymous MQTT client from another machine was refused; \
                    --mqtt-anonymous lets them in");
                continue;
            }
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                tracing::warn!(%address, "an MQTT client was refused: {MQTT_CONNECTIONS_MAX} are connected");
                continue;
            };
            let entry = Entry::new(&self.open, address);
            let (inner, stop) = (self.inner, stop.clone());
            connections.spawn(async move {
                let (_place, _entry) = (place, entry);
                tokio::select! {
                    () = stop.cancelled() => {}
                    passed = pass(client, inner) => {
                        if let Err(error) = passed {
                            tracing::debug!(%address, %error, "an MQTT connection ended");
                        }
                    }
                }
            });
        }
        connections.close();
        connections.wait().await;
    }

    pub(super) fn connections(&self) -> Vec<ConnectionSnapshot> {
        self.open
            .connections
            .lock()
            .expect("no holder of this lock panics")
            .values()
            .cloned()
            .collect()
    }
}

impl Entry {
    fn new(open: &Arc<Open>, address: SocketAddr) -> Entry {
        let number = open.next.fetch_add(1, Ordering::Relaxed);
        let snapshot = ConnectionSnapshot {
            address,
            connected: rfc3339(SystemTime::now()),
        };
        open.connections
            .lock()
            .expect("no holder of this lock panics")
            .insert(number, snapshot);
        Entry {
            open: open.clone(),
            number,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open
            .connections
            .lock()
            .expect("no holder of this lock panics")
            .remove(&self.number);
    }
}

async fn pass(mut client: TcpStream, inner: SocketAddr) -> std::io::Result<()> {
    let mut broker = connect(inner).await?;
    // Small packets, each waited for: do not hold them back.
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut broker).await?;
    Ok(())
}

/// Connects to the broker, which at start may be a moment away from listening.
async fn connect(inner: SocketAddr) -> std::io::Result<TcpStream> {
    let mut attempts_left = 50;
    loop {
        match TcpStream::connect(inner).await {
            Err(_) if attempts_left > 0 => attempts_left -= 1,
            result => return result,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
