//! Reports what the host tells about a request: client address, route, invocation id, then all its
//! route parameters, encoded as they came.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{Request, http_handler};

#[http_handler]
fn answer(request: Request) -> String {
    let mut report = format!(
        "client: {:?}\nroute: {:?}\ninvocation: {:?}\n",
        request.client_address(),
        request.route(),
        request.invocation_id(),
    );
    for (name, value) in request.headers() {
        if let Some(param) = name.strip_prefix("tidegate-param-") {
            let decoded = request.param(param).unwrap_or_default();
            report += &format!("{param}: {} {decoded:?}\n", String::from_utf8_lossy(value));
        }
    }
    report
}
