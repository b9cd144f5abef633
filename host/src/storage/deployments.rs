//! Components, revisions and which of them is active: the table of functions as it survives a restart.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::StorageError;
use super::files;
use super::schedules;
use crate::limits::REVISIONS_KEPT;
use crate::model::abi::Abi;
use crate::model::digest::Digest;
use crate::model::name::Name;
use crate::model::schedule::ScheduleKey;

/// A stored revision. Its manifest is the effective one, as JSON.
#[derive(Clone, Debug)]
pub struct StoredRevision {
    /// The function's name.
    pub function: Name,
    /// Counts up from 1 for each function.
    pub number: u32,
    /// The component's, as it was uploaded.
    pub digest: Digest,
    /// How the component is called.
    pub abi: Abi,
    /// The digest of the component that was made of a core module, where one was uploaded.
    pub derived_digest: Option<Digest>,
    /// The effective manifest, as JSON.
    pub manifest: String,
    /// Size of what was uploaded.
    pub component_bytes: u64,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// The subject of the token that deployed it.
    pub created_by: String,
    /// Whether it is the one that serves.
    pub active: bool,
}

/// A revision to be stored.
pub struct NewRevision {
    /// The function's name.
    pub function: Name,
    /// The bytes that were uploaded.
    pub component: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// How the component is called.
    pub abi: Abi,
    /// The digest of the component that was made of a core module, where one was uploaded.
    pub derived_digest: Option<Digest>,
    /// The effective manifest, as JSON.
    pub manifest: String,
    /// The files that the manifest names, each by its digest.
    pub files: Vec<(Digest, Vec<u8>)>,
    /// The manifest's schedules.
    pub schedules: Vec<ScheduleKey>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Who deploys it.
    pub actor: String,
}

const REVISION_COLUMNS: &str = "SELECT revision.function, revision.number, revision.digest, revision.manifest,
    length(component.bytes), revision.created_ms, revision.created_by, function.active_revision IS revision.number,
    component.abi, component.derived_digest
    FROM revision JOIN component USING (digest) LEFT JOIN function ON function.name = revision.function";

