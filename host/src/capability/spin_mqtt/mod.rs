//! Spin's MQTT: a function opens a connection by address and publishes on it.
//!
//! An address that names this host's own broker takes the way of `tidegate:mqtt/client`, within `grants.publish`. Any
//! other one is a connection to another broker, which needs an outbound grant.

mod address;
mod asynchronous;
mod outbound;
mod synchronous;

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use self::address::{Address, Broker};
use self::outbound::{Credentials, OutboundConnection};
use super::mqtt_client::MqttContext;
use super::outbound::Denied;
use crate::bindings::imports::tidegate::mqtt::types::{self, Message, Qos};
use crate::model::outbound::permits;
use crate::observe::calls::Call;

/// The context and the table of the guest's handles.
pub struct SpinMqttView<'a> {
    /// What the function may do.
    pub context: &'a MqttContext,
    /// The guest's handles.
    pub table: &'a mut ResourceTable,
}

/// Names [`SpinMqttView`] to the linker.
pub struct HasSpinMqtt;

impl HasData for HasSpinMqtt {
    type Data<'a> = SpinMqttView<'a>;
}

/// A trap outside, the guest's error inside.
type Answer<T, E> = wasmtime::Result<Result<T, E>>;

/// What a guest's handle stands for.
#[derive(Clone)]
enum Connection {
    /// To this host's own broker: there is nothing to be connected.
    Own,
    /// To another broker, once there is a message.
    Other(Arc<OutboundConnection>),
}

/// Why something was not done; the guest's to handle.
#[derive(Debug, thiserror::Error)]
enum MqttError {
    #[error("the address is none")]
    InvalidAddress,
    #[error("too many connections are open")]
    TooManyConnections,
    #[error("there is no connection: {0}")]
    ConnectionFailed(String),
    #[error("{0}")]
    Other(String),
}

impl From<types::Error> for MqttError {
    fn from(error: types::Error) -> MqttError {
        match error {
            types::Error::NotGranted(text)
            | types::Error::InvalidTopic(text)
            | types::Error::Unavailable(text) => MqttError::Other(text),
            types::Error::TooLarge(most) => MqttError::Other(format!(
                "the payload is too large: at most {most} bytes are allowed"
            )),
        }
    }
}

impl SpinMqttView<'_> {
    /// The number of a new handle.
    fn open(&mut self, address: &str, credentials: Credentials) -> Result<u32, MqttError> {
        let address: Address = address.parse().map_err(|_| MqttError::InvalidAddress)?;
        let broker = self.context.broker.as_ref();
        let connection =
            match address.broker(broker.and_then(|broker| broker.addresses().first().copied())) {
                Broker::Own => Connection::Own,
                Broker::Other => Connection::Other(self.other(address, credentials)?),
            };
        let pushed = self.table.push(connection);
        let handle = pushed.map_err(|_| MqttError::TooManyConnections)?;
        Ok(handle.rep())
    }

    fn other(
        &self,
        address: Address,
        credentials: Credentials,
    ) -> Result<Arc<OutboundConnection>, MqttError> {
        if !permits(&self.context.grants.outbound, &address.destination) {
            let denied = Denied::NotGranted(address.destination);
            return Err(MqttError::ConnectionFailed(denied.to_string()));
        }
        let outbound = self.context.outbound.clone();
        let connection = OutboundConnection::new(address, credentials, outbound);
        Ok(Arc::new(connection))
    }

    fn connection(&self, handle: u32) -> wasmtime::Result<(MqttContext, Connection)> {
        let connection = self
            .table
            .get(&Resource::<Connection>::new_borrow(handle))?;
        Ok((self.context.clone(), connection.clone()))
    }

    fn close(&mut self, handle: u32) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Connection>::new_own(handle))?;
        Ok(())
    }
}

impl Connection {
    async fn publish(
        self,
        context: MqttContext,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Result<(), MqttError> {
        let held = context.under_way.hold(payload.len());
        let _held = held.map_err(|error| MqttError::Other(error.to_string()))?;
        match self {
            Connection::Own => {
                let message = Message {
                    topic,
                    payload,
                    qos,
                    retain: false,
                    content_type: None,
                    response_topic: None,
                    correlation_data: None,
                    expiry_seconds: None,
                    user_properties: Vec::new(),
                };
                Ok(context.publish_checked(message).await?)
            }
            Connection::Other(connection) => {
                let publishing = connection.publish(&topic, payload, qos);
                let about = || topic.clone();
                context
                    .calls
                    .observe(Call::MqttPublish, about, publishing)
                    .await
            }
        }
    }
}

/// Errors and levels of an interface: they have the same shape in each, and different types.
macro_rules! conversions {
    ($interface:path) => {
        use $interface::{Error, Qos};

        impl From<super::MqttError> for Error {
            fn from(error: super::MqttError) -> Error {
                match error {
                    super::MqttError::InvalidAddress => Error::InvalidAddress,
                    super::MqttError::TooManyConnections => Error::TooManyConnections,
                    super::MqttError::ConnectionFailed(text) => Error::ConnectionFailed(text),
                    super::MqttError::Other(text) => Error::Other(text),
                }
            }
        }

        impl From<Qos> for super::Qos {
            fn from(qos: Qos) -> super::Qos {
                match qos {
                    Qos::AtMostOnce => super::Qos::AtMostOnce,
                    Qos::AtLeastOnce => super::Qos::AtLeastOnce,
                    Qos::ExactlyOnce => super::Qos::ExactlyOnce,
                }
            }
        }
    };
}
use conversions;
