//! rumqttd, as far as it can be the other broker: it keeps nothing, and acknowledges before anything is safe.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tidegate_tests::{SOON, eventually};
use tokio::net::TcpStream;

/// Starts one for MQTT 5, which nothing ends before the process.
pub(super) async fn rumqttd() -> SocketAddr {
    let address = free_address();
    let config = Config {
        router: RouterConfig {
            max_connections: 10,
            max_outgoing_packet_count: 200,
            max_segment_size: 1 << 20,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v5: Some(server("v5", address)),
        ..Config::default()
    };
    std::thread::spawn(move || Broker::new(config).start().expect("rumqttd runs"));
    eventually("rumqttd listens", SOON, async || {
        TcpStream::connect(address).await.ok()
    })
    .await;
    address
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
