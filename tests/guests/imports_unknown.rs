//! Imports `acme:widgets/paint`, which no host has.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "generated bindings call imports")]

use tidegate_sdk::http_handler;

#[allow(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package acme:widgets;

            interface paint {
                draw: func(colour: string) -> string;
            }

            world painter {
                import paint;
            }
        ",
    });
}

#[http_handler]
fn answer() -> String {
    bindings::acme::widgets::paint::draw("red")
}
