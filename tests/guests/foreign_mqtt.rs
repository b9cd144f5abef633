//! Publishes through `fermyon:spin/mqtt@2.0.0`: `?payload=` to `?topic=` with `?qos=` at the broker `?address=`, with
//! `?user=` and `?password=`. Answers `published`, or 500 with the error's name.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "generated bindings call imports")]

use tidegate_sdk::{Request, http_handler};

use bindings::fermyon::spin2_0_0::mqtt::{Connection, Qos};

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
fn answer(request: Request) -> Result<String, String> {
    let text = |name| request.query_param(name).unwrap_or_default();
    let qos = match text("qos").as_str() {
        "0" => Qos::AtMostOnce,
        "2" => Qos::ExactlyOnce,
        _ => Qos::AtLeastOnce,
    };
    let connection = Connection::open(&text("address"), &text("user"), &text("password"), 30)
        .map_err(|error| format!("open: {error:?}"))?;
    connection
        .publish(&text("topic"), text("payload").as_bytes(), qos)
        .map_err(|error| format!("publish: {error:?}"))?;
    Ok("published".to_owned())
}
