//! Stores a value of each type in the database `default` and reads them back, through the three versions of the
//! interface that published SDKs import; answers `ok`, or what went wrong.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "generated bindings call imports")]

use tidegate_sdk::http_handler;
use tidegate_sdk::sqlite::{Database, Error, Value};

#[allow(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod version_2 {
    wit_bindgen::generate!({
        path: "../../wit/foreign",
        inline: "
            package tidegate:test;

            world sql-two {
                import fermyon:spin/sqlite@2.0.0;
            }
        ",
        generate_all,
    });

    pub use fermyon::spin2_0_0::sqlite::*;
}

#[allow(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod version_3_0 {
    wit_bindgen::generate!({
        inline: "
            package tidegate:test;

            world sql-three {
                import spin:sqlite/sqlite@3.0.0;
            }

            package spin:sqlite@3.0.0 {
                interface sqlite {
                    variant error { no-such-database, access-denied, invalid-connection, database-full, io(string) }
                    variant value { integer(s64), real(f64), text(string), blob(list<u8>), null }
                    record row-result { values: list<value> }
                    record query-result { columns: list<string>, rows: list<row-result> }
                    resource connection {
                        open: static func(database: string) -> result<connection, error>;
                        execute: func(statement: string, parameters: list<value>) -> result<query-result, error>;
                        last-insert-rowid: func() -> s64;
                        changes: func() -> u64;
                    }
                }
            }
        ",
        generate_all,
    });

    pub use spin::sqlite::sqlite::*;
}

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS v (i INTEGER, r REAL, t TEXT, b BLOB, n TEXT) STRICT";
const INSERT: &str = "INSERT INTO v VALUES (?, ?, ?, ?, ?)";
const SELECT: &str = "SELECT i, r, t AS \"the text\", b, n FROM v";
const COLUMNS: [&str; 5] = ["i", "r", "the text", "b", "n"];
const TEXT: &str = "a\0ö\u{10ffff}";

#[http_handler]
fn answer() -> String {
    let done = newest().map_err(|error| error.to_string());
    match done
        .and_then(|()| version_3_0_works())
        .and_then(|()| version_2_works())
    {
        Ok(()) => "ok".to_owned(),
        Err(error) => error,
    }
}

fn newest() -> Result<(), Error> {
    let database = Database::open("default")?;
    assert_eq!((database.last_insert_rowid(), database.changes()), (0, 0));
    database.execute("DROP TABLE IF EXISTS v", &[])?;
    database.execute(TABLE, &[])?;
    let rows = [
        [
            i64::MIN.into(),
            f64::MIN_POSITIVE.into(),
            TEXT.into(),
            vec![0, 255].into(),
            Value::Null,
        ],
        [
            i64::MAX.into(),
            (-0.1).into(),
            "".into(),
            Vec::new().into(),
            "x".into(),
        ],
    ];
    for row in &rows {
        database.execute(INSERT, row)?;
    }
    assert_eq!((database.last_insert_rowid(), database.changes()), (2, 1));
    let found = database.execute(SELECT, &[])?;
    assert_eq!(
        (found.columns, found.rows),
        (
            COLUMNS.map(str::to_owned).to_vec(),
            rows.map(Vec::from).to_vec()
        )
    );
    database.execute("UPDATE v SET n = NULL", &[])?;
    assert_eq!(database.changes(), 2);
    Ok(())
}

macro_rules! works {
    ($name:ident, $version:ident) => {
        fn $name() -> Result<(), String> {
            use $version::{Connection, Value};
            let words = |error: $version::Error| format!("{}: {error:?}", stringify!($version));
            let connection = Connection::open("default").map_err(words)?;
            connection.execute("DELETE FROM v", &[]).map_err(words)?;
            let row = [
                Value::Integer(-1),
                Value::Real(1.5),
                Value::Text(TEXT.to_owned()),
                Value::Blob(vec![1, 2]),
                Value::Null,
            ];
            connection.execute(INSERT, &row).map_err(words)?;
            let found = connection.execute(SELECT, &[]).map_err(words)?;
            assert_eq!(found.columns, COLUMNS);
            let [found] = &found.rows[..] else {
                return Err(format!("{} rows", found.rows.len()));
            };
            let same = match &found.values[..] {
                [
                    Value::Integer(-1),
                    Value::Real(real),
                    Value::Text(text),
                    Value::Blob(blob),
                    Value::Null,
                ] => *real == 1.5 && text == TEXT && blob == &[1, 2],
                _ => false,
            };
            assert!(same, "{:?}", found.values);
            Ok(())
        }
    };
}

works!(version_2_works, version_2);
works!(version_3_0_works, version_3_0);
