//! The host's settings: flags before environment before file, unknown keys are errors.
//!
//! [`RawConfig`] is what was written, in each of the three ways; [`Config`] is what it means. Nobody reads the
//! environment after this.

mod mqtt;
mod shown;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limits::DRAIN_TIMEOUT;
use crate::model::quantity::{Bytes, Span};
use crate::observe::log::LogFormat;

pub use mqtt::{ExternalBroker, MqttConfig, MqttListener};

/// Settings as they were written. The same keys as flags (`--data-dir`), in the environment (`TIDEGATE_DATA_DIR`) and
/// in the file (`data-dir = "…"`).
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawConfig {
    /// Where functions' HTTP requests are served [default: 127.0.0.1:3000]
    #[arg(long, env = "TIDEGATE_HTTP", value_name = "ADDRESS")]
    pub http: Option<String>,

    /// Where the admin API and the dashboard are served [default: 127.0.0.1:3001]
    #[arg(long, env = "TIDEGATE_ADMIN", value_name = "ADDRESS")]
    pub admin: Option<String>,

    /// Where MQTT clients connect, or `off` [default: 127.0.0.1:1883]
    #[arg(long, env = "TIDEGATE_MQTT", value_name = "ADDRESS")]
    pub mqtt: Option<String>,

    /// Whose MQTT clients need not say who they are: `nobody`, `local` (from this machine) or `everybody` [default: local]
    #[arg(long, env = "TIDEGATE_MQTT_ANONYMOUS", value_name = "WHO")]
    pub mqtt_anonymous: Option<String>,

    /// Where MQTT clients connect over TLS, as in `0.0.0.0:8883`
    #[arg(long, env = "TIDEGATE_MQTT_TLS", value_name = "ADDRESS")]
    pub mqtt_tls: Option<String>,

    /// Where MQTT clients connect over WebSocket (path /mqtt), as in `127.0.0.1:8083`
    #[arg(long, env = "TIDEGATE_MQTT_WEBSOCKET", value_name = "ADDRESS")]
    pub mqtt_websocket: Option<String>,

    /// Where MQTT clients connect over WebSocket and TLS, as in `0.0.0.0:8084`
    #[arg(long, env = "TIDEGATE_MQTT_WEBSOCKET_TLS", value_name = "ADDRESS")]
    pub mqtt_websocket_tls: Option<String>,

    /// The certificate chain (PEM) for MQTT over TLS; it is read again when it changes
    #[arg(long, env = "TIDEGATE_MQTT_CERTIFICATE", value_name = "FILE")]
    pub mqtt_certificate: Option<PathBuf>,

    /// The private key (PEM) of that certificate
    #[arg(long, env = "TIDEGATE_MQTT_KEY", value_name = "FILE")]
    pub mqtt_key: Option<PathBuf>,

    /// Accept client certificates that these authorities (PEM) have signed
    #[arg(long, env = "TIDEGATE_MQTT_CLIENT_CA", value_name = "FILE")]
    pub mqtt_client_ca: Option<PathBuf>,

    /// How long MQTT messages that must survive wait for company before they are written [default: 5ms]
    #[arg(long, env = "TIDEGATE_MQTT_COMMIT_DELAY", value_name = "DURATION")]
    pub mqtt_commit_delay: Option<String>,

    /// Another MQTT broker (MQTT 5) in place of the own listeners, as in `mqtts://user@broker.example.com:8883`
    #[arg(long, env = "TIDEGATE_BROKER", value_name = "URL")]
    pub broker: Option<String>,

    /// The file with the password for it; or set TIDEGATE_BROKER_PASSWORD
    #[arg(long, env = "TIDEGATE_BROKER_PASSWORD_FILE", value_name = "FILE")]
    pub broker_password_file: Option<PathBuf>,

    /// The password for it. Others on the machine can see flags: set the variable, or use the file
    #[arg(
        long,
        env = "TIDEGATE_BROKER_PASSWORD",
        hide = true,
        hide_env_values = true
    )]
    pub broker_password: Option<String>,

    /// Trust the certificates in this file (PEM), beside the system's, when connecting to it
    #[arg(long, env = "TIDEGATE_BROKER_CA", value_name = "FILE")]
    pub broker_ca: Option<PathBuf>,

    /// The certificate (PEM) to show to it
    #[arg(long, env = "TIDEGATE_BROKER_CERTIFICATE", value_name = "FILE")]
    pub broker_certificate: Option<PathBuf>,

    /// The private key (PEM) of that certificate
    #[arg(long, env = "TIDEGATE_BROKER_KEY", value_name = "FILE")]
    pub broker_key: Option<PathBuf>,

    /// Where all state is kept [default: ./tidegate-data]
    #[arg(long, env = "TIDEGATE_DATA_DIR", value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,

    /// Instances that run at once, of all functions together [default: what the machine can reserve, up to 1000]
    #[arg(long, env = "TIDEGATE_INSTANCES", value_name = "NUMBER")]
    pub instances: Option<u32>,

    /// Memory that all instances may have together [default: half of the machine's]
    #[arg(long, env = "TIDEGATE_GUEST_MEMORY", value_name = "SIZE")]
    pub guest_memory: Option<String>,

    /// Components of WASI 0.3 and the asynchronous ABI: `on` or `off` [default: on]
    #[arg(long, env = "TIDEGATE_WASI_P3", value_name = "ON|OFF")]
    pub wasi_p3: Option<Switch>,

    /// How long what runs may take to finish after SIGTERM [default: 10s]
    #[arg(long, env = "TIDEGATE_DRAIN_TIMEOUT", value_name = "DURATION")]
    pub drain_timeout: Option<String>,

    /// Trust the certificates in this file (PEM), beside the system's, when functions connect to https destinations
    #[arg(long, env = "TIDEGATE_OUTBOUND_CA", value_name = "FILE")]
    pub outbound_ca: Option<PathBuf>,

    /// How the host's log is written [default: auto: text on a terminal, JSON anywhere else]
    #[arg(long, env = "TIDEGATE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// A part of the host that can be switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is there.
    #[default]
    On,
    /// It is not.
    Off,
}

