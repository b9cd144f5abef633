//! `spin:sqlite/sqlite@3.1.0`. Its asynchronous functions are for components of the asynchronous ABI.

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::rows::RowStream;
use super::{
    Answer, Connected, HasSqlite, NotExecuted, NotOpened, SqliteView, conversions, execute,
    execute_under_way,
};
use crate::bindings::sqlite::version_3::{
    Connection, Host, HostConnection, HostConnectionWithStore,
};

conversions!(crate::bindings::sqlite::version_3);

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

    async fn last_insert_rowid(&mut self, handle: Resource<Connection>) -> wasmtime::Result<i64> {
        Ok(self.connection(&handle)?.last_insert_rowid())
    }

    async fn changes(&mut self, handle: Resource<Connection>) -> wasmtime::Result<u64> {
        Ok(self.connection(&handle)?.changes())
    }

    async fn drop(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.close(&handle)
    }
}

/// The columns, the rows, and how it ended.
type Streamed = (
    Vec<String>,
    StreamReader<RowResult>,
    FutureReader<Result<(), Error>>,
);

impl<T: Send> HostConnectionWithStore<T> for HasSqlite {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> Answer<Resource<Connection>, Error> {
        accessor.with(|mut access| {
            Ok(SqliteView::open(&mut access.get(), &database).map_err(Error::from))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<Streamed, Error> {
        let connection = connection(accessor, &handle)?;
        let (under_way, calls) = accessor.with(|mut access| {
            let context = access.get().context;
            (context.under_way.clone(), context.calls.clone())
        });
        let parameters = given(parameters);
        let executed = execute_under_way(connection, statement, parameters, under_way, calls);
        let (rows, held) = match executed.await? {
            Ok(executed) => executed,
            Err(NotExecuted::Sql(error)) => return Ok(Err(error.into())),
            Err(error) => return Ok(Err(Error::Io(error.to_string()))),
        };
        accessor.with(|mut access| {
            let stream = RowStream::new(rows.rows.into_iter().map(row).collect(), held);
            Ok(Ok((
                rows.columns,
                StreamReader::new(&mut access, stream)?,
                FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?,
            )))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        Ok(connection(accessor, &handle)?.last_insert_rowid())
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<Connection>,
    ) -> wasmtime::Result<u64> {
        Ok(connection(accessor, &handle)?.changes())
    }
}

fn connection<T>(
    accessor: &Accessor<T, HasSqlite>,
    handle: &Resource<Connection>,
) -> wasmtime::Result<Connected> {
    accessor.with(|mut access| access.get().connection(handle))
}
