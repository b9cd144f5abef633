//! The devices that MQTT clients may be: the broker's [`Access`].
//!
//! All devices are in memory, so that a CONNECT waits for nothing. Each shares its permissions with the clients that are
//! connected as it: a change reaches them with their next message or subscription, and what they were granted before is
//! looked at again by the broker when it is told (`access_changed`).
//!
//! Who a client is, is decided by the first of these that it shows:
//!
//! 1. a password: a token made for MQTT, whatever the user name, or the password of the device that the user name names;
//! 2. a client certificate that TLS has verified: the first of its names that stands for a device;
//! 3. nothing: from this machine it may do everything, from elsewhere nothing, unless the operator says otherwise. A page
//!    in a browser on this machine is from elsewhere.
//!
//! What is shown and is not right is not replaced by what comes after it: a device that was deleted is nobody, not
//! somebody anonymous.

mod known;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwapOption;
use tidegate_broker::access::{Access, Authenticated, Credentials, Identity, Permissions, Refused};
use tidegate_broker::message::unix_ms;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use self::known::{Entry, Known, Shared, shared};
use super::attempts::Attempts;
use super::tokens::{Audience, DeviceGrants, TokenKey};
use crate::limits::{DEVICE_TOKEN_BYTES_MAX, DEVICES_MAX};
use crate::model::device::{Anonymous, Device, DeviceSettings};
use crate::model::name::Name;
use crate::model::password::{Password, PasswordHash};
use crate::storage::database::{Database, StorageError};
use crate::storage::devices;

/// All devices, and how clients show that they are one.
pub struct Devices {
    database: Database,
    known: RwLock<Known>,
    /// Held for a change from the database to memory.
    turn: Mutex<()>,
    /// Changes that are under way.
    changes: TaskTracker,
    tokens: TokenKey,
    attempts: Attempts,
    local: Shared,
    remote: Shared,
}

/// What [`Devices::put`] is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Add the device, or change the one that is there.
    Either,
    /// Add a device that is not there.
    Add,
    /// Change a device that is there.
    Change,
}

