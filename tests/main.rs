//! The black-box tests: each starts the built host and speaks to it from outside.

mod http;
mod uploads;
mod limits;
mod capabilities;
mod deploy;
mod admin;
