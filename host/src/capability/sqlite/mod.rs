//! SQL databases, within the function's `databases` grants. What was committed is durable when it returns.
//!
//! One backend ([`GuestDatabases`]) under two interfaces, each in a file of its own.

mod rows;
mod version_2;
mod version_3;

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::detached::{Stopped, detached};
use super::under_way::{Held, TooMuch, UnderWay};
use crate::model::grant::Grants;
use crate::observe::calls::{Call, Calls, OpenCall};
use crate::storage::guest_databases::{
    Caller, GuestConnection, GuestDatabases, Rows, SqlError, Value, bytes_of_value,
};

/// What one invocation reaches its databases with.
pub struct SqliteContext {
    databases: Arc<GuestDatabases>,
    caller: Caller,
    grants: Arc<Grants>,
    /// Parameters of calls that have not ended, and rows that the guest has not taken from its streams yet.
    under_way: UnderWay,
    calls: Calls,
}

impl SqliteContext {
    /// For an invocation of a function with these grants.
    pub fn new(
        databases: Arc<GuestDatabases>,
        caller: Caller,
        grants: Arc<Grants>,
        under_way: UnderWay,
        calls: Calls,
    ) -> SqliteContext {
        SqliteContext {
            databases,
            caller,
            grants,
            under_way,
            calls,
        }
    }
}

/// The context and the table of the guest's handles.
pub struct SqliteView<'a> {
    /// What the function may do.
    pub context: &'a SqliteContext,
    /// The guest's handles.
    pub table: &'a mut ResourceTable,
}

/// Names [`SqliteView`] to the linker.
pub struct HasSqlite;

impl HasData for HasSqlite {
    type Data<'a> = SqliteView<'a>;
}

/// What a handle of either interface stands for.
type Connected = Arc<GuestConnection>;

/// A trap outside, the guest's error inside.
type Answer<T, E> = wasmtime::Result<Result<T, E>>;

/// Why there is no handle to a database.
#[derive(Debug, thiserror::Error)]
enum NotOpened {
    #[error("the function was not granted this database")]
    NotGranted,
    #[error("too many handles are open: drop those that are no longer needed")]
    TooManyHandles,
}

impl SqliteView<'_> {
    /// A handle to a database.
    fn open<T: 'static>(&mut self, database: &str) -> Result<Resource<T>, NotOpened> {
        let SqliteContext {
            databases,
            caller,
            grants,
            ..
        } = self.context;
        let grant = grants.database(database).ok_or(NotOpened::NotGranted)?;
        let connection = databases.connection(caller, grant.name.clone(), grant.access);
        let handle: Resource<Connected> = self
            .table
            .push(Arc::new(connection))
            .map_err(|_| NotOpened::TooManyHandles)?;
        Ok(Resource::new_own(handle.rep()))
    }

    fn connection<T: 'static>(&self, handle: &Resource<T>) -> wasmtime::Result<Connected> {
        let handle = Resource::<Connected>::new_borrow(handle.rep());
        Ok(self.table.get(&handle)?.clone())
    }

    fn close<T: 'static>(&mut self, handle: &Resource<T>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Connected>::new_own(handle.rep()))?;
        Ok(())
    }
}

/// Why an asynchronous statement gave nothing.
#[derive(Debug, thiserror::Error)]
enum NotExecuted {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
}

/// Runs a statement; a trap where the invocation has used up its CPU time with it.
async fn execute(
    connection: Connected,
    statement: String,
    parameters: Vec<Value>,
    calls: Calls,
) -> Answer<Rows, SqlError> {
    let call = calls.begin(Call::SqlExecute, || shown(&statement));
    let execute = async move { connection.execute(statement, parameters).await };
    let done = detached(execute).await;
    note(call, &done);
    or_trap(done)
}

/// A statement as its call is described: values that are written into it may be nobody's business.
fn shown(statement: &str) -> String {
    let verb = statement.trim_start().chars();
    let verb = verb.take_while(char::is_ascii_alphabetic).take(16);
    verb.collect::<String>().to_uppercase()
}