/// Why a device was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// To be changed, or deleted.
    #[error("there is no device `{0}`")]
    NoSuchDevice(Name),
    /// To be added.
    #[error("there is a device `{0}` already: `tidegate device set` changes it")]
    Exists(Name),
    /// One certificate is one device.
    #[error("the certificate name `{0}` stands for the device `{1}`")]
    CertificateTaken(String, Name),
    /// [`DEVICES_MAX`]
    #[error("there are {DEVICES_MAX} devices, the most that one host has: delete some")]
    TooMany,
    /// The operating system gives none.
    #[error("no randomness for a password")]
    NoRandomness,
    /// A panic, which was reported when it happened.
    #[error("the change failed; the host's log says why")]
    Failed,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Devices {
    /// The devices in this database.
    pub async fn load(
        database: Database,
        tokens: TokenKey,
        anonymous: Anonymous,
    ) -> Result<Devices, StorageError> {
        let mut known = Known::default();
        for (device, password) in database.read(devices::all).await? {
            known.insert(device, password);
        }
        Ok(Devices {
            database,
            known: RwLock::new(known),
            turn: Mutex::default(),
            changes: TaskTracker::new(),
            tokens,
            attempts: Attempts::new(),
            local: Arc::new(match anonymous {
                Anonymous::Nobody => ArcSwapOption::empty(),
                Anonymous::Local | Anonymous::Everybody => {
                    ArcSwapOption::from_pointee(Permissions::all())
                }
            }),
            remote: Arc::new(match anonymous {
                Anonymous::Nobody | Anonymous::Local => ArcSwapOption::empty(),
                Anonymous::Everybody => ArcSwapOption::from_pointee(everything_but_the_servers()),
            }),
        })
    }

    /// One device.
    pub fn get(&self, name: &Name) -> Result<Device, DeviceError> {
        let known = self.known();
        let entry = known.devices.get(name);
        let entry = entry.ok_or_else(|| DeviceError::NoSuchDevice(name.clone()))?;
        Ok(entry.device.clone())
    }

    /// Up to `limit` devices in the order of their names, those after this one.
    pub fn list(&self, after: Option<&Name>, limit: usize) -> Vec<Device> {
        let known = self.known();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = known.devices.range((after, Bound::Unbounded)).take(limit);
        listed.map(|(_, entry)| entry.device.clone()).collect()
    }

    /// Carries a change to its end, also where nobody waits for it any more: one that was given up half way would be
    /// stored and not known, or known and not told to the broker.
    pub async fn carry_through<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, DeviceError>> + Send + 'static,
    ) -> Result<T, DeviceError> {
        let carried = self.changes.spawn(change).await;
        carried.map_err(|_| DeviceError::Failed)?
    }

    /// Waits until no change is under way.
    pub async fn idle(&self) {
        self.changes.close();
        self.changes.wait().await;
    }

    /// Adds a device, with its password, or changes the settings of one. To be [carried
    /// through](Devices::carry_through), like the other changes.
    pub async fn put(
        &self,
        name: Name,
        settings: DeviceSettings,
        put: Put,
    ) -> Result<(Device, Option<Password>), DeviceError> {
        let _turn = self.turn.lock().await;
        let is_there = self.check(&name, &settings)?;
        match put {
            Put::Add if is_there => Err(DeviceError::Exists(name)),
            Put::Change if !is_there => Err(DeviceError::NoSuchDevice(name)),
            _ if is_there => Ok((self.change(name, settings).await?, None)),
            _ => {
                let (device, password) = self.add(name, settings).await?;
                Ok((device, Some(password)))
            }
        }
    }

    /// Whether the device is there, if it may be as these settings say.
    fn check(&self, name: &Name, settings: &DeviceSettings) -> Result<bool, DeviceError> {
        let known = self.known();
        for certificate in &settings.certificates {
            let holder = known.by_certificate.get(certificate);
            if let Some(holder) = holder.filter(|holder| *holder != name) {
                let (certificate, holder) = (certificate.clone(), holder.clone());
                return Err(DeviceError::CertificateTaken(certificate, holder));
            }
        }
        let is_there = known.devices.contains_key(name);
        if !is_there && known.devices.len() >= DEVICES_MAX {
            return Err(DeviceError::TooMany);
        }
        Ok(is_there)
    }

    async fn add(
        &self,
        name: Name,
        settings: DeviceSettings,
    ) -> Result<(Device, Password), DeviceError> {
        let (password, hash) = fresh_password()?;
        let device = Device {
            name,
            settings,
            created_ms: unix_ms(SystemTime::now()),
        };
        let (stored, stored_hash) = (device.clone(), hash.clone());
        let write = move |db: &_| devices::insert(db, &stored, &stored_hash);
        self.database.write(write).await?;
        self.known_mut().insert(device.clone(), hash);
        Ok((device, password))
    }

    async fn change(&self, name: Name, settings: DeviceSettings) -> Result<Device, DeviceError> {
        let (stored, changed) = (name.clone(), settings.clone());
        let write = move |db: &_| devices::update(db, &stored, &changed);
        self.database.write(write).await?;
        self.known_mut().change(&name, settings);
        self.get(&name)
    }

    /// Gives a device a new password. The old one is good for nothing from then on, and the device's connections end.
    pub async fn renew_password(&self, name: &Name) -> Result<Password, DeviceError> {
        let _turn = self.turn.lock().await;
        self.get(name)?;
        let (password, hash) = fresh_password()?;
        let (stored, stored_hash) = (name.clone(), hash.clone());
        let write = move |db: &_| devices::set_password(db, &stored, &stored_hash);
        self.database.write(write).await?;
        self.known_mut().renew(name, hash);
        Ok(password)
    }

    /// Removes a device. Clients that are connected as it may do nothing any more.
    pub async fn delete(&self, name: &Name) -> Result<(), DeviceError> {
        let _turn = self.turn.lock().await;
        self.get(name)?;
        let stored = name.clone();
        let write = move |db: &_| devices::delete(db, &stored);
        self.database.write(write).await?;
        self.known_mut().remove(name);
        Ok(())
    }

    fn identify(&self, client: &Credentials, now: Instant) -> Result<Identity, Refused> {
        let address = client.address.ip().to_canonical();
        if !address.is_loopback() && self.attempts.is_one_too_many(address, now) {
            return Err(Refused::TooManyAttempts);
        }
        let user = client.username.as_deref();
        if let Some(password) = &client.password {
            return self.guarded(address, user, now, || self.by_password(user, password));
        }
        if !client.certificate_names.is_empty() {
            return self.by_certificate(&client.certificate_names);
        }
        match user {
            // Who says who it is has to show it.
            Some(_) => self.guarded(address, user, now, || None),
            None => self.anonymous(address, client.is_page),
        }
    }

    /// Looks at a password, unless this address has given too many wrong ones, and counts it where it is wrong.
    fn guarded(
        &self,
        address: IpAddr,
        user: Option<&str>,
        now: Instant,
        identify: impl FnOnce() -> Option<Identity>,
    ) -> Result<Identity, Refused> {
        let user = user.unwrap_or_default();
        if self.attempts.are_passwords_ignored(address, user, now) {
            return Err(Refused::TooManyAttempts);
        }
        identify().ok_or_else(|| {
            self.attempts.was_wrong(address, user, now);
            // Not the user name, which may be a password that was put in the wrong place.
            tracing::warn!(%address, "an MQTT client gave a wrong user name or password");
            Refused::BadUserNameOrPassword
        })
    }

    fn by_password(&self, user: Option<&str>, password: &[u8]) -> Option<Identity> {
        match std::str::from_utf8(password) {
            // No password has dots.
            Ok(token) if token.contains('.') => self.by_token(token),
            _ => self.by_device_password(user, password),
        }
    }

    /// A user name that is no device's takes the same way as a wrong password.
    fn by_device_password(&self, user: Option<&str>, password: &[u8]) -> Option<Identity> {
        let name = user.and_then(|user| user.parse::<Name>().ok());
        let known = self.known();
        let entry = name.and_then(|name| known.devices.get(&name));
        let hash = entry.map_or(&PasswordHash::NOBODYS, |entry| &entry.password);
        let is_right = hash.matches(password);
        entry.filter(|_| is_right).map(Entry::identity)
    }

    fn by_token(&self, token: &str) -> Option<Identity> {
        let verified = self
            .tokens
            .verify(Audience::Mqtt, token, DEVICE_TOKEN_BYTES_MAX);
        let claims = verified.map_err(|reason| tracing::info!(%reason, "a token was not valid"));
        let claims = claims.ok()?;
        let name: Name = claims.sub.parse().ok()?;
        let expires = claims.expires()?;
        let grants: DeviceGrants = claims.grants;
        Some(Identity {
            name: Some(name.as_str().into()),
            permissions: shared(grants.permissions()),
            expires: Some(expires),
        })
    }

    fn by_certificate(&self, names: &[String]) -> Result<Identity, Refused> {
        let known = self.known();
        let device = names.iter().find_map(|name| known.by_certificate.get(name));
        let entry = device.and_then(|device| known.devices.get(device));
        entry.map(Entry::identity).ok_or(Refused::NotAuthorized)
    }

    fn anonymous(&self, address: IpAddr, is_page: bool) -> Result<Identity, Refused> {
        let permissions = if address.is_loopback() && !is_page {
            &self.local
        } else {
            &self.remote
        };
        if permissions.load().is_none() {
            return Err(Refused::NotAuthorized);
        }
        Ok(Identity {
            name: None,
            permissions: permissions.clone(),
            expires: None,
        })
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().expect("no holder panics")
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().expect("no holder panics")
    }
}

impl Access for Devices {
    fn authenticate<'a>(&'a self, client: &'a Credentials) -> Authenticated<'a> {
        Box::pin(async { self.identify(client, Instant::now()) })
    }

    fn permissions(&self, name: &str) -> Option<Arc<Permissions>> {
        let name: Name = name.parse().ok()?;
        let known = self.known();
        let device = &known.devices.get(&name)?.device;
        Some(Arc::new(device.settings.permissions.clone()))
    }
}

/// `#` does not reach topics that begin with `$`.
fn everything_but_the_servers() -> Permissions {
    let everything = || vec!["#".parse().expect("a filter")];
    Permissions {
        publish: everything(),
        subscribe: everything(),
    }
}

fn fresh_password() -> Result<(Password, PasswordHash), DeviceError> {
    let no_randomness = |_| DeviceError::NoRandomness;
    let password = Password::generate().map_err(no_randomness)?;
    let hash = password.hash().map_err(no_randomness)?;
    Ok((password, hash))
}
