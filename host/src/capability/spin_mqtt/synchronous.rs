//! `fermyon:spin/mqtt@2.0.0`.

use wasmtime::component::Resource;

use super::outbound::Credentials;
use super::{Answer, SpinMqttView, conversions};
use crate::bindings::foreign::fermyon::spin2_0_0::mqtt::{Connection, Host, HostConnection};

conversions!(crate::bindings::foreign::fermyon::spin2_0_0::mqtt);

impl Host for SpinMqttView<'_> {}

impl HostConnection for SpinMqttView<'_> {
    async fn open(
        &mut self,
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
        let opened = self.open(&address, credentials).map_err(Error::from);
        Ok(opened.map(Resource::new_own))
    }

    async fn publish(
        &mut self,
        handle: Resource<Connection>,
        topic: String,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Answer<(), Error> {
        let (context, connection) = self.connection(handle.rep())?;
        let published = connection
            .publish(context, topic, payload, qos.into())
            .await;
        Ok(published.map_err(Error::from))
    }

    async fn drop(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.close(handle.rep())
    }
}
