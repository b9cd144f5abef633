//! Answers the configuration's `?key=`, or 404; without `?key=` all of it, as `key=value` lines.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Request, Response, config, http_handler};

#[http_handler]
fn answer(request: Request) -> Result<Response, config::Error> {
    let Some(key) = request.query_param("key") else {
        let all = config::get_all()?
            .into_iter()
            .map(|(key, value)| format!("{key}={value}\n"));
        return Ok(Response::text(all.collect::<String>()));
    };
    Ok(match config::get(&key)? {
        Some(value) => Response::text(value),
        None => Response::text("not set").with_status(404),
    })
}
