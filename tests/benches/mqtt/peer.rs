//! The brokers that are compared: each a process of its own, in memory only unless something else is said.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tidegate_tests::raw_mqtt::Version;
use tidegate_tests::{SOON, TestHost, eventually, free_address, mosquitto, rumqttd};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::mirror;

/// What the environment names when this program is to be a broker.
const ROLE: &str = "BENCH_ROLE";
/// Where that broker is to listen.
const ADDRESS: &str = "BENCH_ADDRESS";

/// In memory, with windows as wide as Tidegate's, and without bounds of its queues.
const MOSQUITTO_SETTINGS: &str = "persistence false\nmax_queued_messages 0\nmax_inflight_messages 256\n\
                                  set_tcp_nodelay true\nlog_type none\n";
/// The same, with its database on disk: it is written when Mosquitto ends, and every 30 minutes.
const MOSQUITTO_SETTINGS_DURABLE: &str = "persistence true\nmax_queued_messages 0\nmax_inflight_messages 256\n\
     set_tcp_nodelay true\nlog_type none\n";

/// One of those that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Tidegate,
    Mosquitto,
    Rumqttd,
    /// The load generator's own limit.
    Mirror,
}

/// A broker that runs; it is killed when this is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) process_id: u32,
    _process: Process,
}

#[expect(dead_code, reason = "kept until they are dropped")]
enum Process {
    Tidegate(Box<TestHost>),
    Mosquitto(mosquitto::Broker),
    Own(OwnProcess),
}

struct OwnProcess(Child);

impl Peer {
    pub(crate) const ALL: [Peer; 4] =
        [Peer::Tidegate, Peer::Mosquitto, Peer::Rumqttd, Peer::Mirror];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Tidegate => "Tidegate",
            Peer::Mosquitto => "Mosquitto",
            Peer::Rumqttd => "rumqttd",
            Peer::Mirror => "(generator)",
        }
    }

    /// Starts it, in memory where there is a choice.
    pub(crate) async fn start(self) -> Running {
        match self {
            Peer::Tidegate => {
                let host = TestHost::start().await;
                Running {
                    address: host.mqtt_address(),
                    process_id: host.process_id(),
                    _process: Process::Tidegate(Box::new(host)),
                }
            }
            Peer::Mosquitto => mosquitto(MOSQUITTO_SETTINGS).await,
            Peer::Rumqttd | Peer::Mirror => self.start_own().await,
        }
    }

    /// Starts it with whatever it has to keep sessions on disk; none where it has nothing.
    pub(crate) async fn start_durable(self) -> Option<Running> {
        match self {
            Peer::Tidegate => Some(self.start().await),
            Peer::Mosquitto => Some(mosquitto(MOSQUITTO_SETTINGS_DURABLE).await),
            Peer::Rumqttd | Peer::Mirror => None,
        }
    }

    /// This program again, as a broker.
    async fn start_own(self) -> Running {
        let address = free_address();
        let child = Command::new(std::env::current_exe().expect("this program"))
            .env(ROLE, self.name())
            .env(ADDRESS, address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("this program runs");
        let process = OwnProcess(child);
        eventually("the broker listens", SOON, async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
        Running {
            address,
            process_id: process.0.id(),
            _process: Process::Own(process),
        }
    }
}

async fn mosquitto(settings: &str) -> Running {
    let broker = mosquitto::Broker::start(settings).await;
    Running {
        address: broker.address,
        process_id: broker.process_id(),
        _process: Process::Mosquitto(broker),
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this process is to be a broker; if so, is one for as long as it runs.
pub(crate) fn serve_if_asked() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let address = std::env::var(ADDRESS).expect("it is set with the role");
    let address: SocketAddr = address.parse().expect("an address");
    if role == Peer::Mirror.name() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        LocalSet::new().block_on(&runtime, mirror::serve(address));
    }
    rumqttd::serve(address, Version::V311);
}
