//! The database: the only place with SQL.
//!
//! One SQLite file in WAL mode with `synchronous = FULL`: what a call has returned from has survived a loss of power.
//! One connection writes, in groups ([`writer`]); a few others read. Functions' SQL databases are files of their own
//! ([`guest_databases`]).

pub mod broker;
pub mod database;
pub mod deployments;
pub mod devices;
pub mod files;
pub mod guest_databases;
pub mod key_value;
pub mod keys;
mod migrate;
pub mod schedules;
pub mod secrets;
mod writer;
