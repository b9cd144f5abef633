//! Settings as they are shown: what the host goes by, by the flags' names, and nothing secret.

use std::path::Path;

use super::{Config, MqttConfig};
use crate::model::device::Anonymous;
use crate::model::quantity::{Bytes, Span};

impl Config {
    /// Flags and their values, as the host goes by them. Passwords are not among them.
    pub fn shown(&self) -> Vec<(String, String)> {
        let on_or_off = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
        let guest_memory = self
            .guest_memory_bytes_max
            .map(|bytes| Bytes(bytes).to_string());
        let mut shown = vec![
            ("http", self.http.to_string()),
            ("admin", self.admin.to_string()),
            ("data-dir", path(&self.data_dir)),
            ("instances", self.instances_max.to_string()),
            (
                "guest-memory",
                guest_memory.unwrap_or_else(|| "half of the machine's".to_owned()),
            ),
            ("wasi-p3", on_or_off(self.wasi_p3)),
            ("drain-timeout", Span(self.drain_timeout).to_string()),
            (
                "log-format",
                format!("{:?}", self.log_format).to_lowercase(),
            ),
        ];
        shown.extend(
            self.outbound_ca
                .iter()
                .map(|file| ("outbound-ca", path(file))),
        );
        match &self.mqtt {
            Some(mqtt) => shown.extend(mqtt.shown()),
            None => shown.push(("mqtt", "off".to_owned())),
        }
        let flag = |(name, value): (&str, String)| (format!("--{name}"), value);
        shown.into_iter().map(flag).collect()
    }
}

impl MqttConfig {
    fn shown(&self) -> Vec<(&'static str, String)> {
        let anonymous = match self.anonymous {
            Anonymous::Nobody => "nobody",
            Anonymous::Local => "local",
            Anonymous::Everybody => "everybody",
        };
        let listeners = self.listeners.iter();
        let mut shown: Vec<_> = listeners
            .map(|listener| (listener.setting, listener.address.to_string()))
            .collect();
        shown.push(("mqtt-commit-delay", Span(self.commit_delay).to_string()));
        if let Some(tls) = &self.tls {
            shown.push(("mqtt-certificate", path(&tls.certificate)));
            shown.push(("mqtt-key", path(&tls.key)));
            shown.extend(
                tls.client_ca
                    .iter()
                    .map(|file| ("mqtt-client-ca", path(file))),
            );
        }
        match &self.external {
            Some(external) => shown.push(("broker", external.address.to_string())),
            None => shown.push(("mqtt-anonymous", anonymous.to_owned())),
        }
        shown
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
