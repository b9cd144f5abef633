//! The harness of the black-box tests: a host of one's own, clients for it, and the guests to deploy.
//!
//! A test starts a [`TestHost`] on free ports and an empty data directory, deploys guests from [`artifacts`] or [`sdks`]
//! through [`AdminClient`] or the [`command_line`], speaks to them over HTTP ([`TestHost::function`]), hand-written bytes
//! ([`Wire`]) or MQTT ([`MqttClient`], [`raw_mqtt`], [`mosquitto`]), and waits for what takes its time with
//! [`eventually`].

#![allow(
    clippy::print_stderr,
    reason = "what a host said is printed when its test fails"
)]

mod admin;
pub mod artifacts;
pub mod browser;
pub mod collector;
pub mod command_line;
mod eventually;
pub mod frames;
mod host;
pub mod mosquitto;
mod mqtt;
pub mod process;
pub mod raw_mqtt;
pub mod rumqttd;
pub mod sdks;
mod upstream;
mod wire;

pub use admin::{AdminClient, Reply};
pub use eventually::eventually;
pub use host::{HostBuilder, Role, TestHost};
pub use mqtt::{MqttClient, Received};
pub use rumqttc::QoS;
pub use upstream::{Authority, Upstream};
pub use wire::{Wire, address_of_nobody, free_address};

use std::time::Duration;

/// The time within which something happens that has no reason to take long, on a machine with a lot else to do.
pub const SOON: Duration = Duration::from_secs(60);
