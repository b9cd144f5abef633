//! Whether a connection may be opened, and opening it: the name is looked up once, each of its addresses is checked,
//! and what is dialled is an address that was checked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::capability::detached::detached;
use crate::limits::{OUTBOUND_ADDRESSES_MAX, OUTBOUND_FUNCTION_LOOKUPS_MAX};
use crate::model::address::Reach;
use crate::model::grant::Grants;
use crate::model::outbound::{self, Destination, Host, OutboundGrant};

/// Looks a name up, and holds its function's turn until that is over.
pub(super) type Resolver = Arc<dyn Fn(String, OwnedSemaphorePermit) -> Lookup + Send + Sync>;
type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// No grant covers the destination.
    #[error("`{0}` is not granted: add it to grants.outbound")]
    NotGranted(Destination),
    /// A name that a guest wants to connect to by itself, on a port that only it knows.
    #[error("the name `{0}` is not granted: add `tcp://{0}:` and the port to grants.outbound")]
    NameNotGranted(String),
    /// A grant covers the destination, but not its address.
    #[error(
        "`{destination}` leads to {address}, {reach}, which a name or a `*` does not grant: add `{}` to grants.outbound",
        destination.at(*address)
    )]
    AddressNotGranted {
        /// What was asked for.
        destination: Destination,
        /// One of its addresses.
        address: IpAddr,
        /// What the address leads to.
        reach: Reach,
    },
    /// The name has no address, or none that could be found.
    #[error("the name of `{0}` cannot be resolved: {1}")]
    Unresolvable(Destination, String),
    /// The other side does not take the connection, or cannot be reached.
    #[error("`{0}` cannot be reached: {1}")]
    Unreachable(Destination, #[source] io::Error),
    /// It took too long.
    #[error("`{0}` could not be reached in time")]
    Timeout(Destination),
    /// Too many connections are open, of this function or of all.
    #[error("`{0}` was not tried: too many outbound connections are open already")]
    TooMany(Destination),
    /// Too many connections are open, or sockets that may become one.
    #[error("no socket was made: too many outbound connections are open already")]
    TooManySockets,
}

/// Opens connections for one function.
pub(super) struct Guard {
    pub(super) grants: Arc<Grants>,
    resolver: Resolver,
    /// The function's turns at looking names up.
    lookups: Arc<Semaphore>,
    /// The function's, and the host's.
    connections: [Arc<Semaphore>; 2],
}

/// An open connection; it counts as long as it lives.
pub struct Connection {
    stream: TcpStream,
    _permits: [OwnedSemaphorePermit; 2],
}

