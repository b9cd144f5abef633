//! `wasi:sockets`: TCP connections by grant, and the names behind them. Listening and UDP are not for functions.
//!
//! A guest looks a name up by itself and connects to an address. So a lookup is answered for names in `tcp` grants
//! only, with the addresses that may be dialled; what was answered is what may be connected to.

mod create;

pub use create::{link_async_creation, link_creation};

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::vec;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable, ResourceType};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::p3::bindings::sockets::{ip_name_lookup as p3, types as p3_types};
use wasmtime_wasi::sockets::SocketAddrUse;

use super::guard::{Denied, check_address};
use super::{Denials, FunctionOutbound};
use crate::limits::{OUTBOUND_ADDRESSES_MAX, OUTBOUND_CONNECT_TIMEOUT};
use crate::model::outbound::{self, Destination};
use crate::observe::calls::{Call, Calls};

/// The scheme of grants for connections whose protocol the host does not know.
const SCHEME: &str = "tcp";

/// The sockets of one invocation; clones share them.
#[derive(Clone)]
pub struct Sockets(Arc<Inner>);

struct Inner {
    outbound: Arc<FunctionOutbound>,
    denials: Arc<Denials>,
    calls: Calls,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Names that were looked up, with the addresses that may be dialled for them.
    known: Vec<(String, IpAddr)>,
    /// A place for each socket, until the invocation ends: when a guest closes one is not to be seen.
    places: Vec<[OwnedSemaphorePermit; 2]>,
}

impl Sockets {
    /// Connections through `outbound`; what is denied is told to `denials`.
    pub fn new(outbound: Arc<FunctionOutbound>, denials: Arc<Denials>, calls: Calls) -> Sockets {
        Sockets(Arc::new(Inner {
            outbound,
            denials,
            calls,
            state: Mutex::default(),
        }))
    }

    /// Lets the guest connect to what it was granted. Without any `tcp` grant it gets no sockets at all.
    pub fn allow(&self, wasi: &mut WasiCtxBuilder) {
        let grants = &self.0.outbound.guard.grants.outbound;
        let granted = grants.iter().any(|grant| grant.has_scheme(SCHEME));
        let sockets = self.clone();
        wasi.allow_tcp(granted)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .socket_addr_check(move |address, purpose| {
                let allowed = sockets.allows(address, purpose);
                Box::pin(std::future::ready(allowed))
            });
    }

    fn allows(&self, address: SocketAddr, purpose: SocketAddrUse) -> bool {
        match purpose {
            // What connecting does by itself: any port, of the system's choice.
            SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
            // WASI opens the connection by itself, after this.
            SocketAddrUse::TcpConnect => {
                let about = || address.to_string();
                let call = self.0.calls.begin(Call::SocketConnect, about);
                let admitted = call.end(self.admit(address));
                if let Err(denied) = &admitted {
                    self.0.denials.tell(denied);
                }
                admitted.is_ok()
            }
            _ => false,
        }
    }

    fn admit(&self, address: SocketAddr) -> Result<(), Denied> {
        let guard = &self.0.outbound.guard;
        let grants = &guard.grants.outbound;
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let destination = |host: &str| Destination::new(SCHEME, host, Some(port));
        let Ok(asked) = destination(&ip.to_string()) else {
            return Err(Denied::NameNotGranted(ip.to_string()));
        };
        let state = self.0.state.lock().expect("no holder of this lock panics");
        let of_name = |(name, known): &(String, IpAddr)| {
            *known == ip
                && destination(name).is_ok_and(|named| {
                    outbound::permits(grants, &named) && check_address(grants, &named, ip).is_ok()
                })
        };
        if !state.known.iter().any(of_name) {
            if !outbound::permits(grants, &asked) {
                return Err(Denied::NotGranted(asked));
            }
            if let Err(reach) = check_address(grants, &asked, ip) {
                return Err(Denied::AddressNotGranted {
                    destination: asked,
                    address: ip,
                    reach,
                });
            }
        }
        Ok(())
    }

    /// Takes a place for a new socket, if there is one.
    fn take_place(&self) -> bool {
        match self.0.outbound.guard.try_permits() {
            Some(place) => {
                let mut state = self.0.state.lock().expect("no holder of this lock panics");
                state.places.push(place);
                true
            }
            None => {
                self.0.denials.tell(&Denied::TooManySockets);
                false
            }
        }
    }

