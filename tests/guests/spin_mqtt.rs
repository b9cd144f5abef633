//! What `spin-mqtt-sdk` made of a handler up to Spin 3: a function of the world, in a package without a version. Logs
//! the message; a message `fail` is not handled.

#![cfg(target_arch = "wasm32")]
#![allow(
    unsafe_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package spin:mqtt-trigger;

            interface spin-mqtt-types {
                variant error { other(string) }
                enum qos { at-most-once, at-least-once, exactly-once }
                record metadata { topic: string }
                type payload = list<u8>;
            }

            world spin-mqtt {
                use spin-mqtt-types.{error, metadata, payload};
                export handle-message: func(message: payload, metadata: metadata) -> result<_, error>;
            }
        ",
    });
}

use bindings::{Error, Guest, Metadata, Payload};

struct Handler;

bindings::export!(Handler with_types_in bindings);

impl Guest for Handler {
    fn handle_message(message: Payload, metadata: Metadata) -> Result<(), Error> {
        let message = String::from_utf8_lossy(&message).into_owned();
        println!("{} {message}", metadata.topic);
        match message.as_str() {
            "fail" => Err(Error::Other("was told to fail".to_owned())),
            _ => Ok(()),
        }
    }
}