/// Settings as they are meant.
#[derive(Clone, Debug)]
pub struct Config {
    /// The HTTP ingress' address.
    pub http: SocketAddr,
    /// The admin API's address.
    pub admin: SocketAddr,
    /// MQTT; none where it is switched off.
    pub mqtt: Option<MqttConfig>,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The most instances at once.
    pub instances_max: u32,
    /// Bytes that the memories of all instances may have together; half of the machine's, where it is left out.
    pub guest_memory_bytes_max: Option<u64>,
    /// Whether components of WASI 0.3 are served.
    pub wasi_p3: bool,
    /// How long a drain may take.
    pub drain_timeout: std::time::Duration,
    /// Certificates that are trusted beside the system's.
    pub outbound_ca: Option<PathBuf>,
    /// How the log is written.
    pub log_format: LogFormat,
}

/// Why the settings cannot be used; the text names the one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file {path} cannot be read: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A setting that needs another one.
    #[error("setting `{key}` needs `{needed}`: {reason}")]
    Needs {
        /// The setting's key.
        key: &'static str,
        /// What is missing.
        needed: &'static str,
        /// What for.
        reason: &'static str,
    },
    /// The external broker's settings, in the words of what is wrong.
    #[error("setting `{key}`: {reason}")]
    Broker {
        /// The setting's key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A value that means nothing.
    #[error("setting `{key}`: `{value}` is not {expected}")]
    Value {
        /// The setting's key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What should have been.
        expected: &'static str,
    },
}