/// What SQLite says of a statement quotes from it, which is for the function alone.
fn note<T>(call: OpenCall, done: &Result<Result<T, SqlError>, Stopped>) {
    match done {
        Ok(Ok(_)) => call.succeeded(),
        Ok(Err(SqlError::Statement(_) | SqlError::Forbidden(_))) => {
            call.failed("the statement was refused: the function was told why");
        }
        Ok(Err(error)) => call.failed(error),
        Err(stopped) => call.failed(stopped),
    }
}

/// Runs a statement while its guest may do something else.
async fn execute_under_way(
    connection: Connected,
    statement: String,
    parameters: Vec<Value>,
    under_way: UnderWay,
    calls: Calls,
) -> Answer<(Rows, Held), NotExecuted> {
    let call = calls.begin(Call::SqlExecute, || shown(&statement));
    let given = parameters.iter().map(bytes_of_value).sum::<usize>();
    let asked = match under_way.hold(statement.len() + given) {
        Ok(asked) => asked,
        Err(too_much) => {
            call.failed(&too_much);
            return Ok(Err(too_much.into()));
        }
    };
    let execute = async move {
        let done = connection.execute(statement, parameters).await;
        drop(asked);
        // Here, and not where the rows are taken: a guest that computes takes none, and they are there all the same.
        done.map(|rows| under_way.hold(rows.bytes).map(|held| (rows, held)))
    };
    let done = detached(execute).await;
    note(call, &done);
    let done = or_trap(done)?;
    Ok(done
        .map_err(NotExecuted::from)
        .and_then(|held| held.map_err(NotExecuted::from)))
}

fn or_trap<T>(done: Result<Result<T, SqlError>, Stopped>) -> Answer<T, SqlError> {
    match done {
        Ok(Err(SqlError::CpuLimit(reached))) => Err(reached.into()),
        Ok(done) => Ok(done),
        Err(stopped) => Ok(Err(SqlError::Host(stopped.to_string()))),
    }
}

/// Values, rows and errors of an interface: they have the same shape in each, and different types.
macro_rules! conversions {
    ($interface:path) => {
        use $interface::{Error, QueryResult, RowResult, Value};

        use crate::storage::guest_databases as backend;

        fn given(parameters: Vec<Value>) -> Vec<backend::Value> {
            let given = |value| match value {
                Value::Integer(number) => backend::Value::Integer(number),
                Value::Real(number) => backend::Value::Real(number),
                Value::Text(text) => backend::Value::Text(text),
                Value::Blob(bytes) => backend::Value::Blob(bytes),
                Value::Null => backend::Value::Null,
            };
            parameters.into_iter().map(given).collect()
        }

        fn row(values: Vec<backend::Value>) -> RowResult {
            let found = |value| match value {
                backend::Value::Integer(number) => Value::Integer(number),
                backend::Value::Real(number) => Value::Real(number),
                backend::Value::Text(text) => Value::Text(text),
                backend::Value::Blob(bytes) => Value::Blob(bytes),
                backend::Value::Null => Value::Null,
            };
            RowResult {
                values: values.into_iter().map(found).collect(),
            }
        }

        fn found(rows: backend::Rows) -> QueryResult {
            QueryResult {
                columns: rows.columns,
                rows: rows.rows.into_iter().map(row).collect(),
            }
        }

        impl From<NotOpened> for Error {
            fn from(error: NotOpened) -> Error {
                match error {
                    NotOpened::NotGranted => Error::AccessDenied,
                    NotOpened::TooManyHandles => Error::Io(error.to_string()),
                }
            }
        }

        impl From<backend::SqlError> for Error {
            fn from(error: backend::SqlError) -> Error {
                match error {
                    backend::SqlError::ReadOnly => Error::AccessDenied,
                    backend::SqlError::Full => Error::DatabaseFull,
                    error => Error::Io(error.to_string()),
                }
            }
        }
    };
}
use conversions;

#[cfg(test)]
mod tests;
