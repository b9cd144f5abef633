//! Bindings generated from `wit/`: the imports that Tidegate serves beside WASI, and the exports that it calls. One file
//! for each family of interfaces.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated code; its documentation is the WIT text"
)]

pub mod foreign;
pub mod foreign_async;
pub mod imports;
pub mod mqtt;
pub mod schedule;
pub mod spin_triggers;
pub mod sqlite;
