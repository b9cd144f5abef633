//! A server for functions to reach: HTTP/1.1 and HTTP/2, with TLS or without, that tells what reached it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A server on 127.0.0.1, and what it has seen. What it answers depends on the path:
///
/// - `/redirect`: 302, to `/redirected`;
/// - `/silent`: nothing, ever;
/// - `/stalls`: a head and `begun `, then nothing until [`Upstream::go_on`], then `ended`;
/// - `/endless`: a body that goes on for as long as somebody reads it;
/// - `/back`: the request's body, as it comes;
/// - anything else: version, method, path and headers of the request, a line each, then its body.
pub struct Upstream {
    /// Where it is.
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    paths: Mutex<Vec<String>>,
    go_on: Notify,
}

/// A certificate authority of a test's own.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    /// Its certificate, for `--outbound-ca`.
    pub pem: String,
}

impl Authority {
    /// An authority that nobody trusts yet.
    pub fn new() -> Authority {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // With the name that certificates have by default, OpenSSL takes them for signed by themselves.
        let name = &mut params.distinguished_name;
        name.push(rcgen::DnType::CommonName, "the tests' authority");
        let key = rcgen::KeyPair::generate().expect("randomness");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority {
            issuer: rcgen::Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for this name or address, and its key, as PEM.
    pub fn certificate(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.sign(name);
        (certificate.pem(), key.serialize_pem())
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().expect("randomness");
        let params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate, key)
    }

    /// What a server needs to be taken for this name.
    fn server(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let (certificate, key) = self.sign(name);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("they belong together");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

impl Upstream {
    /// A server without TLS.
    pub async fn start() -> Upstream {
        Upstream::serve(None).await
    }

    /// A server with a certificate for this name, that offers these protocols (`h2`, `http/1.1`).
    pub async fn start_tls(authority: &Authority, name: &str, protocols: &[&str]) -> Upstream {
        Upstream::serve(Some(authority.server(name, protocols))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                let (tls, seen) = (tls.clone(), shared.clone());
                tokio::spawn(async move {
                    match tls {
                        None => speak(stream, seen.clone()).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                speak(stream, seen.clone()).await;
                            }
                        }
                    }
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Upstream { address, seen }
    }

    /// Connections that have come.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub fn open_connections(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// The paths that were asked for.
    pub fn paths(&self) -> Vec<String> {
        self.seen.paths.lock().expect("no panic").clone()
    }

    /// Lets `/stalls` go on.
    pub fn go_on(&self) {
        self.seen.go_on.notify_one();
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Arc<Seen>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move { Ok::<_, Infallible>(answer(request, &seen).await) }
    });
    // A client that breaks off is no concern of this server's.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Body = BoxBody<Bytes, hyper::Error>;

async fn answer(request: Request<Incoming>, seen: &Arc<Seen>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    seen.paths.lock().expect("no panic").push(path.clone());
    match path.as_str() {
        "/redirect" => Response::builder()
            .status(302)
            .header("location", "/redirected")
            .body(text(String::new()))
            .expect("a response"),
        "/silent" => std::future::pending().await,
        "/stalls" => {
            let seen = seen.clone();
            let begun = stream::once(async { Ok(Frame::data(Bytes::from("begun "))) });
            let ended = stream::once(async move {
                seen.go_on.notified().await;
                Ok(Frame::data(Bytes::from("ended")))
            });
            Response::new(BodyExt::boxed(StreamBody::new(begun.chain(ended))))
        }
        "/endless" => {
            let chunks = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[1; 1024]))));
            Response::new(BodyExt::boxed(StreamBody::new(chunks)))
        }
        "/back" => Response::new(request.into_body().boxed()),
        _ => describe(request).await,
    }
}

async fn describe(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut told = format!("{:?} {} {}\n", head.version, head.method, head.uri);
    for (name, value) in &head.headers {
        told += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    Response::new(text(format!("{told}\n{}", String::from_utf8_lossy(&body))))
}

fn text(text: String) -> Body {
    Full::from(text).map_err(|never| match never {}).boxed()
}