/// The system's resolver, in as many threads at once as there are permits. A lookup that nobody waits for any longer
/// keeps its permits: its thread is still busy.
pub(super) fn system_resolver(lookups: Arc<Semaphore>) -> Resolver {
    Arc::new(move |name, turn| {
        let lookups = lookups.clone();
        let looked_up = async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = move || {
                let _held = (permit, turn);
                let found = (name.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(look_up).await?
        };
        Box::pin(async move { detached(looked_up).await.map_err(io::Error::other)? })
    })
}

impl Guard {
    pub(super) fn new(
        grants: Arc<Grants>,
        resolver: Resolver,
        connections: [Arc<Semaphore>; 2],
    ) -> Guard {
        Guard {
            grants,
            resolver,
            lookups: Arc::new(Semaphore::new(OUTBOUND_FUNCTION_LOOKUPS_MAX)),
            connections,
        }
    }

    /// Opens a connection, if it is granted.
    pub(super) async fn connect(
        &self,
        destination: &Destination,
        within: Duration,
    ) -> Result<Connection, Denied> {
        let deadline = Instant::now() + within;
        let late = |_| Denied::Timeout(destination.clone());
        let addresses = timeout_at(deadline, self.addresses(destination)).await;
        let addresses = addresses.map_err(late)??;
        // Half of the time at most, so that whoever is refused hears of it as what it is.
        let permits = timeout(within / 2, self.permits()).await;
        let permits = permits.map_err(|_| Denied::TooMany(destination.clone()))?;
        let stream = dial(destination, &addresses, deadline).await?;
        // A request's end is not to wait for more to send.
        let _ = stream.set_nodelay(true);
        Ok(Connection {
            stream,
            _permits: permits,
        })
    }

    /// Where a destination is, if it is granted: only addresses that may be dialled.
    pub(super) async fn addresses(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, Denied> {
        if !outbound::permits(&self.grants.outbound, destination) {
            return Err(Denied::NotGranted(destination.clone()));
        }
        let unresolvable = |reason: String| Denied::Unresolvable(destination.clone(), reason);
        if destination.is_internal() {
            let reason = "it names a function of this host, which is not on the network";
            return Err(unresolvable(reason.to_owned()));
        }
        let found = match destination.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                let turn = self.lookups.clone().acquire_owned().await;
                let turn = turn.map_err(|error| unresolvable(error.to_string()))?;
                let found = (self.resolver)(name.clone(), turn).await;
                found.map_err(|error| unresolvable(error.to_string()))?
            }
        };
        let mut prohibited = None;
        let mut allowed = Vec::new();
        for address in found {
            let address = address.to_canonical();
            match check_address(&self.grants.outbound, destination, address) {
                Ok(()) => allowed.push(SocketAddr::new(address, destination.port())),
                Err(reach) => prohibited = prohibited.or(Some((address, reach))),
            }
        }
        allowed.dedup();
        allowed.truncate(OUTBOUND_ADDRESSES_MAX);
        match (allowed.is_empty(), prohibited) {
            (false, _) => Ok(allowed),
            (true, Some((address, reach))) => Err(Denied::AddressNotGranted {
                destination: destination.clone(),
                address,
                reach,
            }),
            (true, None) => Err(unresolvable("it has no address".to_owned())),
        }
    }

    /// A place among the open connections.
    pub(super) async fn permits(&self) -> [OwnedSemaphorePermit; 2] {
        let never_closed = "the semaphore is never closed";
        let [of_function, of_host] = &self.connections;
        // The function's own first: what waits for it takes nothing from others.
        let own = of_function.clone().acquire_owned().await;
        let own = own.expect(never_closed);
        let shared = of_host.clone().acquire_owned().await;
        [own, shared.expect(never_closed)]
    }

    /// A place among the open connections, if there is one at once.
    pub(super) fn try_permits(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let [of_function, of_host] = &self.connections;
        let own = of_function.clone().try_acquire_owned().ok()?;
        Some([own, of_host.clone().try_acquire_owned().ok()?])
    }
}

/// [`outbound::check_address`], with what only this machine knows of an address.
pub(super) fn check_address(
    grants: &[OutboundGrant],
    destination: &Destination,
    address: IpAddr,
) -> Result<(), Reach> {
    let reach = match Reach::of(address) {
        Reach::Public if is_own(address) => Reach::Own,
        reach => reach,
    };
    outbound::check_address(grants, destination, address, reach)
}

/// Whether this is an address of the machine's own: from no other would it answer itself. Nothing is sent. Where it cannot
/// be found out, it counts as one.
fn is_own(address: IpAddr) -> bool {
    let unspecified = match address {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    };
    let source = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        // Any port but 0.
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    match source {
        Ok(source) => source.ip() == address,
        // Most others say that there is no way there, not even for the machine itself.
        Err(error) => matches!(
            Errno::from_io_error(&error),
            None | Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
        ),
    }
}

/// Tries one address after the other, each with its share of the time that is left.
async fn dial(
    destination: &Destination,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, Denied> {
    let mut reason = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => reason = Some(error),
            Err(_) => {}
        }
    }
    Err(match reason {
        Some(error) => Denied::Unreachable(destination.clone(), error),
        None => Denied::Timeout(destination.clone()),
    })
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
