//! HTTP requests of users: matched with a function, invoked, answered. Users own every path from `/`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::respond::{Reason, respond};
use crate::http_server;
use crate::invoke::body::{BodyError, FunctionBody};
use crate::invoke::http::NoAnswer;
use crate::invoke::invoker::Invoker;
use crate::invoke::ready::ReadyFunction;
use crate::model::app::is_component_host;
use crate::model::event::MatchedRoute;
use crate::model::id::InvocationId;
use crate::model::static_response::StaticResponse;
use crate::trigger::headers::describe;
use crate::trigger::session_cookies;
use crate::trigger::table::RouteMatch;
use crate::trigger::tables::TriggerTables;

/// Answers requests.
pub struct HttpIngress {
    /// Which function.
    pub tables: Arc<TriggerTables>,
    /// Runs it.
    pub invoker: Arc<Invoker>,
}

impl HttpIngress {
    /// Serves until `stop`, then lets what runs finish.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        http_server::serve(listener, stop, |address| {
            let ingress = self.clone();
            service_fn(move |request| {
                let ingress = ingress.clone();
                async move { Ok::<_, Infallible>(ingress.handle(address, request).await) }
            })
        })
        .await;
    }

    async fn handle(&self, client: SocketAddr, mut request: Request<Incoming>) -> Response<Answer> {
        let answered = match self.route(client, &mut request) {
            Ok(Routed::Function(function, matched)) => {
                ask(&self.invoker, &function, request, matched).await
            }
            Ok(Routed::Response(response)) => Err(response),
            Err(reason) => Err(respond(&reason)),
        };
        let mut response = match answered {
            Ok(response) => response.map(Answer::Function),
            Err(response) => response.map(Answer::host),
        };
        session_cookies::take_off_answer(response.headers_mut());
        response
    }

    /// The function of this request, or the response in its stead.
    fn route(&self, client: SocketAddr, request: &mut Request<Incoming>) -> Result<Routed, Reason> {
        check_host(request)?;
        let table = self.tables.current();
        match table.match_http(request.method(), request.uri().path()) {
            RouteMatch::NotFound => Err(Reason::NotFound),
            RouteMatch::MethodNotAllowed(methods) => Err(Reason::MethodNotAllowed(methods)),
            RouteMatch::Found {
                function,
                route,
                response,
                parameters,
            } => {
                if let Some(response) = response {
                    return Ok(Routed::Response(static_response(response)));
                }
                let matched = MatchedRoute {
                    pattern: route.clone(),
                    parameters,
                    client: SocketAddr::new(client.ip().to_canonical(), client.port()),
                };
                Ok(Routed::Function(function.clone(), matched))
            }
        }
    }
}

/// Where a request leads.
pub(super) enum Routed {
    Function(Arc<ReadyFunction>, MatchedRoute),
    Response(Response<Bytes>),
}

/// Asks a function, which is told about its request by headers. The answer is the function's own, or the host's.
pub(super) async fn ask<B>(
    invoker: &Invoker,
    function: &Arc<ReadyFunction>,
    mut request: Request<B>,
    matched: MatchedRoute,
) -> Result<Response<FunctionBody>, Response<Bytes>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let id = InvocationId::new();
    describe(&mut request, function, id, Some(matched));
    let answered = invoker.invoke_http(function, id, request).await.response;
    answered.map_err(|no_answer| {
        if let NoAnswer::Refused(refusal) = &no_answer {
            function.journal.metrics.refused(refusal.code());
        }
        respond(&Reason::NoAnswer(id, no_answer))
    })
}

pub(super) fn static_response(written: &StaticResponse) -> Response<Bytes> {
    let mut response = Response::builder().status(written.status());
    for (name, value) in written.headers() {
        response = response.header(name, value);
    }
    let response = response.body(Bytes::copy_from_slice(written.body().as_bytes()));
    response.expect("its parts were checked when the manifest was read")
}

fn check_host(request: &mut Request<Incoming>) -> Result<(), Reason> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, more) = (hosts.next(), hosts.next().is_some());
    let header = first.map(|host| host.to_str().map_err(|_| Reason::BadHost));
    let header = header.transpose()?;
    let authority = request.uri().authority().map(Authority::as_str);
    if more || [header, authority].into_iter().flatten().any(is_internal) {
        return Err(Reason::BadHost);
    }
    if header.is_some() || authority.is_some() {
        return Ok(());
    }
    // HTTP/1.0 does not know the header, guests expect it.
    if request.version() == Version::HTTP_10 {
        let unnamed = HeaderValue::from_static("localhost");
        request.headers_mut().insert(HOST, unnamed);
        return Ok(());
    }
    Err(Reason::BadHost)
}

/// Whether this names a component, as only the functions of its app do: a function must not take a request from outside
/// for one of theirs.
fn is_internal(authority: &str) -> bool {
    let host = authority.rsplit_once(':');
    is_component_host(host.map_or(authority, |(host, _)| host))
}

/// A function's answer, or the host's.
enum Answer {
    Function(FunctionBody),
    Host(Full<Bytes>),
}

impl Answer {
    fn host(body: Bytes) -> Answer {
        Answer::Host(Full::new(body))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Answer::Function(body) => Pin::new(body).poll_frame(context),
            Answer::Host(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Function(body) => body.is_end_stream(),
            Answer::Host(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Function(body) => body.size_hint(),
            Answer::Host(body) => body.size_hint(),
        }
    }
}
