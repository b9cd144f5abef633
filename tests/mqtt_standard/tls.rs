//! MQTT over TLS (section 4.2; 5.4 of 3.1.1): the same bytes, with the same answers.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tidegate_tests::raw_mqtt::{Client, Connect, Version, packet};
use tidegate_tests::{Authority, TestHost};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::clients::{client, expect_message};
use super::malformed;
use super::refusal::{FORBIDDEN, expect_ended_on};

/// A host with a listener for TLS.
struct TlsHost {
    host: TestHost,
    address: SocketAddr,
    connector: TlsConnector,
    _directory: TempDir,
}

impl TlsHost {
    async fn start() -> TlsHost {
        let authority = Authority::new();
        let (certificate, key) = authority.certificate("127.0.0.1");
        let directory = TempDir::new().expect("a temporary directory");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("it can be written");
            path.into_os_string().into_string().expect("UTF-8")
        };
        let host = TestHost::builder()
            .arg("--mqtt-tls")
            .arg("127.0.0.1:0")
            .arg("--mqtt-certificate")
            .arg(file("certificate.pem", &certificate))
            .arg("--mqtt-key")
            .arg(file("key.pem", &key))
            .start()
            .await;
        let url = host.listener("mqtts");
        let address = url.strip_prefix("mqtts://").expect("a URL");
        TlsHost {
            address: address.parse().expect("an address"),
            connector: trusting(&authority.pem),
            host,
            _directory: directory,
        }
    }

    /// A client that is connected over TLS.
    async fn client(&self, connect: &Connect) -> Client {
        let socket = TcpStream::connect(self.address).await.expect("it accepts");
        let name = ServerName::from(self.address.ip());
        let stream = self.connector.connect(name, socket).await;
        let mut client = Client::over(stream.expect("the handshake succeeds"), connect.version);
        client.send(connect.bytes()).await;
        let connack = client.expect_connack().await;
        assert_eq!(connack.reason, 0, "{connack:?}");
        client
    }
}

/// Takes servers whose certificates this authority has signed.
fn trusting(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate");
    roots.add(certificate).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn clients_over_tls_and_tcp_reach_one_another() {
    let tls = TlsHost::start().await;
    let large = "x".repeat(200 * 1024);
    for version in Version::ALL {
        let mut over_tcp = client(&tls.host, version, "over TCP").await;
        let mut over_tls = tls.client(&Connect::new(version, "over TLS")).await;
        assert_eq!(over_tcp.subscribe("both/tls", 2).await, 2);
        assert_eq!(over_tls.subscribe("both/tcp", 2).await, 2);
        for (qos, payload) in [(0, "short"), (1, &large), (2, "")] {
            over_tcp.publish("both/tcp", payload, qos).await;
            expect_message(&mut over_tls, "both/tcp", payload, qos).await;
            over_tls.publish("both/tls", payload, qos).await;
            expect_message(&mut over_tcp, "both/tls", payload, qos).await;
        }
        over_tcp.disconnect().await;
        over_tls.disconnect().await;
    }
}

#[tokio::test]
async fn malformed_packets_over_tls_end_the_connection() {
    let tls = TlsHost::start().await;
    for version in Version::ALL {
        let mut neighbour = tls.client(&Connect::new(version, "neighbour")).await;
        let mut wrong: Vec<_> = malformed::examples(version).collect();
        wrong.push(("type 0".to_owned(), packet(0x00, [])));
        for (what, bytes) in wrong {
            let mut offender = tls.client(&Connect::new(version, "offender")).await;
            expect_ended_on(&mut offender, &bytes, &FORBIDDEN, &what).await;
            neighbour.ping().await;
        }
        neighbour.disconnect().await;
    }
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_or_is_none_holds_up_nobody() {
    let tls = TlsHost::start().await;
    let mut stalled = Vec::new();
    for begin in [&b""[..], b"\x16", b"\x16\x03\x01\x02\0\x01"] {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(tls.address).await.expect("it accepts");
            stream.write_all(begin).await.expect("it reads");
            stalled.push(stream);
        }
    }
    // MQTT without TLS is no handshake: whatever is said about it, it is no CONNACK.
    let mut bare = Client::open(tls.address, Version::V311).await;
    bare.send(Connect::v311("bare").bytes()).await;
    let said = bare.read_to_end().await;
    assert_ne!(said.first(), Some(&0x20), "CONNACK without a handshake");
    let mut over_tls = tls.client(&Connect::v5("over TLS")).await;
    let mut over_tcp = client(&tls.host, Version::V5, "over TCP").await;
    over_tls.ping().await;
    over_tcp.ping().await;
}
