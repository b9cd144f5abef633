//! The black-box tests: each starts the built host and speaks to it from outside.

mod admin;
mod capabilities;
mod deploy;
mod http;
mod limits;
mod mqtt;
mod observe;
mod uploads;
mod durability;
mod cli;
mod examples;
mod page;
