//! rumqttd: a broker of others, to compare with and to connect to. It keeps nothing, acknowledges before anything is safe,
//! and takes no client id with a slash and no client without a keep-alive.

use std::net::SocketAddr;

use ::rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::raw_mqtt::Version;

/// Serves for as long as the process runs, with the settings of its own example, for more connections.
pub fn serve(address: SocketAddr, version: Version) {
    let router = RouterConfig {
        max_connections: 10_010,
        max_outgoing_packet_count: 200,
        max_segment_size: 100 << 20,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    let server = ServerSettings {
        name: "tests".to_owned(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 0,
        connections: ConnectionSettings {
            connection_timeout_ms: 60_000,
            max_payload_size: 20_480,
            max_inflight_count: 500,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let servers = Some([("1".to_owned(), server)].into());
    let (v4, v5) = match version {
        Version::V311 => (servers, None),
        Version::V5 => (None, servers),
    };
    let config = Config {
        router,
        v4,
        v5,
        ..Config::default()
    };
    // It ends with the process only.
    let _ = Broker::new(config).start();
}
