//! `wasi:http`, outgoing: requests of a function, within its `outbound` grants.
//!
//! [`HttpHooks::send_request`] serves both generations of the interface. The host follows no redirect; `host` and what
//! frames a message are the host's to write.

use std::future::Future;
use std::sync::Arc;

use http::header::{HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, Uri};
use tokio::time::Instant;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, Result, WasiBody,
    WasiHttpHooks,
};

use super::client::Timeouts;
use super::guard::Denied;
use super::in_process::{AppCalls, Callee};
use super::{Denials, FunctionOutbound, error};
use crate::limits::RESPONSE_CHUNK_BYTES_MAX;
use crate::model::outbound::{self, Destination, OutboundAuth};
use crate::observe::calls::{Call, Calls};
use crate::observe::trace_headers::pass_on_outbound;

/// How `wasi:http` behaves for one invocation.
pub struct HttpHooks {
    /// Whether `host` is among the headers that a guest does not get to see or set. Off only while the incoming
    /// request is taken in: a function sees the host it was asked for.
    pub host_forbidden: bool,
    outbound: Arc<FunctionOutbound>,
    denials: Arc<Denials>,
    /// How it calls functions of its own app; none where it belongs to no app.
    app_calls: Option<AppCalls>,
    /// When the invocation has to be over.
    until: Instant,
    /// Where its calls are recorded.
    calls: Calls,
}

type Io = Box<dyn Future<Output = Result<()>> + Send>;
type Exchange = dyn Future<Output = Result<(Response<WasiBody>, Io)>> + Send;

impl HttpHooks {
    /// Requests go out through `outbound`, those to functions of the same app through `app_calls`; what is denied is told
    /// to `denials`, and each is recorded in `calls`. All of them end by `until`, at which the invocation has to be over; calls within the app end as their
    /// own limits say.
    pub fn new(
        outbound: Arc<FunctionOutbound>,
        denials: Arc<Denials>,
        app_calls: Option<AppCalls>,
        until: Instant,
        calls: Calls,
    ) -> HttpHooks {
        HttpHooks {
            host_forbidden: true,
            outbound,
            denials,
            app_calls,
            until,
            calls,
        }
    }
}

impl WasiHttpHooks for HttpHooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        let host_forbidden = self.host_forbidden;
        Arc::new(move |name| is_framing(name) && (host_forbidden || name != HOST))
    }

    /// The client writes it, as the destination that was checked has it.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _received: Io,
    ) -> Box<Exchange> {
        let (outbound, denials) = (self.outbound.clone(), self.denials.clone());
        let (app_calls, calls) = (self.app_calls.clone(), self.calls.clone());
        let timeouts = Timeouts::new(options, self.until);
        let callee = destination(request.uri()).and_then(|to| Callee::of(&to));
        let kind = match callee.is_some() && app_calls.is_some() {
            true => Call::AppRequest,
            false => Call::HttpRequest,
        };
        let mut call = calls.begin(kind, || shown(&request));
        Box::new(async move {
            let exchange = async {
                let (destination, mut request) = outbound.prepare(request, &denials)?;
                pass_on_outbound(call.context(), call.span(), request.headers_mut());
                if let (Some(callee), Some(calls)) = (Callee::of(&destination), app_calls) {
                    return Ok(calls.call(callee, request).await);
                }
                let client = outbound.client().await;
                client.send(request, &timeouts, &denials).await
            };
            let answered = exchange.await;
            match &answered {
                Ok(response) => {
                    call.add(format_args!(" {}", response.status().as_u16()));
                    call.succeeded();
                }
                Err(error) => call.failed(format_args!("{error:?}")),
            }
            // The client drives the connection by itself.
            Ok((answered?, Box::new(std::future::ready(Ok(()))) as Io))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        RESPONSE_CHUNK_BYTES_MAX
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        RESPONSE_CHUNK_BYTES_MAX
    }
}

/// A request as its call is described: without user, password and query, which may have what is nobody's business.
fn shown(request: &Request<WasiBody>) -> String {
    let uri = request.uri();
    let (scheme, host) = (uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or(""));
    let port = uri
        .port_u16()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{} {scheme}://{host}{port}{}", request.method(), uri.path())
}

fn is_framing(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || name.as_str().starts_with("proxy-")
}

impl FunctionOutbound {
    /// The request as it goes out, and where to, if that is granted.
    fn prepare(
        &self,
        request: Request<WasiBody>,
        denials: &Denials,
    ) -> Result<(Destination, Request<WasiBody>)> {
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let destination = destination(request.uri()).ok_or(Error::HttpRequestUriInvalid)?;
        if !outbound::permits(&self.guard.grants.outbound, &destination) {
            let denied = Denied::NotGranted(destination);
            denials.tell(&denied);
            return Err(error::of_denied(&denied));
        }
        let (mut parts, body) = request.into_parts();
        // Written anew from what was checked, so that nothing else can be read into it.
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri = Uri::builder()
            .scheme(destination.scheme())
            .authority(destination.authority())
            .path_and_query(path);
        parts.uri = uri.build().map_err(|_| Error::HttpRequestUriInvalid)?;
        let framing = parts.headers.keys().filter(|name| is_framing(name));
        for name in framing.cloned().collect::<Vec<_>>() {
            parts.headers.remove(name);
        }
        for auth in &self.guard.grants.outbound_auth {
            if auth.destination == destination {
                self.add(auth, &mut parts.headers)?;
            }
        }
        Ok((destination, Request::from_parts(parts, body)))
    }

    /// Adds a header that the function does not get to see.
    fn add(&self, auth: &OutboundAuth, headers: &mut HeaderMap) -> Result<()> {
        let secret = self.host.0.secrets.get(&auth.secret);
        let value = secret.map(|secret| format!("{}{}", auth.prefix, secret.reveal()));
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        let name = HeaderName::from_bytes(auth.header.as_bytes()).ok();
        let (Some(name), Some(mut value)) = (name, value) else {
            tracing::error!(secret = %auth.secret, destination = %auth.destination,
                "grants.outbound-auth: there is no such secret, or it has characters that no header can have");
            return Err(Error::ConfigurationError);
        };
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

/// Where a request is to go: a scheme, a host and a port, and nobody's name or password.
fn destination(uri: &Uri) -> Option<Destination> {
    let authority = uri.authority()?;
    let host = authority.host();
    let rest = authority.as_str().strip_prefix(host)?;
    if !rest.is_empty() && authority.port_u16().is_none() {
        return None;
    }
    Destination::new(uri.scheme_str()?, host, authority.port_u16()).ok()
}
