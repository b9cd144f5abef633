//! TLS towards the external broker.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tidegate_broker::upstream::{ClientCertificate, UpstreamSettings, UpstreamTls};

use crate::eventually;
use crate::host::{Counter, Host, message};
use crate::memory_store::MemoryStore;
use crate::mosquitto::Mosquitto;

/// Writes an authority, a certificate of the server, and one of a client, as PEM files.
fn write_certificates(directory: &Path) {
    let write = |name: &str, text: String| fs::write(directory.join(name), text).expect("a file");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Tests");
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    write("authority.pem", authority.pem());
    let issue = |name: &str, names: &[&str], purpose: ExtendedKeyUsagePurpose| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        write(&format!("{name}.pem"), certificate.pem());
        write(&format!("{name}.key"), key.serialize_pem());
    };
    issue(
        "server",
        &["localhost", "127.0.0.1"],
        ExtendedKeyUsagePurpose::ServerAuth,
    );
    issue("client", &[], ExtendedKeyUsagePurpose::ClientAuth);
}

async fn mosquitto() -> Mosquitto {
    Mosquitto::with(|directory| {
        write_certificates(directory);
        let file = |name: &str| directory.join(name).display().to_string();
        format!(
            "allow_anonymous false\nrequire_certificate true\nuse_identity_as_username true\n\
             cafile {}\ncertfile {}\nkeyfile {}\n",
            file("authority.pem"),
            file("server.pem"),
            file("server.key"),
        )
    })
    .await
}

fn settings(mosquitto: &Mosquitto, host: &str) -> UpstreamSettings {
    let address = format!("mqtts://{host}:{}", mosquitto.address().port());
    let mut settings =
        UpstreamSettings::new(address.parse().expect("an address"), "host".to_owned());
    settings.tls = UpstreamTls {
        roots: Some(mosquitto.path("authority.pem")),
        certificate: Some(ClientCertificate {
            certificate: mosquitto.path("client.pem"),
            key: mosquitto.path("client.key"),
        }),
    };
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_shows_its_certificate_and_checks_the_brokers() {
    let mosquitto = mosquitto().await;
    for name in ["localhost", "127.0.0.1"] {
        let settings = settings(&mosquitto, name);
        let (host, inbox) = Host::start(settings, &MemoryStore::new(), &["a"]).await;
        let counter = Counter::new(&inbox);
        host.broker
            .publish(message("a", "x"))
            .await
            .expect("it is published");
        counter.has_seen("x").await;
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_be_trusted_is_not_made() {
    let mosquitto = mosquitto().await;
    let mut unknown = settings(&mosquitto, "localhost");
    unknown.tls.roots = Some(mosquitto.path("client.pem"));
    let mut anonymous = settings(&mosquitto, "localhost");
    anonymous.tls.certificate = None;
    let mut swapped = settings(&mosquitto, "localhost");
    if let Some(client) = &mut swapped.tls.certificate {
        client.key = mosquitto.path("server.key");
    }
    let mut missing = settings(&mosquitto, "localhost");
    missing.tls.roots = Some(mosquitto.path("nothing.pem"));
    let cases = [
        (unknown, "certificate"),
        // Told by an alert, or by a connection that ends: TLS 1.3 leaves it to chance.
        (anonymous, ""),
        (settings(&mosquitto, "127.0.0.2"), "refused"),
        (swapped, "client certificate and its key"),
        (missing, "nothing.pem"),
    ];
    for (settings, expected) in cases {
        let host = Host::open(settings, &MemoryStore::new()).await.serve();
        let reason = eventually("it is known why", async || host.state().last_error).await;
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(host.state().connects, 0, "{reason}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_files_are_told_before_there_is_a_connection() {
    let mosquitto = mosquitto().await;
    let good = settings(&mosquitto, "localhost").tls;
    assert!(good.config().is_ok());
    let roots = |name: &str| UpstreamTls {
        roots: Some(mosquitto.path(name)),
        certificate: None,
    };
    let key = |name: &str| UpstreamTls {
        certificate: Some(ClientCertificate {
            certificate: mosquitto.path("client.pem"),
            key: mosquitto.path(name),
        }),
        ..good.clone()
    };
    for (tls, expected) in [
        (roots("nothing.pem"), "nothing.pem is to hold certificates"),
        (roots("client.key"), "it has none"),
        (key("client.pem"), "client.pem is to hold a private key"),
        (
            key("server.key"),
            "the client certificate and its key cannot be used",
        ),
    ] {
        let error = tls.config().expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
