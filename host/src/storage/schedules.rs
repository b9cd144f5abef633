//! How far each schedule has been worked off. Times are whole seconds since 1970.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::StorageError;
use crate::model::name::Name;
use crate::model::schedule::ScheduleKey;

/// Makes these the schedules of a function: those it has already go on where they are, new ones begin at `now_s`, and
/// all others are forgotten. To be called in the transaction that makes a revision active.
pub(super) fn set(
    connection: &Connection,
    function: &Name,
    schedules: &[ScheduleKey],
    now_s: i64,
) -> Result<(), StorageError> {
    let before = of(connection, function)?;
    for gone in before.iter().filter(|key| !schedules.contains(key)) {
        connection.execute(
            "DELETE FROM schedule WHERE function = ?1 AND cron = ?2 AND timezone = ?3",
            params![function.as_str(), gone.cron, gone.timezone],
        )?;
    }
    for key in schedules {
        connection.execute(
            "INSERT INTO schedule (function, cron, timezone, last_s) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (function, cron, timezone) DO NOTHING",
            params![function.as_str(), key.cron, key.timezone, now_s],
        )?;
    }
    Ok(())
}

/// All schedules and how far each has been worked off.
pub fn all(connection: &Connection) -> Result<Vec<(ScheduleKey, i64)>, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT function, cron, timezone, last_s FROM schedule")?;
    let rows = statement.query_map([], |row| Ok((key_from(row)?, row.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How far a schedule has been worked off; nothing where there is no such schedule any more.
pub fn last(connection: &Connection, key: &ScheduleKey) -> Result<Option<i64>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT last_s FROM schedule WHERE function = ?1 AND cron = ?2 AND timezone = ?3",
    )?;
    Ok(statement
        .query_row(
            params![key.function.as_str(), key.cron, key.timezone],
            |row| row.get(0),
        )
        .optional()?)
}

/// Moves a schedule on from `last_s` to `to_s`. Whether it was there: of several hosts, one is told so.
pub fn claim(
    connection: &Connection,
    key: &ScheduleKey,
    last_s: i64,
    to_s: i64,
) -> Result<bool, StorageError> {
    let mut statement = connection.prepare_cached(
        "UPDATE schedule SET last_s = ?5
         WHERE function = ?1 AND cron = ?2 AND timezone = ?3 AND last_s = ?4",
    )?;
    let moved = statement.execute(params![
        key.function.as_str(),
        key.cron,
        key.timezone,
        last_s,
        to_s
    ])?;
    Ok(moved == 1)
}

fn of(connection: &Connection, function: &Name) -> Result<Vec<ScheduleKey>, StorageError> {
    let mut statement = connection
        .prepare_cached("SELECT function, cron, timezone FROM schedule WHERE function = ?1")?;
    let rows = statement.query_map([function.as_str()], key_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn key_from(row: &Row<'_>) -> rusqlite::Result<ScheduleKey> {
    let name: String = row.get(0)?;
    let function = name.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(ScheduleKey {
        function,
        cron: row.get(1)?,
        timezone: row.get(2)?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, TransactionBehavior};
    use tempfile::TempDir;

    use super::*;
    use crate::storage::database::{self, Database};

    fn key(cron: &str) -> ScheduleKey {
        ScheduleKey {
            function: "a".parse().expect("a name"),
            cron: cron.to_owned(),
            timezone: "UTC".to_owned(),
        }
    }

    /// Two connections to one database, as two hosts have them.
    fn two_hosts() -> (TempDir, Connection, Connection) {
        let directory = TempDir::new().expect("a directory");
        drop(Database::open(directory.path()).expect("a database"));
        let [one, two] =
            [(); 2].map(|()| database::open_beside(directory.path()).expect("a connection"));
        (directory, one, two)
    }

    #[test]
    fn what_is_kept_goes_on_what_is_new_begins_now_and_what_is_gone_is_forgotten() {
        let (_directory, db, _) = two_hosts();
        let name = key("").function;
        set(&db, &name, &[key("1"), key("2")], 100).expect("set");
        assert!(claim(&db, &key("1"), 100, 160).expect("claimed"));
        set(&db, &name, &[key("1"), key("3")], 200).expect("set");
        let mut kept = all(&db).expect("read");
        kept.sort_by(|(one, _), (other, _)| one.cron.cmp(&other.cron));
        assert_eq!(kept, [(key("1"), 160), (key("3"), 200)]);
        // What comes back has forgotten what it was.
        set(&db, &name, &[key("2")], 300).expect("set");
        assert_eq!(last(&db, &key("2")).expect("read"), Some(300));
        set(&db, &name, &[], 400).expect("set");
        assert_eq!(all(&db).expect("read"), []);
        assert!(!claim(&db, &key("2"), 300, 360).expect("asked"));
    }

    #[test]
    fn of_two_hosts_that_claim_a_tick_one_gets_it() {
        let (directory, one, two) = two_hosts();
        set(&one, &key("").function, &[key("1")], 0).expect("set");
        assert!(claim(&one, &key("1"), 0, 60).expect("asked"));
        assert!(!claim(&two, &key("1"), 0, 60).expect("asked"));
        assert_eq!(last(&two, &key("1")).expect("read"), Some(60));
        assert!(claim(&two, &key("1"), 60, 120).expect("asked"));

        // At once, many times, each in a transaction of its own.
        let race = |mut db: Connection| {
            std::thread::spawn(move || {
                let mut won = Vec::new();
                for tick in 0..200 {
                    let (last, to) = (120 + tick * 60, 180 + tick * 60);
                    let transaction = db
                        .transaction_with_behavior(TransactionBehavior::Immediate)
                        .expect("a transaction");
                    if claim(&transaction, &key("1"), last, to).expect("asked") {
                        won.push(tick);
                    }
                    transaction.commit().expect("committed");
                    // The slower one would find nothing to race for.
                    while super::last(&db, &key("1")).expect("read") < Some(to) {}
                }
                won
            })
        };
        let racing = [race(one), race(two)];
        let mut won: Vec<i64> = racing
            .into_iter()
            .flat_map(|host| host.join().expect("no panic"))
            .collect();
        won.sort_unstable();
        assert_eq!(won, (0..200).collect::<Vec<_>>());
        drop(directory);
    }
}
