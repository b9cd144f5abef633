//! TLS with certificates that are made for the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server's certificate and key in files, and the authority that its clients trust.
pub(super) struct ServerFiles {
    directory: TempDir,
    pub(super) authority: Authority,
}

impl ServerFiles {
    pub(super) fn new() -> ServerFiles {
        let files = ServerFiles {
            directory: TempDir::new().unwrap(),
            authority: authority(),
        };
        files.write(&files.authority);
        files
    }

    /// A new certificate and key.
    fn write(&self, authority: &Authority) {
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        fs::write(self.path("certificate.pem"), certificate.pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("certificate.pem"),
            key: self.path("key.pem"),
            client_ca: None,
        }
    }

    /// With an authority for clients.
    fn files_with(&self, client_authority: &Authority) -> TlsFiles {
        let path = self.path("clients.pem");
        fs::write(&path, client_authority.pem()).unwrap();
        TlsFiles {
            client_ca: Some(path),
            ..self.files()
        }
    }
}

/// A client that trusts this authority, with a certificate or without.
pub(super) fn connector(
    trusted: &Authority,
    own: Option<(&CertificateParams, &Authority)>,
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((params, authority)) => {
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, authority).unwrap();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let chain = vec![certificate.der().clone()];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    Arc::new(config).into()
}

pub(super) async fn handshake(
    connector: &TlsConnector,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, stream).await
}

#[tokio::test]
async fn tls_carries_bytes() {
    let files = ServerFiles::new();
    let transport = Transport::tls(files.files()).unwrap();
    let (client, server) = connect(&transport).await;
    let mut client = handshake(&connector(&files.authority, None), client)
        .await
        .unwrap();
    let accepted = server.await.unwrap().unwrap();
    assert!(accepted.certificate_names.is_empty());
    let server = tokio::spawn(echo(accepted.stream));
    let sent = vec![7; 100_000];
    let mut found = vec![0; sent.len()];
    let (mut reading, mut writing) = tokio::io::split(&mut client);
    let (written, read) = tokio::join!(writing.write_all(&sent), reading.read_exact(&mut found));
    written.unwrap();
    read.unwrap();
    assert_eq!(found, sent);
    client.shutdown().await.unwrap();
    assert_eq!(client.read(&mut found).await.unwrap(), 0, "closed in order");
    server.await.unwrap().unwrap();
}

fn device() -> CertificateParams {
    let mut params = CertificateParams::new(["device.local".to_owned()]).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "sensor 7");
    let text = |text: &str| text.try_into().unwrap();
    params.subject_alt_names.extend([
        SanType::URI(text("urn:device:7")),
        SanType::IpAddress([127, 0, 0, 1].into()),
        SanType::Rfc822Name(text("seven@device.local")),
        SanType::DnsName(text("device.local")),
    ]);
    params
}

#[tokio::test]
async fn the_names_in_a_clients_certificate_are_told() {
    let (files, clients) = (ServerFiles::new(), authority());
    let transport = Transport::tls(files.files_with(&clients)).unwrap();
    let named = connector(&files.authority, Some((&device(), &clients)));
    // The second time, the session is resumed, without a certificate on the wire.
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (client, server) = connect(&transport).await;
        let client = handshake(&named, client).await.unwrap();
        assert_eq!(client.get_ref().1.handshake_kind(), Some(expected));
        let accepted = server.await.unwrap().unwrap();
        let expected = [
            "sensor 7",
            "device.local",
            "urn:device:7",
            "seven@device.local",
        ];
        assert_eq!(accepted.certificate_names, expected);
        let server = tokio::spawn(echo(accepted.stream));
        end(client).await.unwrap();
        server.await.unwrap().unwrap();
    }
    let (client, server) = connect(&transport).await;
    let _client = handshake(&connector(&files.authority, None), client)
        .await
        .unwrap();
    let accepted = server.await.unwrap().unwrap();
    assert!(
        accepted.certificate_names.is_empty(),
        "a client may have none"
    );
}

/// Shows that the server has accepted: of TLS 1.3 a client knows only when it reads.
async fn end(mut client: TlsStream<TcpStream>) -> io::Result<()> {
    client.write_all(b"x").await?;
    let mut found = [0; 1];
    client.read_exact(&mut found).await?;
    client.shutdown().await
}

#[tokio::test]
async fn certificates_of_other_authorities_are_refused() {
    let (files, clients) = (ServerFiles::new(), authority());
    let transport = Transport::tls(files.files_with(&clients)).unwrap();
    let stranger = connector(&files.authority, Some((&device(), &authority())));
    let (client, server) = connect(&transport).await;
    let client = handshake(&stranger, client).await;
    let refused = server.await.unwrap().map(|_| ()).unwrap_err();
    assert!(matches!(refused, AcceptError::Tls(_)), "{refused}");
    if let Ok(client) = client {
        assert!(end(client).await.is_err());
    }
}

#[tokio::test]
async fn plain_mqtt_on_a_tls_port_is_refused() {
    let transport = Transport::tls(ServerFiles::new().files()).unwrap();
    let (mut client, server) = connect(&transport).await;
    client
        .write_all(b"\x10\x0C\x00\x04MQTT\x04\x02\0\0\0\0")
        .await
        .unwrap();
    let refused = server.await.unwrap().map(|_| ()).unwrap_err();
    assert!(matches!(refused, AcceptError::Tls(_)), "{refused}");
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let (files, renewed) = (ServerFiles::new(), authority());
    let transport = Transport::tls(files.files()).unwrap();
    let is_trusted = async |trusted: &Authority| {
        let (client, _server) = connect(&transport).await;
        handshake(&connector(trusted, None), client).await.is_ok()
    };
    assert!(is_trusted(&files.authority).await);
    // One that cannot be read changes nothing.
    fs::write(files.path("certificate.pem"), "half of a certific").unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1100) {
        assert!(is_trusted(&files.authority).await);
    }
    files.write(&renewed);
    let begin = Instant::now();
    while !is_trusted(&renewed).await {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "the old one is still used"
        );
    }
    assert!(!is_trusted(&files.authority).await);
}

#[test]
fn files_that_do_not_serve_say_why() {
    let files = ServerFiles::new();
    let good = files.files();
    let other_key = files.path("other.pem");
    fs::write(&other_key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let empty = files.path("empty.pem");
    fs::write(&empty, "").unwrap();
    let with = |certificate: &Path, key: &Path, client_ca: Option<&PathBuf>| TlsFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        client_ca: client_ca.cloned(),
    };
    let cases = [
        (with(&files.path("none"), &good.key, None), "cannot read"),
        (with(&good.certificate, &empty, None), "cannot read"),
        (with(&empty, &good.key, None), "has no certificate in it"),
        (
            with(&good.certificate, &other_key, None),
            "do not go together",
        ),
        (
            with(&good.certificate, &good.key, Some(&empty)),
            "has no certificate in it",
        ),
    ];
    for (files, expected) in cases {
        let error = Transport::tls(files).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
