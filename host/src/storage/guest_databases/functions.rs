//! Which of SQLite's functions a statement may use.
//!
//! Some of them are for SQLite's own extensions, one of which calls an address in the host that its caller names: the
//! host is built without extensions, but that is a setting of the build. What is not known is refused.
//!
//! Others take the product of their arguments in time, and SQLite looks at the clock between rows, but not within
//! functions nor between those of one row. These are replaced by watched ones, which look at the clock first and then
//! have the original do it on a connection of its own.

use std::ffi::c_int;
use std::sync::{Arc, Mutex};

use rusqlite::functions::{Context, FunctionFlags, SubType};
use rusqlite::limits::Limit;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, params_from_iter};

use super::guard::Guard;
use super::memory;
use crate::limits::{SQL_PATTERN_BYTES_MAX, SQL_SEARCH_PRODUCT_MAX, SQL_VALUE_BYTES_MAX};

/// Those of JSON first, and those that ALTER TABLE calls last.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    "->", "->>", "json", "json_array", "json_array_insert", "json_array_length", "json_error_position",
    "json_extract", "json_group_array", "json_group_object", "json_insert", "json_object", "json_patch", "json_pretty",
    "json_quote", "json_remove", "json_replace", "json_set", "json_type", "json_valid",
    "jsonb", "jsonb_array", "jsonb_array_insert", "jsonb_extract", "jsonb_group_array", "jsonb_group_object",
    "jsonb_insert", "jsonb_object", "jsonb_patch", "jsonb_remove", "jsonb_replace", "jsonb_set",
    "abs", "avg", "changes", "char", "coalesce", "concat", "concat_ws", "count", "cume_dist", "current_date",
    "current_time", "current_timestamp", "date", "datetime", "dense_rank", "first_value", "format", "glob",
    "group_concat", "hex", "if", "ifnull", "iif", "instr", "julianday", "lag", "last_insert_rowid", "last_value",
    "lead", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nth_value", "ntile", "nullif",
    "octet_length", "percent_rank", "printf", "quote", "random", "randomblob", "rank", "replace", "round",
    "row_number", "rtrim", "sign", "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_source_id",
    "sqlite_version", "strftime", "string_agg", "substr", "substring", "subtype", "sum", "time", "timediff", "total",
    "total_changes", "trim", "typeof", "unhex", "unicode", "unistr", "unistr_quote", "unixepoch", "unlikely", "upper",
    "zeroblob",
    "sqlite_add_constraint", "sqlite_drop_column", "sqlite_drop_constraint", "sqlite_fail", "sqlite_find_constraint",
    "sqlite_rename_column", "sqlite_rename_quotefix", "sqlite_rename_table", "sqlite_rename_test",
];

/// Functions that search their first arguments, and how many they take.
const WATCHED: [(&str, c_int); 11] = [
    ("glob", 2),
    ("instr", 2),
    ("json_patch", 2),
    ("jsonb_patch", 2),
    ("like", 2),
    ("like", 3),
    ("ltrim", 2),
    ("replace", 3),
    ("rtrim", 2),
    ("trim", 2),
    ("unhex", 2),
];

/// By which SQLite knows text that is JSON.
const JSON: u32 = 'J' as u32;

/// Whether a statement may use this function.
pub(super) fn is_allowed(name: &str) -> bool {
    ALLOWED
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(name))
}

/// Where the originals are: opened with the first call, as few connections call any.
type Originals = Arc<Mutex<Option<Connection>>>;

/// Replaces the functions whose time goes with the product of their arguments.
pub(super) fn watch(connection: &Connection, guard: &Arc<Guard>) -> rusqlite::Result<()> {
    let originals = Originals::default();
    for (name, arguments) in WATCHED {
        let mut flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_INNOCUOUS;
        let subtype = (name == "json_patch").then_some(JSON);
        if subtype.is_some() {
            flags |= FunctionFlags::SQLITE_RESULT_SUBTYPE;
        }
        let places = vec!["?"; usize::try_from(arguments).unwrap_or_default()];
        let call = format!("SELECT {name}({})", places.join(", "));
        let (originals, guard) = (originals.clone(), guard.clone());
        connection.create_scalar_function(name, arguments, flags, move |context| {
            if guard.ends() {
                return Err(Error::UserFunctionError("it is ended".into()));
            }
            let given = given(context);
            if bytes_of(&given[0]).saturating_mul(bytes_of(&given[1])) > SQL_SEARCH_PRODUCT_MAX {
                let reason = format!("the first two arguments of {name} are too large together");
                return Err(Error::UserFunctionError(reason.into()));
            }
            let answer = ask(&originals, &call, given).map_err(keep_kind)?;
            Ok::<(Answer, SubType), Error>((answer, subtype))
        })?;
    }
    Ok(())
}

/// The arguments. SQLite may copy them to hand them over, and has to.
fn given<'a>(context: &'a Context<'_>) -> Vec<ValueRef<'a>> {
    let arguments = 0..context.len();
    memory::unbounded(|| arguments.map(|at| context.get_raw(at)).collect())
}

/// An error with a text of its own loses its code on the way through SQLite; of memory, the code is what counts.
fn keep_kind(error: Error) -> Error {
    match error {
        Error::SqliteFailure(failure, _) if failure.code == ErrorCode::OutOfMemory => {
            Error::SqliteFailure(failure, None)
        }
        error => error,
    }
}

fn ask(originals: &Originals, call: &str, given: Vec<ValueRef<'_>>) -> rusqlite::Result<Answer> {
    let mut opened = originals.lock().expect("no holder panics");
    let originals = match &mut *opened {
        Some(originals) => originals,
        none => none.insert(open()?),
    };
    let mut statement = originals.prepare_cached(call)?;
    let given = given.into_iter().map(ToSqlOutput::Borrowed);
    statement.query_row(params_from_iter(given), |row| {
        memory::unbounded(|| row.get(0))
    })
}

fn open() -> rusqlite::Result<Connection> {
    let originals = Connection::open_in_memory()?;
    for (limit, bytes) in [
        (Limit::SQLITE_LIMIT_LENGTH, SQL_VALUE_BYTES_MAX),
        (
            Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
            SQL_PATTERN_BYTES_MAX,
        ),
    ] {
        originals.set_limit(limit, i32::try_from(bytes).unwrap_or(i32::MAX))?;
    }
    Ok(originals)
}

fn bytes_of(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
    }
}

/// What a function gave. Its text may not be UTF-8, as that of its arguments.
enum Answer {
    Text(Vec<u8>),
    Other(Value),
}

impl FromSql for Answer {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Answer> {
        match value {
            ValueRef::Text(bytes) => Ok(Answer::Text(bytes.to_vec())),
            other => Ok(Answer::Other(other.try_into()?)),
        }
    }
}

impl ToSql for Answer {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Answer::Text(bytes) => ValueRef::Text(bytes),
            Answer::Other(value) => value.into(),
        }))
    }
}
