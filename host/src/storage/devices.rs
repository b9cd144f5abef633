//! Devices and what their passwords are recognised by.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_broker::access::Permissions;

use super::database::StorageError;
use crate::model::device::{Device, DeviceSettings};
use crate::model::name::Name;
use crate::model::password::PasswordHash;

/// All devices.
pub fn all(db: &Connection) -> Result<Vec<(Device, PasswordHash)>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT name, salt, digest, publish, subscribe, certificates, created_ms FROM device",
    )?;
    let mut rows = statement.query([])?;
    let mut devices = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let damaged = |_| StorageError::Damaged(format!("the device `{name}`"));
        devices.push(device_from(row).map_err(damaged)?);
    }
    Ok(devices)
}

/// Stores a device that is not there yet.
pub fn insert(
    db: &Connection,
    device: &Device,
    password: &PasswordHash,
) -> Result<(), StorageError> {
    let settings = &device.settings;
    db.execute(
        "INSERT INTO device (name, salt, digest, publish, subscribe, certificates, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            device.name.as_str(),
            password.salt,
            password.digest,
            json(&settings.permissions.publish),
            json(&settings.permissions.subscribe),
            json(&settings.certificates),
            device.created_ms,
        ],
    )?;
    Ok(())
}

/// Changes the settings of a device; whether it is there.
pub fn update(
    db: &Connection,
    name: &Name,
    settings: &DeviceSettings,
) -> Result<bool, StorageError> {
    let updated = db.execute(
        "UPDATE device SET publish = ?2, subscribe = ?3, certificates = ?4 WHERE name = ?1",
        params![
            name.as_str(),
            json(&settings.permissions.publish),
            json(&settings.permissions.subscribe),
            json(&settings.certificates),
        ],
    )?;
    Ok(updated > 0)
}

/// Changes what a device's password is recognised by; whether the device is there.
pub fn set_password(
    db: &Connection,
    name: &Name,
    password: &PasswordHash,
) -> Result<bool, StorageError> {
    let updated = db.execute(
        "UPDATE device SET salt = ?2, digest = ?3 WHERE name = ?1",
        params![name.as_str(), password.salt, password.digest],
    )?;
    Ok(updated > 0)
}

/// Removes a device; whether it was there.
pub fn delete(db: &Connection, name: &Name) -> Result<bool, StorageError> {
    Ok(db.execute("DELETE FROM device WHERE name = ?1", [name.as_str()])? > 0)
}

fn device_from(row: &Row<'_>) -> rusqlite::Result<(Device, PasswordHash)> {
    let device = Device {
        name: row
            .get::<_, String>(0)?
            .parse()
            .map_err(|error| damaged(0, error))?,
        settings: DeviceSettings {
            permissions: Permissions {
                publish: from_json(row, 3)?,
                subscribe: from_json(row, 4)?,
            },
            certificates: from_json(row, 5)?,
        },
        created_ms: row.get(6)?,
    };
    let password = PasswordHash {
        salt: row.get(1)?,
        digest: row.get(2)?,
    };
    Ok((device, password))
}

fn json(list: &[impl Serialize]) -> String {
    serde_json::to_string(list).expect("a list of texts")
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<Vec<T>> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|error| damaged(index, error))
}

fn damaged(index: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::model::password::Password;
    use crate::storage::database::{self, Database};

    fn settings(filter: &str, certificates: &[&str]) -> DeviceSettings {
        let filters = [filter.to_owned()];
        let certificates = certificates.iter().map(|name| (*name).to_owned()).collect();
        DeviceSettings::parse(&filters, &filters, certificates).expect("valid")
    }

    fn hash() -> PasswordHash {
        let password = Password::generate().expect("randomness");
        password.hash().expect("randomness")
    }

    #[test]
    fn devices_come_back_as_they_were_last() {
        let directory = TempDir::new().expect("a directory");
        drop(Database::open(directory.path()).expect("a database"));
        let db = database::open_beside(directory.path()).expect("a connection");
        let device = |name: &str| Device {
            name: name.parse().expect("a name"),
            settings: settings("a/%u/#", &[name, "o'clock \"x\""]),
            created_ms: 5,
        };
        let (one, two, old, new) = (device("one"), device("two"), hash(), hash());
        insert(&db, &one, &old).expect("stored");
        insert(&db, &two, &old).expect("stored");
        assert!(insert(&db, &one, &new).is_err(), "it is there");
        assert_eq!(
            all(&db).expect("read"),
            [(one.clone(), old.clone()), (two.clone(), old)]
        );

        let changed = settings("b", &[]);
        assert!(update(&db, &one.name, &changed).expect("done"));
        assert!(set_password(&db, &one.name, &new).expect("done"));
        assert!(delete(&db, &two.name).expect("done"));
        let one = Device {
            settings: changed.clone(),
            ..one
        };
        assert_eq!(all(&db).expect("read"), [(one, new.clone())]);
        // Nothing comes into being by being changed.
        assert!(!update(&db, &two.name, &changed).expect("done"));
        assert!(!set_password(&db, &two.name, &new).expect("done"));
        assert!(!delete(&db, &two.name).expect("done"));
    }

    #[test]
    fn a_device_that_is_damaged_is_named() {
        let directory = TempDir::new().expect("a directory");
        drop(Database::open(directory.path()).expect("a database"));
        let db = database::open_beside(directory.path()).expect("a connection");
        let device = Device {
            name: "one".parse().expect("a name"),
            settings: settings("a", &[]),
            created_ms: 5,
        };
        insert(&db, &device, &hash()).expect("stored");
        for damage in [
            "UPDATE device SET publish = '[\"a#\"]'",
            "UPDATE device SET publish = '[\"a\"]', digest = x'00'",
        ] {
            db.execute_batch(damage).expect("done");
            let error = all(&db).expect_err(damage).to_string();
            assert_eq!(error, "database: the device `one` is damaged");
        }
    }
}
