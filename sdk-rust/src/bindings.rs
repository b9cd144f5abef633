//! The host's interfaces as Rust: generated from `wit/` for WebAssembly, in-memory fakes of the same shape natively.
//!
//! One world names all imports. Interfaces that a function does not call are not imported by its component, and a
//! handler is exported only where `#[mqtt_handler]` uses `export_mqtt_handler!`, and `#[schedule_handler]`
//! `export_schedule_handler!`: each exports all of its world, so each has a world of its own.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::fakes::{spin, tidegate, wasi};

#[cfg(target_arch = "wasm32")]
pub use generated::*;

#[cfg(target_arch = "wasm32")]
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    reason = "generated: the canonical ABI is raw memory"
)]
mod generated {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package tidegate:sdk;

            world function {
                include tidegate:function/imports@0.1.0;
                include tidegate:function/mqtt-handler@0.1.0;
                import spin:sqlite/sqlite@3.1.0;
            }
        ",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_mqtt_handler",
    });
}

/// What ticks come through.
#[cfg(target_arch = "wasm32")]
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    reason = "generated: the canonical ABI is raw memory"
)]
pub mod schedule {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package tidegate:sdk-schedule;

            world schedule-function {
                include tidegate:function/schedule-handler@0.1.0;
            }
        ",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_schedule_handler",
    });
}
