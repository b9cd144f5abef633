//! What a function that handles MQTT messages exports.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "tidegate:function/mqtt-handler",
    exports: { default: async },
    with: { "tidegate:mqtt/types": super::imports::tidegate::mqtt::types },
    require_store_data_send: true,
});
