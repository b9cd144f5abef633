//! `wasi:http/outgoing-handler`: linked, because language toolchains import it always, and refused, because no function
//! can be granted a destination.

use std::sync::Arc;

use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

use crate::limits::RESPONSE_CHUNK_BYTES_MAX;

/// How `wasi:http` behaves for one invocation.
pub struct HttpHooks {
    /// Whether `host` is among the headers that a guest does not get to see or set. Off only while the incoming
    /// request is taken in: a function sees the host it was asked for.
    pub host_forbidden: bool,
}

type Exchange = dyn Future<
        Output = wasmtime_wasi_http::Result<(
            http::Response<WasiBody>,
            Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
        )>,
    > + Send;

impl WasiHttpHooks for HttpHooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        let host_forbidden = self.host_forbidden;
        Arc::new(move |name| {
            DEFAULT_FORBIDDEN_HEADERS.contains(name)
                && (host_forbidden || name != http::header::HOST)
        })
    }

    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
    ) -> Box<Exchange> {
        Box::new(async { Err(Error::from(ErrorCode::HttpRequestDenied)) })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        RESPONSE_CHUNK_BYTES_MAX
    }
}
