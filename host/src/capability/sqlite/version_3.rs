//! `spin:sqlite/sqlite@3.1.0`. Its asynchronous functions are for components of the asynchronous ABI.

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::rows::Unread;
use super::{Answer, HasSqlite, Held, NotOpened, SqliteView, conversions, execute};
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
        let rows = execute(&connection, statement, given(parameters)).await?;
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
        let total = accessor.with(|mut access| access.get().context.unread.clone());
        let parameters = given(parameters);
        // A guest may have any number of calls under way.
        let bytes = statement.len()
            + parameters
                .iter()
                .map(backend::bytes_of_value)
                .sum::<usize>();
        let Some(asked) = Unread::hold(total.clone(), bytes) else {
            return Ok(Err(no_room()));
        };
        let rows = match execute(&connection, statement, parameters).await? {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error.into())),
        };
        drop(asked);
        let Some(held) = Unread::hold(total, rows.bytes) else {
            return Ok(Err(no_room()));
        };
        accessor.with(|mut access| {
            let stream = held.stream(rows.rows.into_iter().map(row).collect());
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

fn no_room() -> Error {
    Error::Io("too much is under way: read the rows of earlier statements first".to_owned())
}

fn connection<T>(
    accessor: &Accessor<T, HasSqlite>,
    handle: &Resource<Connection>,
) -> wasmtime::Result<Held> {
    accessor.with(|mut access| access.get().connection(handle))
}
