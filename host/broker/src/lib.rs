//! Tidegate's MQTT broker: MQTT 3.1.1 and 5 on one port, and delivery to functions.
//!
//! It knows nothing of functions' components, HTTP or SQL: functions are [inboxes](inbox), what must survive goes through
//! the [`store::Store`] that it is given, and who may do what is told by [`access::Access`].
//!
//! ```text
//! listener -> connection (a task each) --publish--> router -> sessions -> their connections
//!                      ^                              |  \--> inboxes -> functions
//!                      |                              v
//!                      +---- receipt <---- spool -> store (one commit for all that waits)
//! ```
//!
//! A publisher's acknowledgement leaves when every taker of its message has handled it, or has it on disk: the
//! receipt of a message counts the takers that have it not yet, and the spool commits in groups what was
//! not handled within its window.

pub mod access;
mod broker;
#[doc(hidden)]
pub mod check;
mod connection;
mod delivery;
pub mod events;
mod figures;
mod housekeeping;
pub mod inbox;
mod lifecycle;
pub mod limits;
mod listener;
pub mod message;
pub mod packet;
mod retained;
mod router;
mod session;
mod shared;
mod spool;
pub mod store;
mod tap;
#[cfg(test)]
mod tests;
pub mod topic;
mod topics;
pub mod transport;
mod tree;
pub mod upstream;

pub use broker::{Broker, Disposal, PublishError, Settings};
pub use figures::{BrokerFigures, ClientSnapshot};
pub use spool::SpoolFigures;
pub use tap::TapReader;
pub use topics::TopicSnapshot;
