//! Bindings generated from `wit/`: the imports that Tidegate serves beside WASI, and the exports that it calls.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated code; its documentation is the WIT text"
)]

use crate::model::bucket;

/// What a function may import.
pub mod imports {
    use super::bucket;

    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:function/imports",
        imports: { default: async | trappable },
        with: {
            "wasi:keyvalue/store.bucket": bucket::Bucket,
            "wasi:keyvalue/atomics.cas": bucket::CompareAndSwap,
        },
        require_store_data_send: true,
    });
}

/// What a function that handles MQTT messages exports.
pub mod mqtt {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:function/mqtt-handler",
        exports: { default: async },
        with: { "tidegate:mqtt/types": super::imports::tidegate::mqtt::types },
        require_store_data_send: true,
    });
}
