//! Writes one line each to standard output, standard error and wasi:logging at each level.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::log::Level;
use tidegate_sdk::{http_handler, log};

#[http_handler]
fn answer() -> &'static str {
    println!("on standard output");
    eprintln!("on standard error");
    log::trace!("at trace");
    log::debug!("at debug");
    log::info!("at info");
    log::warn!("at warn");
    log::error!("at error");
    log::log(Level::Critical, "http_logs", "at critical");
    "logged"
}