fn revision_from(row: &Row<'_>) -> rusqlite::Result<StoredRevision> {
    Ok(StoredRevision {
        function: parsed(row, 0)?,
        abi: parsed(row, 8)?,
        derived_digest: row.get::<_, Option<_>>(9)?.map(Digest::from_bytes),
        number: row.get(1)?,
        digest: Digest::from_bytes(row.get(2)?),
        manifest: row.get(3)?,
        component_bytes: row.get::<_, i64>(4)?.unsigned_abs(),
        created_ms: row.get(5)?,
        created_by: row.get(6)?,
        active: row.get(7)?,
    })
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

/// The active revision of every function, in the order of names.
pub fn active_revisions(connection: &Connection) -> Result<Vec<StoredRevision>, StorageError> {
    let sql = format!(
        "{REVISION_COLUMNS} WHERE function.active_revision = revision.number ORDER BY revision.function"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], revision_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The revisions kept of one function, newest first.
pub fn revisions(
    connection: &Connection,
    function: &Name,
) -> Result<Vec<StoredRevision>, StorageError> {
    let sql =
        format!("{REVISION_COLUMNS} WHERE revision.function = ?1 ORDER BY revision.number DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([function.as_str()], revision_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One revision.
pub fn revision(
    connection: &Connection,
    function: &Name,
    number: u32,
) -> Result<Option<StoredRevision>, StorageError> {
    let sql = format!("{REVISION_COLUMNS} WHERE revision.function = ?1 AND revision.number = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement
        .query_row(params![function.as_str(), number], revision_from)
        .optional()?)
}

/// The bytes of a component, as they were uploaded.
pub fn component(connection: &Connection, digest: Digest) -> Result<Option<Vec<u8>>, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM component WHERE digest = ?1")?;
    Ok(statement
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Stores a revision, makes it active, and forgets the oldest beyond the number kept. Returns its number.
pub fn deploy(connection: &Connection, new: &NewRevision) -> Result<u32, StorageError> {
    connection.execute(
        "INSERT INTO component (digest, bytes, abi, derived_digest) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (digest) DO NOTHING",
        params![
            new.digest.as_bytes(),
            new.component,
            new.abi.as_str(),
            new.derived_digest.map(|digest| *digest.as_bytes())
        ],
    )?;
    let number: u32 = connection.query_row(
        "SELECT coalesce(max(number), 0) + 1 FROM revision WHERE function = ?1",
        [new.function.as_str()],
        |row| row.get(0),
    )?;
    connection.execute(
        "INSERT INTO revision (function, number, digest, manifest, created_ms, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            new.function.as_str(),
            number,
            new.digest.as_bytes(),
            new.manifest,
            new.created_ms,
            new.actor
        ],
    )?;
    files::insert(connection, &new.files)?;
    files::refer(connection, &new.function, number, &new.files)?;
    activate(connection, &new.function, number)?;
    schedules::set(
        connection,
        &new.function,
        &new.schedules,
        new.created_ms / 1000,
    )?;
    record(
        connection,
        &new.function,
        "deploy",
        Some(number),
        &new.actor,
        new.created_ms,
    )?;
    forget_old_revisions(connection, &new.function, number)?;
    Ok(number)
}

/// Makes an older revision active again, with its schedules.
pub fn rollback(
    connection: &Connection,
    function: &Name,
    number: u32,
    schedules: &[ScheduleKey],
    actor: &str,
    at_ms: i64,
) -> Result<(), StorageError> {
    activate(connection, function, number)?;
    schedules::set(connection, function, schedules, at_ms / 1000)?;
    record(connection, function, "rollback", Some(number), actor, at_ms)
}

/// Removes a function with all its revisions; whether it was there. Its key-value state stays: buckets have no owner.
pub fn delete(
    connection: &Connection,
    function: &Name,
    actor: &str,
    at_ms: i64,
) -> Result<bool, StorageError> {
    let removed =
        connection.execute("DELETE FROM function WHERE name = ?1", [function.as_str()])?;
    if removed == 0 {
        return Ok(false);
    }
    connection.execute(
        "DELETE FROM revision WHERE function = ?1",
        [function.as_str()],
    )?;
    forget_unused_components(connection)?;
    files::forget_unused(connection)?;
    schedules::set(connection, function, &[], at_ms / 1000)?;
    record(connection, function, "delete", None, actor, at_ms)?;
    Ok(true)
}

/// The digests of all components that some revision refers to.
pub fn digests(connection: &Connection) -> Result<Vec<Digest>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT digest FROM component")?;
    let rows = statement.query_map([], |row| row.get(0).map(Digest::from_bytes))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn activate(connection: &Connection, function: &Name, number: u32) -> Result<(), StorageError> {
    connection.execute(
        "INSERT INTO function (name, active_revision) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET active_revision = excluded.active_revision",
        params![function.as_str(), number],
    )?;
    Ok(())
}

fn record(
    connection: &Connection,
    function: &Name,
    action: &str,
    revision: Option<u32>,
    actor: &str,
    at_ms: i64,
) -> Result<(), StorageError> {
    connection.execute(
        "INSERT INTO deployment (function, action, revision, actor, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![function.as_str(), action, revision, actor, at_ms],
    )?;
    Ok(())
}

fn forget_old_revisions(
    connection: &Connection,
    function: &Name,
    active: u32,
) -> Result<(), StorageError> {
    connection.execute(
        "DELETE FROM revision WHERE function = ?1 AND number <> ?2 AND number NOT IN
         (SELECT number FROM revision WHERE function = ?1 ORDER BY number DESC LIMIT ?3)",
        params![function.as_str(), active, REVISIONS_KEPT],
    )?;
    forget_unused_components(connection)?;
    files::forget_unused(connection)
}

fn forget_unused_components(connection: &Connection) -> Result<(), StorageError> {
    connection.execute(
        "DELETE FROM component WHERE NOT EXISTS (SELECT 1 FROM revision WHERE revision.digest = component.digest)",
        [],
    )?;
    Ok(())
}
