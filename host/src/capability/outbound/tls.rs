//! TLS towards other servers: which certificates are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;

/// Certificates that are trusted beside those of the system.
#[derive(Clone, Debug, Default)]
pub struct ExtraRoots(Vec<CertificateDer<'static>>);

/// A file of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("outbound-ca: {path} {reason}; it is to hold certificates in PEM format")]
pub struct CaFileError {
    path: PathBuf,
    reason: String,
}

impl ExtraRoots {
    /// The certificates in this file, in PEM format: at least one, and all of them such as can be trusted.
    pub fn read(path: &Path) -> Result<ExtraRoots, CaFileError> {
        let failed = |reason: String| CaFileError {
            path: path.to_owned(),
            reason,
        };
        let read = CertificateDer::pem_file_iter(path).and_then(|found| found.collect());
        let certificates: Vec<CertificateDer<'static>> =
            read.map_err(|error| failed(format!("cannot be read: {error}")))?;
        if certificates.is_empty() {
            return Err(failed("has no certificate".to_owned()));
        }
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            let added = store.add(certificate.clone());
            added
                .map_err(|error| failed(format!("has a certificate that is not valid: {error}")))?;
        }
        Ok(ExtraRoots(certificates))
    }
}

/// The host's TLS settings, made when the first function needs them: the system has some hundred certificates.
pub(super) struct Tls {
    roots: ExtraRoots,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(roots: ExtraRoots) -> Tls {
        Tls {
            roots,
            config: OnceCell::new(),
        }
    }

    pub(super) async fn config(&self) -> Arc<ClientConfig> {
        let config = self.config.get_or_init(|| async {
            let roots = self.roots.0.clone();
            let verifier = tokio::task::spawn_blocking(move || verifier(roots)).await;
            Arc::new(config(verifier.ok().flatten()))
        });
        config.await.clone()
    }
}

/// Checks certificates against the system's and these; none where there is nothing to check against.
fn verifier(roots: Vec<CertificateDer<'static>>) -> Option<Arc<dyn ServerCertVerifier>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    match Verifier::new_with_extra_roots(roots, provider) {
        Ok(verifier) => Some(Arc::new(verifier)),
        Err(error) => {
            tracing::warn!(%error, "no certificate authority is trusted: functions cannot reach https destinations; \
                install the system's certificates (ca-certificates), or set --outbound-ca");
            None
        }
    }
}

fn config(verifier: Option<Arc<dyn ServerCertVerifier>>) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions");
    let mut config = match verifier {
        Some(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth(),
        None => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
