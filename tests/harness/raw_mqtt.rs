//! An MQTT client that sends and shows every byte: 3.1.1 and 5, without any codec of others.
//!
//! Packets of clients are built by [`Connect`], [`Publish`], [`Subscribe`] and the functions beside them, or by hand from
//! [`packet`], [`text`] and [`variable_integer`] where they are to be wrong. Packets of servers are read into
//! [`ServerPacket`]; the reader panics at whatever the standard forbids a server to send, so that each test checks that
//! too. A [`Client`] is one connection, over TCP or any other stream of bytes, such as that of a
//! [`web_socket::WebSocket`].

mod build;
mod client;
mod encoding;
mod parse;
pub mod property;
pub mod web_socket;

pub use build::{
    Acknowledgement, Connect, Publish, Subscribe, Unsubscribe, Will, auth, disconnect, options,
    pingreq,
};
pub use client::Client;
pub use encoding::{packet, text, variable_integer};
pub use parse::{Ack, Connack, Disconnect, ServerPacket, Suback};
pub use property::{Properties, Property, Value};

/// The version of the protocol that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V311,
    /// MQTT 5, protocol level 5.
    V5,
}

impl Version {
    /// Both.
    pub const ALL: [Version; 2] = [Version::V311, Version::V5];

    /// The protocol level that CONNECT has.
    pub fn level(self) -> u8 {
        match self {
            Version::V311 => 4,
            Version::V5 => 5,
        }
    }
}
