//! `wasi:http/handler@0.3`: the guest returns its response, and may go on for its body.

use std::future::poll_fn;

use bytes::Bytes;
use http::Uri;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http_body::Body;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::Answer;
use crate::invoke::body::LimitedBody;
use crate::invoke::instance_state::InstanceState;
use crate::model::outcome::{Outcome, Reason};

/// Calls the guest with this request, and lets it go on until it has nothing more to do.
pub(super) async fn call<B>(
    pre: &ServicePre<InstanceState>,
    store: &mut Store<InstanceState>,
    request: http::Request<LimitedBody<B>>,
    answer: Answer,
) -> wasmtime::Result<()>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let instantiating = store.data().instantiating();
    let service = instantiating.end(pre.instantiate_async(&mut *store).await)?;
    let request = absolute(request);
    // How the guest fared with the request's body concerns nobody but the guest.
    let request = store
        .data_mut()
        .http_incoming(|http| Request::from_http(http.hooks, request).0);
    let request = store.data_mut().http().table.push(request)?;
    store
        .run_concurrent(async |accessor| {
            let handler = service.wasi_http_handler();
            let response = match handler.call_handle(accessor, request).await? {
                Ok(response) => accessor.with(|mut access| {
                    let response = access.data_mut().http().table.delete(response)?;
                    response.into_http(access, async { Ok(()) })
                })?,
                Err(code) => {
                    let reason = Reason::new(format_args!("{code:?}"));
                    answer.set(Err(Outcome::GuestError(reason)));
                    return wasmtime::error::Ok(());
                }
            };
            answer.set(Ok(response));
            poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
            Ok(())
        })
        .await?
}

/// Scheme and authority are the request's own in 0.3, where 0.2 takes them beside it.
fn absolute<B>(request: http::Request<B>) -> http::Request<B> {
    let (mut parts, body) = request.into_parts();
    let mut uri = parts.uri.clone().into_parts();
    let host = parts.headers.get(HOST);
    let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    uri.authority = uri.authority.or(host);
    uri.scheme = uri.authority.is_some().then_some(Scheme::HTTP);
    if let Ok(uri) = Uri::from_parts(uri) {
        parts.uri = uri;
    }
    http::Request::from_parts(parts, body)
}
