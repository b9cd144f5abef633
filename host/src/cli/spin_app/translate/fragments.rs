//! Small manifests: one trigger or one key, as TOML tables for the manifest's own reader.

use toml::{Table, Value};

/// `[[kind]]` with these keys.
pub(super) fn trigger_table<const N: usize>(kind: &str, fields: [(&str, Value); N]) -> Table {
    let fields = fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    Table::from_iter([(
        kind.to_owned(),
        Value::Array(vec![Value::Table(fields.collect())]),
    )])
}

pub(super) fn insert_into_last(table: &mut Table, kind: &str, key: &str, value: Value) {
    let last = table.get_mut(kind).and_then(Value::as_array_mut);
    if let Some(Value::Table(last)) = last.and_then(|triggers| triggers.last_mut()) {
        last.insert(key.to_owned(), value);
    }
}

/// `[grants]` with one thing.
pub(super) fn grant(kind: &str, what: &str) -> Table {
    nested("grants", kind, Value::Array(vec![what.into()]))
}

pub(super) fn nested(table: &str, key: &str, value: Value) -> Table {
    let inner = Table::from_iter([(key.to_owned(), value)]);
    Table::from_iter([(table.to_owned(), Value::Table(inner))])
}
