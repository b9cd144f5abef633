//! `spin:mqtt/mqtt@3.0.0`.

use wasmtime::component::{Accessor, Resource};

use super::outbound::Credentials;
use super::{Answer, HasSpinMqtt, SpinMqttView, conversions};
use crate::bindings::foreign_async::spin::mqtt::mqtt::{
    Connection, Host, HostConnection, HostConnectionWithStore,
};

conversions!(crate::bindings::foreign_async::spin::mqtt::mqtt);

impl Host for SpinMqttView<'_> {}

impl HostConnection for SpinMqttView<'_> {
    fn drop(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.close(handle.rep())
    }
}

impl<T: Send + 'static> HostConnectionWithStore<T> for HasSpinMqtt {
    async fn open(
        store: &Accessor<T, HasSpinMqtt>,
        address: String,
        username: String,
        password: String,
        keep_alive_seconds: u64,
    ) -> Answer<Resource<Connection>, Error> {
        let credentials = Credentials {
            username,
            password,
            keep_alive_seconds,
        };
        let opened = store.with(|mut access| access.get().open(&address, credentials));
        Ok(opened.map_err(Error::from).map(Resource::new_own))
    }

    async fn publish(
        store: &Accessor<T, HasSpinMqtt>,
        handle: Resource<Connection>,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Answer<(), Error> {
        let (context, connection) =
            store.with(|mut access| access.get().connection(handle.rep()))?;
        let published = connection
            .publish(context, topic, payload, qos.into())
            .await;
        Ok(published.map_err(Error::from))
    }
}