    /// The addresses of a name that may be connected to. A name that no grant has cannot be resolved.
    async fn look_up(&self, name: String) -> Result<Vec<IpAddr>, ErrorCode> {
        let literal = name.trim_matches(['[', ']']).parse::<IpAddr>();
        if let Ok(address) = literal {
            return Ok(vec![address.to_canonical()]);
        }
        let granted = self.granted_addresses(&name);
        let call = self.0.calls.begin(Call::NameLookup, || name.as_str());
        let found = granted.await;
        match &found {
            Ok(_) => call.succeeded(),
            Err(code) => call.failed(format_args!("{code:?}")),
        }
        let found = found?;
        let found: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
        let mut state = self.0.state.lock().expect("no holder of this lock panics");
        let room = (64 * OUTBOUND_ADDRESSES_MAX).saturating_sub(state.known.len());
        let name = name.to_ascii_lowercase();
        let known = found.iter().map(|address| (name.clone(), *address));
        state.known.extend(known.take(room));
        Ok(found)
    }

    /// What a name stands for, as far as some grant for it allows.
    async fn granted_addresses(&self, name: &str) -> Result<Vec<SocketAddr>, ErrorCode> {
        let guard = &self.0.outbound.guard;
        let grants = &guard.grants.outbound;
        // The port is not known yet: each grant is asked for its first one.
        let asked = grants.iter().filter_map(|grant| {
            let asked = Destination::new(SCHEME, name, Some(grant.first_port())).ok()?;
            grant.permits(&asked).then_some(asked)
        });
        let mut denied = Denied::NameNotGranted(name.chars().take(80).collect());
        for asked in asked.take(OUTBOUND_ADDRESSES_MAX) {
            match timeout(OUTBOUND_CONNECT_TIMEOUT, guard.addresses(&asked)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(reason)) => denied = reason,
                Err(_) => return Err(ErrorCode::TemporaryResolverFailure),
            }
        }
        self.0.denials.tell(&denied);
        Err(ErrorCode::NameUnresolvable)
    }
}

/// What a lookup found, in the guest's table.
struct Found(vec::IntoIter<IpAddr>);

#[wasmtime_wasi::async_trait]
impl Pollable for Found {
    async fn ready(&mut self) {}
}

/// What a lookup needs of an invocation.
pub struct NameLookup<'a> {
    /// The invocation's sockets.
    pub sockets: &'a Sockets,
    /// The guest's handles.
    pub table: &'a mut ResourceTable,
}

/// Names [`NameLookup`] to the linker.
pub struct HasNameLookup;

impl HasData for HasNameLookup {
    type Data<'a> = NameLookup<'a>;
}

impl p3::Host for NameLookup<'_> {}

impl<T: Send> p3::HostWithStore<T> for HasNameLookup {
    async fn resolve_addresses(
        store: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<p3_types::IpAddress>, p3::ErrorCode>> {
        let sockets = store.with(|mut view| view.get().sockets.clone());
        let found = sockets.look_up(name).await;
        Ok(found
            .map(|found| found.into_iter().map(Into::into).collect())
            .map_err(|code| match code {
                ErrorCode::TemporaryResolverFailure => p3::ErrorCode::TemporaryResolverFailure,
                _ => p3::ErrorCode::NameUnresolvable,
            }))
    }
}

/// [`link_name_lookup`] for WASI 0.3.
pub fn link_async_name_lookup<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> NameLookup<'_>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    p3::add_to_linker::<_, HasNameLookup>(linker, view)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Puts lookups by grant in the place of WASI's own, which know only all names or none.
pub fn link_name_lookup<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> NameLookup<'_>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut lookup = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    lookup.resource(
        "resolve-address-stream",
        ResourceType::host::<Found>(),
        move |mut store: StoreContextMut<'_, T>, handle| {
            let found = Resource::<Found>::new_own(handle);
            view(store.data_mut()).table.delete(found)?;
            Ok(())
        },
    )?;
    lookup.func_wrap_async(
        "resolve-addresses",
        move |mut store, (_network, name): (Resource<Network>, String)| {
            Box::new(async move {
                let sockets = view(store.data_mut()).sockets.clone();
                let found = match sockets.look_up(name).await {
                    Ok(found) => Ok(view(store.data_mut())
                        .table
                        .push(Found(found.into_iter()))?),
                    Err(code) => Err(code),
                };
                Ok((found,))
            })
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        move |mut store, (handle,): (Resource<Found>,)| {
            let found = view(store.data_mut()).table.get_mut(&handle)?;
            let next = found.0.next().map(IpAddress::from);
            Ok((Ok::<_, ErrorCode>(next),))
        },
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.subscribe",
        move |mut store,
              (handle,): (Resource<Found>,)|
              -> wasmtime::Result<(Resource<DynPollable>,)> {
            Ok((subscribe(view(store.data_mut()).table, handle)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
