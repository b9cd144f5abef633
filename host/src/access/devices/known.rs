//! What is known of devices, in memory: by their names, and by the names in certificates that stand for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tidegate_broker::access::{Identity, Permissions};

use crate::model::device::{Device, DeviceSettings};
use crate::model::name::Name;
use crate::model::password::PasswordHash;

/// Permissions as connected clients share them.
pub(super) type Shared = Arc<ArcSwapOption<Permissions>>;

/// The devices that there are.
#[derive(Default)]
pub(super) struct Known {
    pub(super) devices: BTreeMap<Name, Entry>,
    /// By the names in certificates that stand for them.
    pub(super) by_certificate: HashMap<String, Name>,
}

/// One of them.
pub(super) struct Entry {
    pub(super) device: Device,
    pub(super) password: PasswordHash,
    permissions: Shared,
}

impl Known {
    pub(super) fn insert(&mut self, device: Device, password: PasswordHash) {
        for certificate in &device.settings.certificates {
            self.by_certificate
                .insert(certificate.clone(), device.name.clone());
        }
        let permissions = shared(device.settings.permissions.clone());
        let entry = Entry {
            device,
            password,
            permissions,
        };
        self.devices.insert(entry.device.name.clone(), entry);
    }

    /// Clients that are connected as the device have the new permissions at once, unless a certificate does not stand for
    /// it any more: one of them may have shown that.
    pub(super) fn change(&mut self, name: &Name, settings: DeviceSettings) {
        let Some(entry) = self.devices.get_mut(name) else {
            return;
        };
        let before = std::mem::replace(&mut entry.device.settings, settings);
        let settings = &entry.device.settings;
        let permissions = Arc::new(settings.permissions.clone());
        entry.permissions.store(Some(permissions));
        let is_kept = |certificate: &String| settings.certificates.contains(certificate);
        if !before.certificates.iter().all(is_kept) {
            entry.end_connections();
        }
        for certificate in &before.certificates {
            self.by_certificate.remove(certificate);
        }
        for certificate in &entry.device.settings.certificates {
            let certificate = certificate.clone();
            self.by_certificate.insert(certificate, name.clone());
        }
    }

    /// Clients that are connected as the device may do nothing any more: one of them may be why it has a new password.
    pub(super) fn renew(&mut self, name: &Name, password: PasswordHash) {
        if let Some(entry) = self.devices.get_mut(name) {
            entry.password = password;
            entry.end_connections();
        }
    }

    pub(super) fn remove(&mut self, name: &Name) {
        let Some(entry) = self.devices.remove(name) else {
            return;
        };
        for certificate in &entry.device.settings.certificates {
            self.by_certificate.remove(certificate);
        }
        entry.permissions.store(None);
    }
}

impl Entry {
    /// What clients share that are connected now is empty from now on, and others share something else.
    fn end_connections(&mut self) {
        let fresh = shared(self.device.settings.permissions.clone());
        std::mem::replace(&mut self.permissions, fresh).store(None);
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            name: Some(self.device.name.as_str().into()),
            permissions: self.permissions.clone(),
            expires: None,
        }
    }
}

/// These permissions, to be shared.
pub(super) fn shared(permissions: Permissions) -> Shared {
    Arc::new(ArcSwapOption::from_pointee(permissions))
}
