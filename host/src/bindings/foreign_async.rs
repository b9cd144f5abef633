//! Interfaces of others with asynchronous functions, which only the engine for that ABI has.

use crate::model::bucket;

wasmtime::component::bindgen!({
    path: "../wit/foreign",
    world: "tidegate:foreign/asynchronous",
    imports: { default: trappable },
    with: {
        "spin:key-value/key-value.store": bucket::Bucket,
    },
    require_store_data_send: true,
});
