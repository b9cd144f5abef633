//! Calls between the functions of one app: `http://{component}.spin.internal` and `http://self`, which never leave the
//! process.
//!
//! Such a call is an invocation like any other, with its own admission, limits and record. A caller keeps its place
//! while it waits, so functions that call each other at their concurrency limits wait for one another: at the latest
//! when the called function's time limit has passed, the call is answered with 503. How many functions may wait in a
//! row is bounded.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::{Error, WasiBody};

use super::http::{Routed, ask, static_response};
use super::respond::{Reason, respond};
use crate::invoke::in_process::{Answer, Callee, InProcess, InProcessCall};
use crate::invoke::invoker::Invoker;
use crate::invoke::ready::ReadyFunction;
use crate::limits::APP_CALLS_DEPTH_MAX;
use crate::model::app::AppMembership;
use crate::model::event::{Hops, MatchedRoute};
use crate::model::name::Name;
use crate::model::route::RoutePattern;
use crate::trigger::table::RouteMatch;
use crate::trigger::tables::TriggerTables;

/// Whom functions see as the client of such a call, as with Spin.
const CALLER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Takes calls to the functions that are deployed.
pub struct AppIngress {
    /// Which function.
    pub tables: Arc<TriggerTables>,
    /// Runs it. It has the way to here, so it is not held.
    pub invoker: Weak<Invoker>,
}

impl InProcess for AppIngress {
    fn call(self: Arc<Self>, call: InProcessCall) -> Answer {
        Box::pin(async move { self.answer(call).await })
    }
}

impl AppIngress {
    async fn answer(&self, call: InProcessCall) -> Response<WasiBody> {
        let mut request = call.request;
        if call.hops >= APP_CALLS_DEPTH_MAX {
            return of_host(respond(&Reason::CallsTooDeep));
        }
        let (function, matched) = match self.route(&call.app, &call.callee, &request) {
            Some(Routed::Function(function, matched)) => (function, matched),
            Some(Routed::Response(response)) => return of_host(response),
            None => return of_host(respond(&Reason::NotFound)),
        };
        let Some(invoker) = self.invoker.upgrade() else {
            return of_host(respond(&Reason::NotFound));
        };
        if !invoker.handles_http(&function).await {
            return of_host(respond(&Reason::NoHttpHandler));
        }
        // The name that was called means nothing to the function.
        request.headers_mut().remove(HOST);
        request.extensions_mut().insert(Hops(call.hops + 1));
        match ask(&invoker, &function, request, matched).await {
            Ok(response) => response.map(|body| {
                let gave_up = |_| Error::HttpResponseIncomplete;
                body.map_err(gave_up).boxed_unsync()
            }),
            Err(response) => of_host(response),
        }
    }

    fn route(&self, app: &Name, callee: &Callee, request: &Request<WasiBody>) -> Option<Routed> {
        let table = self.tables.current();
        let path = request.uri().path();
        let component = match callee {
            Callee::Component(component) => component,
            Callee::Route => {
                let RouteMatch::Found {
                    function,
                    route,
                    response,
                    parameters,
                } = table.match_http(request.method(), path)
                else {
                    return None;
                };
                let membership = function.manifest.app.as_ref();
                membership.filter(|of| of.name == *app)?;
                return Some(match response {
                    Some(response) => Routed::Response(static_response(response)),
                    None => Routed::Function(
                        function.clone(),
                        MatchedRoute {
                            pattern: route.clone(),
                            parameters,
                            client: CALLER,
                        },
                    ),
                });
            }
        };
        let component = Name::resembling(component).ok()?;
        let is_called =
            |of: &AppMembership| of.name == *app && of.component.as_ref() == Some(&component);
        let called =
            |function: &&Arc<ReadyFunction>| function.manifest.app.as_ref().is_some_and(is_called);
        let function = table.functions().find(called)?.clone();
        // All paths are the called function's.
        let pattern: RoutePattern = "/{*rest}".parse().expect("a route");
        let matched = MatchedRoute {
            parameters: pattern.matches(path)?,
            pattern: Arc::new(pattern),
            client: CALLER,
        };
        Some(Routed::Function(function, matched))
    }
}

fn of_host(response: Response<Bytes>) -> Response<WasiBody> {
    response.map(|body| {
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync()
    })
}
