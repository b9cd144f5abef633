//! Shows what an app's component sees: `?env=NAME`, `?config=KEY`, `?file=PATH`, `?list=PATH` (names, sorted),
//! `?call=URL` (status and body, a line each; the URL may be a path alone), `?again=URL` (the same, with `?again=URL`
//! behind it); writes to `?write=PATH`; otherwise lists the request's headers.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Request, Response, config, http_handler};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

#[http_handler]
fn answer(request: Request) -> Response {
    let shown = if let Some(name) = request.query_param("env") {
        std::env::var(name).map_err(|error| error.to_string())
    } else if let Some(key) = request.query_param("config") {
        let value = config::get(&key).map_err(|error| error.to_string());
        value.and_then(|value| value.ok_or_else(|| "not set".to_owned()))
    } else if let Some(path) = request.query_param("file") {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    } else if let Some(path) = request.query_param("write") {
        let written = std::fs::write(path, "x").map(|()| "written".to_owned());
        written.map_err(|error| error.to_string())
    } else if let Some(path) = request.query_param("list") {
        list(&path).map_err(|error| error.to_string())
    } else if let Some(url) = request.query_param("call") {
        call(&url)
    } else if let Some(url) = request.query_param("again") {
        call(&format!("{url}?again={url}"))
    } else {
        Ok(headers(&request))
    };
    match shown {
        Ok(text) => Response::text(text),
        Err(reason) => Response::text(reason).with_status(500),
    }
}

fn headers(request: &Request) -> String {
    let headers = request.headers();
    let line =
        |(name, value): (&str, &[u8])| format!("{name}: {}\n", String::from_utf8_lossy(value));
    headers.map(line).collect()
}

fn list(path: &str) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

fn call(url: &str) -> Result<String, String> {
    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| "refused".to_owned();
    let path = match url.split_once("://") {
        None => url,
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
            let scheme = match scheme {
                "https" => Scheme::Https,
                _ => Scheme::Http,
            };
            request.set_scheme(Some(&scheme)).map_err(refused)?;
            request.set_authority(Some(authority)).map_err(refused)?;
            path
        }
    };
    request.set_path_with_query(Some(path)).map_err(refused)?;
    let response = handle(request, None).map_err(|code| format!("{code:?}"))?;
    response.subscribe().block();
    let response = response.get().ok_or("not ready")?.map_err(refused)?;
    let response = response.map_err(|code| format!("{code:?}"))?;
    let status = response.status();
    let body = response.consume().map_err(refused)?;
    let stream = body.stream().map_err(refused)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok(format!("{status}\n{}", String::from_utf8_lossy(&bytes)))
}
