//! What a guest may ask for: one file for each capability, and the list of all of them.
//!
//! Each has the same shape: a context (what the function was granted), a view that borrows it together with the
//! resource table, the `Host` implementations on the view, and the mapping of errors to WIT. A returned error is for
//! the guest to handle; a trap is for the host's own failures.

pub mod config;
mod detached;
pub mod key_value;
pub mod logging;
pub mod mqtt_client;
pub mod outbound;
pub mod spin_mqtt;
pub mod sqlite;
pub mod standard_output;
pub mod under_way;
pub mod unserved;
