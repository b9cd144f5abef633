//! Connections that functions open: to what they were granted, at addresses that were checked.
//!
//! ```text
//! wasi:http request ----> http.rs ----> client.rs (pool, TLS) --+
//! other protocols of the host ----------------------------------+--> guard.rs: granted? resolve, check, dial
//! wasi:sockets connect -> sockets.rs --------------------------------> guard.rs: the same check
//! ```
//!
//! What names a function of the caller's own app, or no host at all ([`relative`]), never gets to a connection: see
//! [`in_process`].
//!
//! [`Outbound`] belongs to the host, [`FunctionOutbound`] to one revision of a function: its pool of connections is
//! its own, so that no function is ever served by a connection that its own grants did not allow.

mod body;
mod client;
mod error;
mod guard;
pub mod http;
pub mod in_process;
pub mod relative;
pub mod sockets;
mod tls;

pub use guard::{Connection, Denied};
pub use tls::{CaFileError, ExtraRoots};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};

use self::client::HttpClient;
use self::guard::{Guard, Resolver};
use crate::limits::{
    OUTBOUND_CONNECTIONS_MAX, OUTBOUND_FUNCTION_CONNECTIONS_MAX, OUTBOUND_LOOKUPS_MAX,
};
use crate::model::grant::Grants;
use crate::model::outbound::Destination;
use crate::model::secret::Secrets;
use crate::observe::log_line::Level;
use crate::observe::output::Output;

/// What outbound connections of all functions share; clones share it as well.
#[derive(Clone)]
pub struct Outbound(Arc<Shared>);

struct Shared {
    resolver: Resolver,
    connections: Arc<Semaphore>,
    tls: tls::Tls,
    secrets: Secrets,
}

/// The outbound connections of one revision of a function.
pub struct FunctionOutbound {
    guard: Arc<Guard>,
    host: Outbound,
    client: OnceCell<HttpClient>,
}

/// Tells the function's log what was denied: once for each invocation, which may try again and again.
pub struct Denials {
    output: Output,
    told: AtomicBool,
}

impl Denials {
    /// For one invocation, with this output.
    pub fn new(output: Output) -> Arc<Denials> {
        Arc::new(Denials {
            output,
            told: AtomicBool::new(false),
        })
    }

    fn tell(&self, denied: &Denied) {
        let is_denial = matches!(
            denied,
            Denied::NotGranted(_)
                | Denied::NameNotGranted(_)
                | Denied::AddressNotGranted { .. }
                | Denied::TooMany(_)
                | Denied::TooManySockets
        );
        if is_denial && !self.told.swap(true, Ordering::Relaxed) {
            self.output
                .host(Level::Warn, &format!("outbound: {denied}"));
        }
    }
}

impl Outbound {
    /// Trusts these certificates beside those of the system. Headers are made of these secrets.
    pub fn new(roots: ExtraRoots, secrets: Secrets) -> Outbound {
        Outbound(Arc::new(Shared {
            resolver: guard::system_resolver(Arc::new(Semaphore::new(OUTBOUND_LOOKUPS_MAX))),
            connections: Arc::new(Semaphore::new(OUTBOUND_CONNECTIONS_MAX)),
            tls: tls::Tls::new(roots),
            secrets,
        }))
    }

    /// The connections of a function with these grants.
    pub fn of(&self, grants: Arc<Grants>) -> Arc<FunctionOutbound> {
        let of_function = Arc::new(Semaphore::new(OUTBOUND_FUNCTION_CONNECTIONS_MAX));
        let guard = Guard::new(
            grants,
            self.0.resolver.clone(),
            [of_function, self.0.connections.clone()],
        );
        Arc::new(FunctionOutbound {
            guard: Arc::new(guard),
            host: self.clone(),
            client: OnceCell::new(),
        })
    }
}

impl FunctionOutbound {
    /// Opens a connection, if it is granted, within this time.
    pub async fn connect(
        &self,
        destination: &Destination,
        within: Duration,
    ) -> Result<Connection, Denied> {
        self.guard.connect(destination, within).await
    }

    /// The client for HTTP requests, made with the first of them.
    async fn client(&self) -> &HttpClient {
        self.client
            .get_or_init(|| async {
                let tls = self.host.0.tls.config().await;
                HttpClient::new(self.guard.clone(), tls)
            })
            .await
    }
}
