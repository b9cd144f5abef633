//! The black-box tests: each starts the built host and speaks to it from outside.

mod admin;
mod bindings;
mod broker;
mod capabilities;
mod cli;
mod deploy;
mod durability;
mod examples;
mod guest_sqlite;
mod http;
mod key_value;
mod limits;
mod memories_and_tables;
mod modules;
mod mqtt;
mod observe;
mod outbound;
mod outbound_denied;
mod page;
mod scaffold;
mod secrets;
mod spin_toml;
mod uploads;
mod wagi;
mod wasi;
