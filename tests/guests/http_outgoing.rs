//! Gets `?url=` through wasi:http/outgoing-handler; answers `status N`, or 502 with the error
//! code's text.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Request, Response, http_handler};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

#[http_handler]
fn answer(request: Request) -> Response {
    match get(&request.query_param("url").unwrap_or_default()) {
        Ok(status) => Response::text(format!("status {status}")),
        Err(reason) => Response::text(reason).with_status(502),
    }
}

fn get(url: &str) -> Result<u16, String> {
    let (scheme, rest) = url.split_once("://").ok_or("no URL")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| "scheme refused")?;
    request
        .set_authority(Some(authority))
        .map_err(|()| "authority refused")?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| "path refused")?;
    let response = handle(request, None).map_err(|code| format!("{code:?}"))?;
    response.subscribe().block();
    let response = response.get().ok_or("not ready")?.map_err(|()| "taken")?;
    Ok(response.map_err(|code| format!("{code:?}"))?.status())
}
