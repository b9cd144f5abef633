//! Devices: MQTT clients that the host knows, and what each may do.

use std::str::FromStr;

use tidegate_broker::access::{InvalidPermission, PermissionFilter, Permissions};

use super::name::Name;
use crate::limits::{CERTIFICATE_NAME_BYTES_MAX, DEVICE_CERTIFICATES_MAX, DEVICE_FILTERS_MAX};

/// A device, without what its password is recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name; also its MQTT user name.
    pub name: Name,
    /// What an operator says of it.
    pub settings: DeviceSettings,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
}

/// What an operator says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSettings {
    /// What it may do.
    pub permissions: Permissions,
    /// Names in client certificates that stand for it. Each stands for one device only.
    pub certificates: Vec<String>,
}

/// Whether clients may come without saying who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// They may not.
    Nobody,
    /// From this machine they may, and do everything.
    Local,
    /// They may from other machines as well, and do everything but read the server's own topics.
    Everybody,
}

impl FromStr for Anonymous {
    type Err = ();

    fn from_str(text: &str) -> Result<Anonymous, ()> {
        match text {
            "nobody" => Ok(Anonymous::Nobody),
            "local" => Ok(Anonymous::Local),
            "everybody" => Ok(Anonymous::Everybody),
            _ => Err(()),
        }
    }
}

/// Why settings are not a device's.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum InvalidDevice {
    #[error("`{0}`: {1}")]
    Permission(&'static str, InvalidPermission),
    #[error(
        "`{0}` has more than {DEVICE_FILTERS_MAX} filters, the most that one device may have: use wildcards"
    )]
    TooManyFilters(&'static str),
    #[error(
        "a certificate's name has 1 to {CERTIFICATE_NAME_BYTES_MAX} bytes, without control characters"
    )]
    CertificateName,
    #[error("a device has at most {DEVICE_CERTIFICATES_MAX} names in certificates")]
    TooManyCertificates,
}

impl DeviceSettings {
    /// The settings that these texts say.
    pub fn parse(
        publish: &[String],
        subscribe: &[String],
        certificates: Vec<String>,
    ) -> Result<DeviceSettings, InvalidDevice> {
        if certificates.len() > DEVICE_CERTIFICATES_MAX {
            return Err(InvalidDevice::TooManyCertificates);
        }
        let valid = |name: &String| {
            (1..=CERTIFICATE_NAME_BYTES_MAX).contains(&name.len())
                && !name.contains(char::is_control)
        };
        if !certificates.iter().all(valid) {
            return Err(InvalidDevice::CertificateName);
        }
        Ok(DeviceSettings {
            permissions: parse_permissions(publish, subscribe)?,
            certificates,
        })
    }
}

/// The permissions that these texts say.
pub fn parse_permissions(
    publish: &[String],
    subscribe: &[String],
) -> Result<Permissions, InvalidDevice> {
    Ok(Permissions {
        publish: parse_filters("publish", publish)?,
        subscribe: parse_filters("subscribe", subscribe)?,
    })
}

fn parse_filters(
    what: &'static str,
    texts: &[String],
) -> Result<Vec<PermissionFilter>, InvalidDevice> {
    if texts.len() > DEVICE_FILTERS_MAX {
        return Err(InvalidDevice::TooManyFilters(what));
    }
    let parse = |text: &String| text.parse();
    let filters = texts.iter().map(parse).collect::<Result<_, _>>();
    filters.map_err(|error| InvalidDevice::Permission(what, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_device_is_refused_with_a_reason() {
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let many = vec!["a".to_owned(); DEVICE_FILTERS_MAX + 1];
        let none = Vec::new;
        for (publish, subscribe, certificates, hint) in [
            (
                texts(&["a", "a#"]),
                none(),
                none(),
                "`publish`: `a#` is not a topic filter",
            ),
            (
                none(),
                texts(&["$share/g/a"]),
                none(),
                "`subscribe`: `$share/g/a` is a shared",
            ),
            (
                many.clone(),
                none(),
                none(),
                "`publish` has more than 64 filters",
            ),
            (
                none(),
                many.clone(),
                none(),
                "`subscribe` has more than 64 filters",
            ),
            (none(), none(), many, "at most 8 names"),
            (none(), none(), texts(&["a", ""]), "1 to 256 bytes"),
            (none(), none(), texts(&["a\nb"]), "control characters"),
            (none(), none(), vec!["x".repeat(257)], "1 to 256 bytes"),
        ] {
            let error = DeviceSettings::parse(&publish, &subscribe, certificates);
            let error = error.expect_err(hint).to_string();
            assert!(error.contains(hint), "{error}");
        }
        let good = DeviceSettings::parse(&texts(&["up/%u"]), &none(), texts(&["CN name"]));
        assert_eq!(good.expect("valid").certificates, ["CN name"]);
    }
}
