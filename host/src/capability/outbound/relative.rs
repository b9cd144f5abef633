//! Requests whose URL is only a path: a function asks the routes of its own app. `wasi:http` has no name for that, so
//! the host fills in `self`, as Spin's manifests call it, before the request becomes one that needs an authority.
//!
//! The authority is never taken from the incoming request: its client would choose where the function's requests go.

use http::uri::{Authority, Scheme};
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::{self, Host as _};
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::http::client;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView};

use crate::model::outbound::SELF;

/// Links `wasi:http/outgoing-handler` of WASI 0.2.
pub fn link<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    use outgoing_handler::{OutgoingRequest, RequestOptions};

    type Parameters = (Resource<OutgoingRequest>, Option<Resource<RequestOptions>>);
    let mut handler = linker.instance("wasi:http/outgoing-handler@0.2.12")?;
    handler.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, T>, (request, options): Parameters| {
            let mut http = store.data_mut().http();
            fill_in(http.table, &request);
            let response = http.handle(request, options);
            Ok((response
                .map(Ok)
                .or_else(|error| error.downcast().map(Err))?,))
        },
    )
}

/// Links `wasi:http/client` of WASI 0.3.
pub fn link_async<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    client::add_to_linker::<_, HasClient>(linker, T::http)
}

/// Some SDKs put a port where they have no host, since they take an authority to be needed.
fn is_missing(authority: Option<&str>) -> bool {
    authority.is_none_or(|authority| authority.is_empty() || authority.starts_with(':'))
}

/// What is no request is for the handler to tell.
fn fill_in(table: &mut ResourceTable, request: &Resource<outgoing_handler::OutgoingRequest>) {
    use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

    if let Ok(request) = table.get_mut(request)
        && is_missing(request.authority.as_deref())
    {
        request.authority = Some(SELF.to_owned());
        request.scheme.get_or_insert(Scheme::Http);
    }
}

/// [`fill_in`] for WASI 0.3.
fn fill_in_async(table: &mut ResourceTable, request: &Resource<p3::Request>) {
    if let Ok(request) = table.get_mut(request)
        && is_missing(request.authority.as_ref().map(Authority::as_str))
    {
        request.authority = Some(Authority::from_static(SELF));
        request.scheme.get_or_insert(Scheme::HTTP);
    }
}

/// `wasi:http/client` with what is missing filled in.
struct HasClient;

impl HasData for HasClient {
    type Data<'a> = WasiHttpCtxView<'a>;
}

impl<T: WasiHttpView + 'static> client::HostWithStore<T> for HasClient {
    async fn send(
        store: &Accessor<T, Self>,
        request: Resource<p3::Request>,
    ) -> Result<Resource<p3::Response>, TrappableError<ErrorCode>> {
        store.with(|mut access| fill_in_async(access.get().table, &request));
        let http = store.with_getter::<WasiHttp>(T::http);
        <WasiHttp as client::HostWithStore<T>>::send(&http, request).await
    }
}
