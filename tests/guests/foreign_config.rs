//! Answers the configuration's `?key=` through an interface of others: `?via=spin-config|spin-variables|runtime|store`.
//! Nothing there is a 404, an error a 500 with its name; without `?key=`, where there is such a function, all of it.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "generated bindings call imports")]

use tidegate_sdk::{Request, Response, http_handler};

use bindings::fermyon::{spin::config, spin2_0_0::variables};
use bindings::wasi::{config0_2_0_draft as draft, config0_2_0_draft_2024_09_27 as draft_2024};

#[allow(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/foreign",
        world: "tidegate:foreign/synchronous",
        generate_all,
    });
}

#[http_handler]
fn answer(request: Request) -> Result<Response, String> {
    let via = request.query_param("via").unwrap_or_default();
    let Some(key) = request.query_param("key") else {
        let all = match via.as_str() {
            "runtime" => draft::runtime::get_all().map_err(|error| format!("{error:?}")),
            _ => draft_2024::store::get_all().map_err(|error| format!("{error:?}")),
        };
        let lines = all?
            .into_iter()
            .map(|(key, value)| format!("{key}={value}\n"));
        return Ok(Response::text(lines.collect::<String>()));
    };
    let value = match via.as_str() {
        "spin-config" => config::get_config(&key)
            .map(Some)
            .map_err(|error| format!("{error:?}")),
        "spin-variables" => variables::get(&key)
            .map(Some)
            .map_err(|error| format!("{error:?}")),
        "runtime" => draft::runtime::get(&key).map_err(|error| format!("{error:?}")),
        _ => draft_2024::store::get(&key).map_err(|error| format!("{error:?}")),
    };
    Ok(match value? {
        Some(value) => Response::text(value),
        None => Response::text("not set").with_status(404),
    })
}
