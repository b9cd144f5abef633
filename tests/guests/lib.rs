//! Guest programs for the tests of the built host: one small component per behaviour, each a file of its own beside
//! this one. They are built by `cargo build -p tidegate-guests --examples --target wasm32-wasip2 --release`; natively
//! they are empty.

/// A query parameter as a number; `default` where it is missing or none.
#[cfg(target_arch = "wasm32")]
pub fn number(request: &tidegate_sdk::Request, name: &str, default: u64) -> u64 {
    request
        .query_param(name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}
