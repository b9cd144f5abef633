//! Which of the brokers that a manifest names is this host's own, as far as it can be told from here.
//!
//! Where the host's MQTT listener is, is not known: the port is taken to be the one that it has by default.

use toml::Spanned;

use super::{Part, Translation};
use crate::cli::spin_app::manifest::Component;
use crate::cli::spin_app::source::Mistake;
use crate::model::outbound::{Destination, Host, OWN_BROKER, OutboundGrant};

/// The port of MQTT, and that of an untouched host.
const PORT: u16 = 1883;
/// What means the host's own broker, or this machine.
const HERE: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", OWN_BROKER];

/// Whether a grant reaches this host's own broker.
pub(super) fn is_reached_by(grant: &str) -> bool {
    grant.parse().is_ok_and(|grant| reaches_here(&grant, PORT))
}

/// Whether a grant names a broker on this machine that is taken for another one.
fn names_another_here(grant: &str) -> bool {
    let is_mqtt = grant.starts_with("mqtt://") && !is_reached_by(grant);
    is_mqtt
        && grant
            .parse()
            .is_ok_and(|grant: OutboundGrant| reaches_here(&grant, grant.first_port()))
}

fn reaches_here(grant: &OutboundGrant, port: u16) -> bool {
    HERE.iter().any(|host| {
        let destination = Destination::new("mqtt", host, Some(port));
        destination.is_ok_and(|destination| grant.permits(&destination))
    })
}

/// The destination, where the address of a broker names this machine or this host.
fn here(address: &str) -> Option<Destination> {
    let url = address.split('?').next().unwrap_or_default();
    let destination: Destination = url.parse().ok()?;
    let is_here = match destination.host() {
        Host::Name(name) => ["localhost", OWN_BROKER].contains(&name.as_str()),
        Host::Address(address) => address.is_loopback(),
    };
    (destination.scheme() == "mqtt" && is_here).then_some(destination)
}

impl Translation<'_> {
    /// There is one broker that messages come from: the host's own.
    pub(super) fn check_broker(&self) -> Result<(), Mistake> {
        let Some(first) = self.spin.trigger.mqtt.first() else {
            return Ok(());
        };
        let Some(settings) = &self.spin.application.trigger.mqtt else {
            let text = "[application.trigger.mqtt] with the broker's `address` is missing";
            return Err(self.mistake(first, text));
        };
        let address = self.variables.fill(self.source, &settings.address)?.text;
        if here(&address).is_some() {
            return Ok(());
        }
        let text = format!(
            "`{address}` is another machine's broker, and messages come from this host's own only: let that broker \
             forward them here, and write `mqtt://localhost:1883`"
        );
        Err(self.mistake(&settings.address, text))
    }

    /// Messages come from the host's own broker, also where another one may be meant.
    pub(super) fn note_on_messages(&self) -> Result<Option<String>, Mistake> {
        let settings = self.spin.application.trigger.mqtt.as_ref();
        let Some(settings) = settings.filter(|_| !self.spin.trigger.mqtt.is_empty()) else {
            return Ok(None);
        };
        let address = self.variables.fill(self.source, &settings.address)?.text;
        let is_sure = |destination: &Destination| {
            destination.port() == PORT || *destination.host() == Host::Name(OWN_BROKER.to_owned())
        };
        let unsure = here(&address).is_some_and(|destination| !is_sure(&destination));
        Ok(unsure.then(|| {
            format!(
                "messages come from this host's own broker, which `{address}` is taken for: if that is another one, let \
                 it forward them"
            )
        }))
    }

    /// What may be published to by itself is this host's own broker, and not what is taken for another one.
    pub(super) fn notes_on_publishing(&self, part: &Part<'_>) -> Result<Vec<String>, Mistake> {
        let mut notes = Vec::new();
        let hosts = part.component.allowed_outbound_hosts.iter();
        for host in hosts.filter(|_| !self.narrows_publishing(part.component)) {
            let grant = self.variables.fill(self.source, host)?.text;
            if names_another_here(&grant) {
                notes.push(format!(
                    "`{grant}` of `{}` is taken for another broker on this machine: if it is this host's own, write \
                     `mqtt://{OWN_BROKER}`, or `publish = [\"#\"]` into tool.tidegate",
                    part.id
                ));
            }
        }
        Ok(notes)
    }

    /// Whether Tidegate's own keys say what may be published to.
    pub(super) fn narrows_publishing(&self, component: &Component) -> bool {
        let publish = |key: &Spanned<String>| key.get_ref() == "publish";
        let tools = [&self.spin.application.tool, &component.tool];
        tools.iter().any(|tool| tool.tidegate.keys().any(publish))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_told_from_others() {
        for (address, expected) in [
            ("mqtt://localhost:1883", true),
            ("mqtt://localhost", true),
            ("mqtt://127.0.0.1:18830?client_id=a", true),
            ("mqtt://[::1]:1883", true),
            ("mqtt://tidegate.internal", true),
            ("mqtt://localhost.example.com", false),
            ("mqtt://10.0.0.1:1883", false),
            ("mqtts://localhost:8883", false),
            ("localhost:1883", false),
        ] {
            assert_eq!(here(address).is_some(), expected, "{address}");
        }
    }

    #[test]
    fn a_grant_reaches_the_own_broker_by_what_it_permits() {
        for (grant, expected) in [
            ("mqtt://localhost:1883", true),
            ("mqtt://localhost", true),
            ("*://localhost:1883", true),
            ("*://*:*", true),
            ("mqtt://*", true),
            ("mqtt://*:1880..1890", true),
            ("mqtt://127.0.0.0/8", true),
            ("mqtt://127.0.0.1", true),
            ("mqtt://[::1]", true),
            ("mqtt://tidegate.internal", true),
            ("mqtt://*.internal", true),
            ("mqtt://localhost:1884", false),
            ("mqtt://*:1884", false),
            ("mqtt://10.0.0.0/8", false),
            ("mqtt://*.example.com", false),
            ("mqtts://localhost:1883", false),
            ("http://localhost:1883", false),
            ("*://localhost:80", false),
            ("no grant", false),
        ] {
            assert_eq!(is_reached_by(grant), expected, "{grant}");
        }
        for (grant, expected) in [
            ("mqtt://localhost:1884", true),
            ("mqtt://127.0.0.1:1884", true),
            ("mqtt://tidegate.internal:1884", true),
            ("mqtt://localhost", false),
            ("mqtt://10.0.0.7:1884", false),
            ("*://localhost:5432", false),
        ] {
            assert_eq!(names_another_here(grant), expected, "{grant}");
        }
    }
}
