//! `wasi:http/incoming-handler@0.2`: the guest is given where to put its response.

use bytes::Bytes;
use http::Request;
use http_body::Body;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use super::Answer;
use crate::invoke::body::LimitedBody;
use crate::invoke::instance_state::InstanceState;
use crate::model::outcome::{Outcome, Reason};

/// Calls the guest with this request.
pub(super) async fn call<B>(
    pre: &ProxyPre<InstanceState>,
    store: &mut Store<InstanceState>,
    request: Request<LimitedBody<B>>,
    answer: Answer,
) -> wasmtime::Result<()>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let state = store.data_mut();
    let request =
        state.http_incoming(|mut http| http.new_incoming_request(Scheme::Http, request))?;
    let out = state
        .http()
        .new_response_outparam_from_callback(move |response| {
            answer.set(response.map_err(
                |code: wasmtime_wasi_http::p2::bindings::http::types::ErrorCode| {
                    Outcome::GuestError(Reason::new(format_args!("{code:?}")))
                },
            ));
        })?;
    let instantiating = store.data().instantiating();
    let proxy = instantiating.end(pre.instantiate_async(&mut *store).await)?;
    proxy
        .wasi_http_incoming_handler()
        .call_handle(store, request, out)
        .await
}
