//! Files that functions read, and which revision has which.

use rusqlite::{Connection, OptionalExtension, params};

use super::database::StorageError;
use crate::model::digest::Digest;
use crate::model::file::Files;
use crate::model::name::Name;

/// Stores files that are not there yet.
pub(super) fn insert(
    connection: &Connection,
    files: &[(Digest, Vec<u8>)],
) -> Result<(), StorageError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO file (digest, bytes) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
    )?;
    for (digest, bytes) in files {
        statement.execute(params![digest.as_bytes(), bytes])?;
    }
    Ok(())
}

/// Records that a revision has these files.
pub(super) fn refer(
    connection: &Connection,
    function: &Name,
    number: u32,
    files: &[(Digest, Vec<u8>)],
) -> Result<(), StorageError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO revision_file (function, number, digest) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for (digest, _) in files {
        statement.execute(params![function.as_str(), number, digest.as_bytes()])?;
    }
    Ok(())
}

/// Removes files that no revision has.
pub(super) fn forget_unused(connection: &Connection) -> Result<(), StorageError> {
    connection.execute(
        "DELETE FROM file WHERE NOT EXISTS (SELECT 1 FROM revision_file WHERE revision_file.digest = file.digest)",
        [],
    )?;
    Ok(())
}

/// The bytes of a file.
pub fn file(connection: &Connection, digest: Digest) -> Result<Option<Vec<u8>>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM file WHERE digest = ?1")?;
    Ok(statement
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// The sets of files that revisions have.
pub fn sets(connection: &Connection) -> Result<Vec<Files>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT manifest ->> '$.files' FROM revision JOIN revision_file USING (function, number)",
    )?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|text| {
        let damaged = |error| StorageError::Damaged(format!("the list of files {error}"));
        serde_json::from_str(&text?).map_err(|error: serde_json::Error| damaged(error.to_string()))
    })
    .collect()
}
