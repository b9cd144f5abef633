//! The functions that Spin's triggers look for in the world itself: synchronous up to version 2 and asynchronous since,
//! which makes no difference to how they are called. Their types are compared by what they are made of.

/// `handle-message`
pub mod mqtt {
    wasmtime::component::bindgen!({
        inline: "
            package tidegate:spin;

            world mqtt-trigger {
                variant error { other(string) }
                record metadata { topic: string }
                export handle-message: func(message: list<u8>, metadata: metadata) -> result<_, error>;
            }
        ",
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// `handle-cron-event`
pub mod cron {
    wasmtime::component::bindgen!({
        inline: "
            package tidegate:spin;

            world cron-trigger {
                variant error { other(string) }
                record metadata { timestamp: u64 }
                export handle-cron-event: func(metadata: metadata) -> result<_, error>;
            }
        ",
        exports: { default: async },
        require_store_data_send: true,
    });
}