impl RawConfig {
    /// The settings of this file.
    pub fn read(path: &Path) -> Result<RawConfig, ConfigError> {
        let failed = |reason: String| ConfigError::File {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        toml::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// These settings where they are given, otherwise those of the file.
    #[must_use]
    pub fn or(self, file: RawConfig) -> RawConfig {
        RawConfig {
            http: self.http.or(file.http),
            admin: self.admin.or(file.admin),
            mqtt: self.mqtt.or(file.mqtt),
            mqtt_anonymous: self.mqtt_anonymous.or(file.mqtt_anonymous),
            mqtt_tls: self.mqtt_tls.or(file.mqtt_tls),
            mqtt_websocket: self.mqtt_websocket.or(file.mqtt_websocket),
            mqtt_websocket_tls: self.mqtt_websocket_tls.or(file.mqtt_websocket_tls),
            mqtt_certificate: self.mqtt_certificate.or(file.mqtt_certificate),
            mqtt_key: self.mqtt_key.or(file.mqtt_key),
            mqtt_client_ca: self.mqtt_client_ca.or(file.mqtt_client_ca),
            mqtt_commit_delay: self.mqtt_commit_delay.or(file.mqtt_commit_delay),
            broker: self.broker.or(file.broker),
            broker_password_file: self.broker_password_file.or(file.broker_password_file),
            broker_password: self.broker_password.or(file.broker_password),
            broker_ca: self.broker_ca.or(file.broker_ca),
            broker_certificate: self.broker_certificate.or(file.broker_certificate),
            broker_key: self.broker_key.or(file.broker_key),
            data_dir: self.data_dir.or(file.data_dir),
            instances: self.instances.or(file.instances),
            guest_memory: self.guest_memory.or(file.guest_memory),
            wasi_p3: self.wasi_p3.or(file.wasi_p3),
            drain_timeout: self.drain_timeout.or(file.drain_timeout),
            outbound_ca: self.outbound_ca.or(file.outbound_ca),
            log_format: self.log_format.or(file.log_format),
        }
    }

    /// What the settings mean.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let mqtt = self.mqtt()?;
        let drain_timeout = self.drain_timeout.map(|text| {
            let span = text.parse::<Span>().map(|span| span.0);
            span.map_err(|_| ConfigError::Value {
                key: "drain-timeout",
                value: text,
                expected: "a duration such as `10s`",
            })
        });
        let guest_memory = self.guest_memory.map(|text| {
            let bytes = text.parse::<Bytes>().ok().map(|bytes| bytes.0);
            bytes.filter(|bytes| *bytes > 0).ok_or(ConfigError::Value {
                key: "guest-memory",
                value: text,
                expected: "a size such as `512MiB`",
            })
        });
        let instances_max = self.instances.unwrap_or(1000);
        if instances_max == 0 {
            return Err(ConfigError::Value {
                key: "instances",
                value: "0".to_owned(),
                expected: "1 or more",
            });
        }
        Ok(Config {
            http: address("http", self.http.as_deref().unwrap_or("127.0.0.1:3000"))?,
            admin: address("admin", self.admin.as_deref().unwrap_or("127.0.0.1:3001"))?,
            mqtt,
            data_dir: self.data_dir.unwrap_or_else(default_data_dir),
            instances_max,
            guest_memory_bytes_max: guest_memory.transpose()?,
            wasi_p3: self.wasi_p3.unwrap_or_default() == Switch::On,
            drain_timeout: drain_timeout.transpose()?.unwrap_or(DRAIN_TIMEOUT),
            outbound_ca: self.outbound_ca,
            log_format: self.log_format.unwrap_or_default(),
        })
    }
}

/// Where state is kept unless something else is said.
pub fn default_data_dir() -> PathBuf {
    Path::new(".").join(DATA_DIR)
}

/// Where a host on this machine keeps its state, unless something else is said: in this directory, or in the nearest one
/// above it, as somebody works on a function below where the host was started.
pub fn nearest_data_dir() -> PathBuf {
    let current = std::env::current_dir().unwrap_or_default();
    let mut nearest = current
        .ancestors()
        .map(|directory| directory.join(DATA_DIR));
    nearest
        .find(|directory| directory.is_dir())
        .unwrap_or_else(default_data_dir)
}

const DATA_DIR: &str = "tidegate-data";

fn address(key: &'static str, value: &str) -> Result<SocketAddr, ConfigError> {
    let invalid = || ConfigError::Value {
        key,
        value: value.to_owned(),
        expected: "an address and a port, such as `127.0.0.1:3000` or `[::]:3000`",
    };
    let localhost = value.replace("localhost:", "127.0.0.1:");
    localhost.parse().map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_first_wins() {
        let flags = RawConfig {
            http: Some("127.0.0.1:1".to_owned()),
            ..RawConfig::default()
        };
        let file: RawConfig =
            toml::from_str("http = \"127.0.0.1:2\"\nmqtt = \"off\"").expect("valid");
        let config = flags.or(file).resolve().expect("valid");
        assert_eq!(
            (
                config.http.port(),
                config.mqtt.is_none(),
                config.admin.port()
            ),
            (1, true, 3001)
        );
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        let error = toml::from_str::<RawConfig>("htpt = \"x\"")
            .expect_err("unknown")
            .to_string();
        assert!(error.contains("htpt") && error.contains("http"), "{error}");
        let bad = RawConfig {
            admin: Some("3001".to_owned()),
            ..RawConfig::default()
        };
        let error = bad.resolve().expect_err("no address").to_string();
        assert!(
            error.contains("`admin`") && error.contains("`3001`"),
            "{error}"
        );
    }
}
