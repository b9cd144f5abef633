//! Publishes `?payload=` to `?topic=`, with `?qos=` and `?retain=1`; answers `ok`, or 500 with the
//! error's text.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::{Message, Qos, Request, http_handler, mqtt};

#[http_handler]
fn answer(request: Request) -> Result<&'static str, mqtt::Error> {
    let text = |name| request.query_param(name).unwrap_or_default();
    let mut message = Message::new(text("topic"), text("payload"));
    message.retain = matches!(text("retain").as_str(), "1" | "true");
    message.qos = match number(&request, "qos", 0) {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        _ => Qos::ExactlyOnce,
    };
    message.publish().map(|()| "ok")
}
