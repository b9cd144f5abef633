//! rumqttd as the external broker, as far as it can: its groups share one position among all their filters, it keeps
//! nothing, and acknowledges before anything is safe.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};

use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::device::Device;
use crate::eventually;
use crate::host::{Counter, Host, message, settings};
use crate::memory_store::MemoryStore;

/// Starts a rumqttd, which nothing ends before the process.
fn rumqttd() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let server = ServerSettings {
        name: "tests".to_owned(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5000,
            max_payload_size: 1024 * 1024,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let config = Config {
        id: 0,
        router: RouterConfig {
            max_connections: 100,
            max_outgoing_packet_count: 200,
            max_segment_size: 1024 * 1024,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v5: Some(HashMap::from([("v5".to_owned(), server)])),
        ..Config::default()
    };
    std::thread::spawn(move || {
        let ended = rumqttd::Broker::new(config).start();
        ended.expect("rumqttd starts");
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn rumqttd_serves_a_host() {
    let address = rumqttd();
    eventually("rumqttd starts", async || {
        std::net::TcpStream::connect(address).ok().map(drop)
    })
    .await;
    let (host, inbox) = Host::start(settings(address, "host"), &MemoryStore::new(), &["a/+"]).await;
    let counter = Counter::new(&inbox);
    let device = Device::with(address, |options| {
        options.set_clean_start(true);
    });
    for number in 0..200 {
        assert!(
            device
                .publish("a/b", format!("device {number}"))
                .await
                .is_some()
        );
        let own = message("a/c", format!("function {number}"));
        host.broker.publish(own).await.expect("it is published");
    }
    eventually("all are handled", async || {
        (counter.len() == 400).then_some(())
    })
    .await;
    host.acknowledged().await;
    assert_eq!(counter.repeated(), 0);
    host.stop().await;
}
