//! TLS towards the external broker: whom it trusts, and the certificate that it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

/// Files for TLS, all in PEM format.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTls {
    /// Certificates of authorities that are trusted beside those of the system.
    pub roots: Option<PathBuf>,
    /// Who the host is.
    pub certificate: Option<ClientCertificate>,
}

/// A certificate to show, and its key.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate, with those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why there can be no TLS connection.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    /// A file cannot be read, or has not what it should have.
    #[error("{path} is to hold {wanted} in PEM format: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What it should have.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is nobody to trust.
    #[error(
        "no certificate authority is trusted: install the system's certificates (ca-certificates), or name a file with \
         the broker's: {0}"
    )]
    Roots(rustls::Error),
    /// The key is not the certificate's, or neither is of a known kind.
    #[error("the client certificate and its key cannot be used: {0}")]
    Certificate(rustls::Error),
}

impl UpstreamTls {
    /// Reads the files. Done at start, so that mistakes show at once, and for each connection, so that renewed files are
    /// taken up.
    pub fn config(&self) -> Result<Arc<ClientConfig>, UpstreamTlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = match &self.roots {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let verifier = Verifier::new_with_extra_roots(roots, provider.clone());
        let verifier = verifier.map_err(UpstreamTlsError::Roots)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let chain = certificates(&client.certificate)?;
                let key = PrivateKeyDer::from_pem_file(&client.key)
                    .map_err(|error| unusable(&client.key, "a private key", error.to_string()))?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(UpstreamTlsError::Certificate)?
            }
        };
        Ok(Arc::new(config))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UpstreamTlsError> {
    let failed = |reason| unusable(path, "certificates", reason);
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(|found| found.collect())
        .map_err(|error| failed(error.to_string()))?;
    if found.is_empty() {
        return Err(failed("it has none".to_owned()));
    }
    Ok(found)
}

fn unusable(path: &Path, wanted: &'static str, reason: String) -> UpstreamTlsError {
    UpstreamTlsError::File {
        path: path.to_owned(),
        wanted,
        reason,
    }
}
