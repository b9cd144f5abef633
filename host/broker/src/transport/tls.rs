//! TLS from PEM files, which are read again when they change: certificates are renewed while the host runs.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at, at most, and only when somebody connects.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Where the server's certificate is, and whose certificates its clients may have.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the certificate's private key.
    pub key: PathBuf,
    /// PEM file with the authorities of client certificates. A client may still have none; without this file, no client is
    /// asked for one.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It is missing, or may not be read, or is no PEM file.
    #[error("cannot read `{path}`, which is to be a PEM file: {error}")]
    File {
        /// Of the file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        error: pem::Error,
    },
    /// It has other things in it.
    #[error("`{0}` has no certificate in it")]
    NoCertificate(PathBuf),
    /// They are not a pair, or of a kind that is not supported.
    #[error("`{certificate}` and `{key}` do not go together: {error}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What went wrong.
        #[source]
        error: rustls::Error,
    },
    /// A certificate in it cannot be used as an authority.
    #[error("`{path}` cannot be used to verify clients: {error}")]
    Authority {
        /// Of the file.
        path: PathBuf,
        /// What went wrong.
        error: String,
    },
}

/// TLS whose files may change.
pub(super) struct ReloadingTls {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
    checked: Mutex<Checked>,
}

/// When the files were looked at last, and what they looked like.
struct Checked {
    at: Instant,
    stamps: Stamps,
}

/// Modification time and length of each file; none of one that is not there.
type Stamps = [Option<(SystemTime, u64)>; 3];

impl fmt::Debug for ReloadingTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadingTls").field(&self.files).finish()
    }
}

impl ReloadingTls {
    /// Reads the files for the first time.
    pub(super) fn load(files: TlsFiles) -> Result<ReloadingTls, TlsError> {
        // Before they are read, so that a change in between is seen.
        let stamps = stamps(&files);
        let current = ArcSwap::from_pointee(read(&files)?);
        let at = Instant::now();
        Ok(ReloadingTls {
            files,
            current,
            checked: Mutex::new(Checked { at, stamps }),
        })
    }

    /// For the next handshake.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.reload_if_changed();
        self.current.load_full().into()
    }

    fn reload_if_changed(&self) {
        // Whoever comes while another one looks goes on with what there is.
        let Ok(mut checked) = self.checked.try_lock() else {
            return;
        };
        if checked.at.elapsed() < CHECK_INTERVAL {
            return;
        }
        checked.at = Instant::now();
        let stamps = stamps(&self.files);
        if checked.stamps == stamps {
            return;
        }
        checked.stamps = stamps;
        let path = self.files.certificate.display();
        match read(&self.files) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!("new connections get the certificate that is in `{path}` now");
            }
            // It may be half written. When it changes again, it is read again.
            Err(error) => tracing::warn!("the certificate of before is kept: {error}"),
        }
    }
}

fn stamps(files: &TlsFiles) -> Stamps {
    let paths = [
        Some(&files.certificate),
        Some(&files.key),
        files.client_ca.as_ref(),
    ];
    paths.map(|path| {
        let metadata = fs::metadata(path?).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn read(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let certificates = read_certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(file_error(&files.key))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions");
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(read_verifier(path, provider)?),
    };
    let config = builder.with_single_cert(certificates, key);
    config.map_err(|error| TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        error,
    })
}

fn read_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let authority_error = |error: String| TlsError::Authority {
        path: path.to_owned(),
        error,
    };
    let mut authorities = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        let added = authorities.add(certificate);
        added.map_err(|error| authority_error(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| authority_error(error.to_string()))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(file_error(path))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

fn file_error(path: &Path) -> impl FnOnce(pem::Error) -> TlsError {
    let path = path.to_owned();
    |error| TlsError::File { path, error }
}
