//! Interfaces of others that Tidegate serves over its own capabilities: the synchronous ones, which every engine has.

use crate::model::bucket;

wasmtime::component::bindgen!({
    path: "../wit/foreign",
    world: "tidegate:foreign/synchronous",
    imports: { default: async | trappable },
    with: {
        "fermyon:spin/key-value@2.0.0.store": bucket::Bucket,
        "wasi:keyvalue/store.bucket": bucket::Bucket,
    },
    require_store_data_send: true,
});
