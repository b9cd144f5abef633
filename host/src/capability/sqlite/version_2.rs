//! `fermyon:spin/sqlite@2.0.0`.

use wasmtime::component::Resource;

use super::{Answer, NotOpened, SqliteView, conversions, execute};
use crate::bindings::sqlite::version_2::{Connection, Host, HostConnection};

conversions!(crate::bindings::sqlite::version_2);

impl Host for SqliteView<'_> {}

impl HostConnection for SqliteView<'_> {
    async fn open(&mut self, database: String) -> Answer<Resource<Connection>, Error> {
        Ok(SqliteView::open(self, &database).map_err(Error::from))
    }

    async fn execute(
        &mut self,
        handle: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<QueryResult, Error> {
        let connection = self.connection(&handle)?;
        let calls = self.context.calls.clone();
        let rows = execute(connection, statement, given(parameters), calls).await?;
        Ok(rows.map(found).map_err(Error::from))
    }

    async fn drop(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.close(&handle)
    }
}
