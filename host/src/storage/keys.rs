//! Secrets of the host itself, made at first start.

use rusqlite::{Connection, OptionalExtension, params};

use super::database::StorageError;

/// What a key is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Signs the tokens of the admin API.
    Tokens,
    /// Authenticates compiled components.
    CompiledComponents,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Tokens => "tokens",
            Purpose::CompiledComponents => "compiled-components",
        }
    }
}

/// The key for this purpose, if the host has made it.
pub fn find(connection: &Connection, purpose: Purpose) -> Result<Option<[u8; 32]>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT key FROM host_key WHERE purpose = ?1")?;
    Ok(statement
        .query_row([purpose.as_str()], |row| row.get(0))
        .optional()?)
}

/// The key for this purpose; `fresh` becomes it where there is none yet.
pub fn find_or_insert(
    connection: &Connection,
    purpose: Purpose,
    fresh: [u8; 32],
) -> Result<[u8; 32], StorageError> {
    if let Some(key) = find(connection, purpose)? {
        return Ok(key);
    }
    connection.execute(
        "INSERT INTO host_key (purpose, key) VALUES (?1, ?2)",
        params![purpose.as_str(), fresh],
    )?;
    Ok(fresh)
}
