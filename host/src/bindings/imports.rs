//! What a function may import.

use crate::model::bucket;

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
