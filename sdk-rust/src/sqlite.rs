//! SQL in SQLite databases.
//!
//! A function needs a grant for each database it opens: `#[http_handler(database = "readings")]`.
//!
//! ```no_run
//! use tidegate_sdk::sqlite::{Database, Error};
//!
//! fn store(sensor: &str, celsius: f64) -> Result<Vec<f64>, Error> {
//!     let database = Database::open("readings")?;
//!     database.execute("CREATE TABLE IF NOT EXISTS reading (sensor TEXT, celsius REAL) STRICT", &[])?;
//!     database.execute("INSERT INTO reading VALUES (?, ?)", &[sensor.into(), celsius.into()])?;
//!     let latest = database.execute("SELECT celsius FROM reading ORDER BY rowid DESC LIMIT 10", &[])?;
//!     Ok(latest.rows.iter().filter_map(|row| row[0].as_real()).collect())
//! }
//! ```
//!
//! A statement runs on its own unless it comes between `BEGIN` and `COMMIT`; what is not committed when the
//! [`Database`] is dropped is rolled back, and so is what is left alone for 10 s. There is no fake of this for unit tests: natively, [`Database::open`] fails.
//! Let a function take what it needs of the database from a trait or a closure, and test it with another.

use std::fmt;

use crate::bindings::spin::sqlite::sqlite as host;

/// An open database.
pub struct Database {
    inner: host::Connection,
    name: String,
}

/// What a statement gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
}

/// A value, as SQLite has them.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the words are SQLite's own")]
pub enum Value {
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    Null,
}

impl Database {
    /// Opens a database by its name. Where there is none yet, it is made.
    pub fn open(name: &str) -> Result<Database, Error> {
        let inner = host::Connection::open(name).map_err(|error| Error::of(error, name))?;
        Ok(Database {
            inner,
            name: name.to_owned(),
        })
    }

    /// Runs one statement, with a value for each of its parameters (`?`).
    pub fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Rows, Error> {
        let parameters: Vec<_> = parameters.iter().cloned().map(given).collect();
        let found = self.inner.execute(sql, &parameters);
        let found = found.map_err(|error| Error::of(error, &self.name))?;
        let row = |row: host::RowResult| row.values.into_iter().map(Value::from).collect();
        Ok(Rows {
            columns: found.columns,
            rows: found.rows.into_iter().map(row).collect(),
        })
    }

    /// The row id of the last INSERT; 0 before the first.
    pub fn last_insert_rowid(&self) -> i64 {
        self.inner.last_insert_rowid()
    }

    /// Rows that the last INSERT, UPDATE or DELETE changed.
    pub fn changes(&self) -> u64 {
        self.inner.changes()
    }
}

impl Value {
    /// The number, where it is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, where it is a real one or an integer.
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Value::Real(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The text, where it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, where it is a blob.
    pub fn as_blob(&self) -> Option<&[u8]> {
        match self {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

macro_rules! values_from {
    ($($from:ty: $value:ident => $made:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Value {
                $made
            }
        })*
    };
}

values_from! {
    i64: number => Value::Integer(number);
    i32: number => Value::Integer(number.into());
    u32: number => Value::Integer(number.into());
    bool: truth => Value::Integer(truth.into());
    f64: number => Value::Real(number);
    &str: text => Value::Text(text.to_owned());
    String: text => Value::Text(text);
    &[u8]: bytes => Value::Blob(bytes.to_vec());
    Vec<u8>: bytes => Value::Blob(bytes);
    host::Value: value => match value {
        host::Value::Integer(number) => Value::Integer(number),
        host::Value::Real(number) => Value::Real(number),
        host::Value::Text(text) => Value::Text(text),
        host::Value::Blob(bytes) => Value::Blob(bytes),
        host::Value::Null => Value::Null,
    };
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, T::into)
    }
}

fn given(value: Value) -> host::Value {
    match value {
        Value::Integer(number) => host::Value::Integer(number),
        Value::Real(number) => host::Value::Real(number),
        Value::Text(text) => host::Value::Text(text),
        Value::Blob(bytes) => host::Value::Blob(bytes),
        Value::Null => host::Value::Null,
    }
}

/// Why a statement did not do what it was to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The function was not granted the database, or only for reading.
    AccessDenied(String),
    /// The database has reached its largest size.
    Full(String),
    /// Anything else, in SQLite's or the host's words.
    Host(String),
}

impl Error {
    fn of(error: host::Error, database: &str) -> Self {
        match error {
            host::Error::AccessDenied | host::Error::NoSuchDatabase => {
                Error::AccessDenied(database.to_owned())
            }
            host::Error::DatabaseFull => Error::Full(database.to_owned()),
            host::Error::InvalidConnection => Error::Host("the database was closed".to_owned()),
            host::Error::Io(text) => Error::Host(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::AccessDenied(database) => {
                write!(f, "access to database `{database}` is not granted")
            }
            Error::Full(database) => write!(f, "database `{database}` is full"),
            Error::Host(text) => write!(f, "{text}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_made_of_what_rust_has() {
        let values: [Value; 5] = [
            7.into(),
            true.into(),
            "x".into(),
            b"y".as_slice().into(),
            None::<f64>.into(),
        ];
        let expected = [
            Value::Integer(7),
            Value::Integer(1),
            Value::Text("x".to_owned()),
            Value::Blob(b"y".to_vec()),
            Value::Null,
        ];
        assert_eq!(values, expected);
        assert_eq!(
            values.each_ref().map(Value::as_real),
            [Some(7.0), Some(1.0), None, None, None]
        );
    }

    #[test]
    fn there_is_no_database_in_a_unit_test() {
        let error = Database::open("default").map(|_| ()).expect_err("no host");
        assert!(error.to_string().contains("unit test"), "{error}");
    }
}
