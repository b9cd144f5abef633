//! SQL databases, by the two interfaces that Spin's SDKs import.

/// `fermyon:spin/sqlite@2.0.0`
pub use of_version_2::fermyon::spin2_0_0::sqlite as version_2;
/// `spin:sqlite/sqlite@3.1.0`, which serves 3.0.0 as well. Its link options tell whether the asynchronous functions are
/// linked.
pub use of_version_3::spin::sqlite::sqlite as version_3;

mod of_version_2 {
    wasmtime::component::bindgen!({
        path: "../wit/foreign",
        inline: "
            package tidegate:sqlite;

            world version-two {
                import fermyon:spin/sqlite@2.0.0;
            }
        ",
        imports: { default: async | trappable },
        require_store_data_send: true,
    });
}

mod of_version_3 {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package tidegate:sqlite;

            world version-three {
                import spin:sqlite/sqlite@3.1.0;
            }
        ",
        imports: { default: async | trappable },
        require_store_data_send: true,
    });
}
