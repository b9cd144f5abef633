//! The settings of MQTT: which listeners there are, with which certificates.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_broker::limits::{COMMIT_DELAY_DEFAULT, COMMIT_DELAY_MAX};
use tidegate_broker::transport::TlsFiles;
use tidegate_broker::upstream::{ClientCertificate, Password, UpstreamAddress, UpstreamTls};

use super::{ConfigError, RawConfig, address};
use crate::model::device::Anonymous;
use crate::model::quantity::Span;

/// MQTT as it is meant.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    /// Where clients connect, plain TCP first.
    pub listeners: Vec<MqttListener>,
    /// Certificate and key of those with TLS.
    pub tls: Option<TlsFiles>,
    /// Who need not say who they are.
    pub anonymous: Anonymous,
    /// How long what must survive waits for company before it is committed.
    pub commit_delay: Duration,
    /// Another broker in place of the listeners.
    pub external: Option<ExternalBroker>,
}

/// Another broker, and how to reach it.
#[derive(Clone, Debug)]
pub struct ExternalBroker {
    /// Where it is.
    pub address: UpstreamAddress,
    /// The password for it.
    pub password: Option<Password>,
    /// Whom to trust, and the certificate to show.
    pub tls: UpstreamTls,
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MqttListener {
    /// The scheme of its URL: `mqtt`, `mqtts`, `ws` or `wss`.
    pub scheme: &'static str,
    /// The setting that it comes from.
    pub setting: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
}

impl MqttListener {
    /// Whether clients need TLS.
    pub fn has_tls(&self) -> bool {
        matches!(self.scheme, "mqtts" | "wss")
    }

    /// Whether clients need WebSocket.
    pub fn has_web_socket(&self) -> bool {
        matches!(self.scheme, "ws" | "wss")
    }
}

impl RawConfig {
    /// What the settings of MQTT mean; none where it is switched off.
    pub(super) fn mqtt(&self) -> Result<Option<MqttConfig>, ConfigError> {
        if let Some(url) = &self.broker {
            self.has_no_listeners()?;
            return Ok(Some(MqttConfig {
                listeners: Vec::new(),
                tls: None,
                anonymous: Anonymous::Nobody,
                commit_delay: self.commit_delay()?,
                external: Some(self.external_broker(url)?),
            }));
        }
        let plain = self.mqtt.as_deref().unwrap_or("127.0.0.1:1883");
        if plain == "off" {
            return Ok(None);
        }
        let wanted = [
            ("mqtt", "mqtt", Some(plain)),
            ("mqtts", "mqtt-tls", self.mqtt_tls.as_deref()),
            ("ws", "mqtt-websocket", self.mqtt_websocket.as_deref()),
            (
                "wss",
                "mqtt-websocket-tls",
                self.mqtt_websocket_tls.as_deref(),
            ),
        ];
        let mut listeners = Vec::new();
        for (scheme, setting, text) in wanted {
            if let Some(text) = text {
                let address = address(setting, text)?;
                listeners.push(MqttListener {
                    scheme,
                    setting,
                    address,
                });
            }
        }
        let tls = match listeners.iter().find(|listener| listener.has_tls()) {
            Some(listener) => Some(self.mqtt_tls_files(listener.setting)?),
            None => None,
        };
        Ok(Some(MqttConfig {
            listeners,
            tls,
            anonymous: self.anonymous()?,
            commit_delay: self.commit_delay()?,
            external: None,
        }))
    }

    /// Another broker takes the place of listeners: who asks for both expects something that will not be there.
    fn has_no_listeners(&self) -> Result<(), ConfigError> {
        let mqtt = self.mqtt.as_ref().filter(|mqtt| *mqtt != "off");
        let listeners = [
            ("mqtt", mqtt),
            ("mqtt-tls", self.mqtt_tls.as_ref()),
            ("mqtt-websocket", self.mqtt_websocket.as_ref()),
            ("mqtt-websocket-tls", self.mqtt_websocket_tls.as_ref()),
        ];
        match listeners.iter().find(|(_, address)| address.is_some()) {
            None => Ok(()),
            Some((key, _)) => Err(ConfigError::Broker {
                key,
                reason: "another broker (`broker`) takes the place of the listeners for MQTT; give one of the two".to_owned(),
            }),
        }
    }

    fn external_broker(&self, url: &str) -> Result<ExternalBroker, ConfigError> {
        let wrong = |key: &'static str| {
            move |error: &dyn std::error::Error| ConfigError::Broker {
                key,
                reason: error.to_string(),
            }
        };
        let address = url
            .parse()
            .map_err(|error: tidegate_broker::upstream::InvalidAddress| wrong("broker")(&error))?;
        let password = match (&self.broker_password, &self.broker_password_file) {
            (Some(password), _) => Some(Password::new(password.clone())),
            (None, Some(file)) => {
                let read = Password::read(file);
                let read = read.map_err(|error| ConfigError::Broker {
                    key: "broker-password-file",
                    reason: format!("{}: {error}", file.display()),
                });
                Some(read?)
            }
            (None, None) => None,
        };
        let certificate = match (&self.broker_certificate, &self.broker_key) {
            (Some(certificate), Some(key)) => Some(ClientCertificate {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(ConfigError::Needs {
                    key: "broker-certificate",
                    needed: "broker-key",
                    reason: "the PEM file with its private key",
                });
            }
            (None, Some(_)) => {
                return Err(ConfigError::Needs {
                    key: "broker-key",
                    needed: "broker-certificate",
                    reason: "the PEM file that it is the key of",
                });
            }
        };
        let tls = UpstreamTls {
            roots: self.broker_ca.clone(),
            certificate,
        };
        tls.config().map_err(|error| wrong("broker")(&error))?;
        Ok(ExternalBroker {
            address,
            password,
            tls,
        })
    }

    fn mqtt_tls_files(&self, setting: &'static str) -> Result<TlsFiles, ConfigError> {
        let needed = |needed: &'static str, file: &Option<PathBuf>| {
            file.clone().ok_or(ConfigError::Needs {
                key: setting,
                needed,
                reason: "a PEM file that TLS shows to clients",
            })
        };
        Ok(TlsFiles {
            certificate: needed("mqtt-certificate", &self.mqtt_certificate)?,
            key: needed("mqtt-key", &self.mqtt_key)?,
            client_ca: self.mqtt_client_ca.clone(),
        })
    }

    fn anonymous(&self) -> Result<Anonymous, ConfigError> {
        let Some(text) = &self.mqtt_anonymous else {
            return Ok(Anonymous::Local);
        };
        text.parse().map_err(|()| ConfigError::Value {
            key: "mqtt-anonymous",
            value: text.clone(),
            expected: "`nobody`, `local` or `everybody`",
        })
    }

    fn commit_delay(&self) -> Result<Duration, ConfigError> {
        let Some(text) = &self.mqtt_commit_delay else {
            return Ok(COMMIT_DELAY_DEFAULT);
        };
        let delay = text.parse::<Span>().ok().map(|span| span.0);
        let delay = delay.filter(|delay| *delay <= COMMIT_DELAY_MAX);
        delay.ok_or(ConfigError::Value {
            key: "mqtt-commit-delay",
            value: text.clone(),
            expected: "a duration of at most `1s`, such as `5ms`",
        })
    }
}
