//! `spin:sqlite/sqlite@3.1.0`. Its asynchronous functions are for components of the asynchronous ABI.

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::rows::RowStream;
use super::{Answer, Connected, HasSqlite, NotOpened, SqliteView, conversions, execute};
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
        let rows = execute(connection, statement, given(parameters)).await?;
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
        let under_way = accessor.with(|mut access| access.get().context.under_way.clone());
        let parameters = given(parameters);
        let bytes = statement.len()
            + parameters
                .iter()
                .map(backend::bytes_of_value)
                .sum::<usize>();
        let asked = match under_way.hold(bytes) {
            Ok(asked) => asked,
            Err(too_much) => return Ok(Err(Error::Io(too_much.to_string()))),
        };
        let rows = match execute(connection, statement, parameters).await? {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error.into())),
        };
        drop(asked);
        let held = match under_way.hold(rows.bytes) {
            Ok(held) => held,
            Err(too_much) => return Ok(Err(Error::Io(too_much.to_string()))),
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
