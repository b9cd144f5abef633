//! A component for Spin's cron trigger, version 2: a function of the world. Logs the time that it was given, and fails
//! where that is before the year 2000.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

#[allow(
    unsafe_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fermyon:spin-cron@2.0.0;

            interface cron-types {
                record metadata { timestamp: u64 }
                variant error { other(string) }
            }

            world spin-cron {
                use cron-types.{metadata, error};
                export handle-cron-event: func(metadata: metadata) -> result<_, error>;
            }
        ",
    });
}

use bindings::{Error, Guest, Metadata};

struct Cron;

impl Guest for Cron {
    fn handle_cron_event(metadata: Metadata) -> Result<(), Error> {
        println!("cron event at {}", metadata.timestamp);
        match metadata.timestamp {
            ..946_684_800 => Err(Error::Other("that is long ago".to_owned())),
            _ => Ok(()),
        }
    }
}

bindings::export!(Cron with_types_in bindings);
