//! Spin's MQTT: a function opens a connection by address and publishes on it.
//!
//! An address that names this host's own broker takes the way of `tidegate:mqtt/client`, within `grants.publish`. Any
//! other one is a connection to another broker, which needs an outbound grant.

mod address;
mod asynchronous;
mod synchronous;

use wasmtime::component::{HasData, Resource, ResourceTable};

use self::address::{Address, Broker};
use super::mqtt_client::MqttContext;
use crate::bindings::imports::tidegate::mqtt::types::{self, Message, Qos};

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
}

/// Why something was not done; the guest's to handle.
enum MqttError {
    InvalidAddress,
    TooManyConnections,
    ConnectionFailed(String),
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
    fn open(&mut self, address: &str) -> Result<u32, MqttError> {
        let address: Address = address.parse().map_err(|_| MqttError::InvalidAddress)?;
        let own = self
            .context
            .broker
            .as_ref()
            .and_then(|broker| broker.address());
        let connection = match address.broker(own) {
            Broker::Own => Connection::Own,
            Broker::Other => {
                return Err(MqttError::ConnectionFailed(format!(
                    "`{address}` is not this host's own broker"
                )));
            }
        };
        let pushed = self.table.push(connection);
        let handle = pushed.map_err(|_| MqttError::TooManyConnections)?;
        Ok(handle.rep())
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
        }
    }
}
