//! rumqttd, as far as it can be the other broker: it keeps nothing, and acknowledges before anything is safe.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tidegate_tests::{SOON, eventually};
use tokio::net::TcpStream;

/// Where it listens for each version of the protocol.
pub(super) struct Addresses {
    pub(super) v4: SocketAddr,
    pub(super) v5: SocketAddr,
}

/// Starts one, which nothing ends before the process.
pub(super) async fn rumqttd() -> Addresses {
    let addresses = Addresses {
        v4: free_address(),
        v5: free_address(),
    };
    let config = Config {
        router: RouterConfig {
            max_connections: 10,
            max_outgoing_packet_count: 200,
            max_segment_size: 1 << 20,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v4: Some(server("v4", addresses.v4)),
        v5: Some(server("v5", addresses.v5)),
        ..Config::default()
    };
    std::thread::spawn(move || Broker::new(config).start().expect("rumqttd runs"));
    for address in [addresses.v4, addresses.v5] {
        eventually("rumqttd listens", SOON, async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
    }
    addresses
}

fn server(name: &str, listen: SocketAddr) -> HashMap<String, ServerSettings> {
    let settings = ServerSettings {
        name: name.to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 60_000,
            max_payload_size: 1 << 20,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    HashMap::from([(name.to_owned(), settings)])
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address")
}
