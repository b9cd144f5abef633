//! What a function that runs on schedules exports.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "tidegate:function/schedule-handler",
    exports: { default: async },
    require_store_data_send: true,
});
