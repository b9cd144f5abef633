//! A connection to the external broker: how it is opened, and how it is at present.

use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use rumqttc::mqttbytes::v5::{ConnAck, ConnectProperties, ConnectReturnCode, DisconnectReasonCode};
use rumqttc::{ConnectAuth, ConnectionError, IncomingPacketSizeLimit, MqttOptions, StateError};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::address::{Security, UpstreamAddress};
use super::settings::UpstreamSettings;
use super::tls::UpstreamTls;
use crate::limits::{
    INFLIGHT_MAX, PACKET_BYTES_MAX, UPSTREAM_CONNECT_TIMEOUT, UPSTREAM_KEEP_ALIVE_SECONDS,
    UPSTREAM_RECEIVE_MAX,
};

/// How a connection is at present.
pub(super) struct Link {
    /// What it is for.
    purpose: &'static str,
    address: UpstreamAddress,
    state: Mutex<LinkState>,
}

#[derive(Clone)]
pub(super) struct LinkState {
    pub(super) is_connected: bool,
    /// Since when it is connected, or not.
    pub(super) since: SystemTime,
    /// Why there was no connection the last time that there was none.
    pub(super) last_error: Option<String>,
    /// Connections since the start.
    pub(super) connects: u64,
}

impl Link {
    pub(super) fn new(purpose: &'static str, address: UpstreamAddress) -> Link {
        Link {
            purpose,
            address,
            state: Mutex::new(LinkState {
                is_connected: false,
                since: SystemTime::now(),
                last_error: None,
                connects: 0,
            }),
        }
    }

    pub(super) fn state(&self) -> LinkState {
        self.lock().clone()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.lock().is_connected
    }

    pub(super) fn connected(&self) {
        let mut state = self.lock();
        state.is_connected = true;
        state.since = SystemTime::now();
        state.connects += 1;
        drop(state);
        tracing::info!(broker = %self.address, purpose = self.purpose, "connected to the external broker");
    }

    /// It was lost, or could not be opened; said once, however often it is tried again. How long it lasted, if at all.
    pub(super) fn failed(&self, reason: String) -> Duration {
        let mut state = self.lock();
        let is_news = state.is_connected || state.last_error.is_none();
        let mut lasted = Duration::ZERO;
        if state.is_connected {
            lasted = state.since.elapsed().unwrap_or_default();
            state.is_connected = false;
            state.since = SystemTime::now();
        }
        if is_news {
            tracing::warn!(broker = %self.address, purpose = self.purpose, reason, "no connection to the external \
                broker: it is tried again until there is one");
        } else {
            tracing::debug!(broker = %self.address, purpose = self.purpose, reason, "still no connection");
        }
        state.last_error = Some(reason);
        lasted
    }

    /// It was closed because the host stops.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        if state.is_connected {
            state.is_connected = false;
            state.since = SystemTime::now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// Why a connection is no more.
pub(super) enum Ended {
    /// The host stops.
    Stopped,
    /// For this reason.
    Failed(String),
}

/// What both connections have in common.
pub(super) fn options(settings: &UpstreamSettings, client_id: &str) -> MqttOptions {
    let address = &settings.address;
    let mut options = MqttOptions::new(
        client_id,
        rumqttc::Broker::tcp(address.host.clone(), address.port),
    );
    let mut properties = ConnectProperties::new();
    properties.receive_maximum = Some(UPSTREAM_RECEIVE_MAX);
    let packet_max = u32::try_from(PACKET_BYTES_MAX).expect("far below 4 GiB");
    options
        .set_keep_alive(UPSTREAM_KEEP_ALIVE_SECONDS)
        .set_connect_timeout(UPSTREAM_CONNECT_TIMEOUT)
        .set_connect_properties(properties)
        .set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(packet_max))
        .set_outgoing_inflight_upper_limit(INFLIGHT_MAX)
        .set_auth(auth(settings));
    let (address, tls) = (address.clone(), settings.tls.clone());
    options.set_socket_connector(move |_, _| connect(address.clone(), tls.clone()));
    options
}

fn auth(settings: &UpstreamSettings) -> ConnectAuth {
    let password = settings.password.as_ref();
    let password = password.map(|password| password.as_str().to_owned().into());
    match (settings.address.username.clone(), password) {
        (None, None) => ConnectAuth::None,
        (Some(username), None) => ConnectAuth::Username { username },
        (None, Some(password)) => ConnectAuth::Password { password },
        (Some(username), Some(password)) => ConnectAuth::UsernamePassword { username, password },
    }
}

/// Opens a connection, to the first of the name's addresses that answers.
async fn connect(
    address: UpstreamAddress,
    tls: UpstreamTls,
) -> io::Result<Either<TcpStream, TlsStream<TcpStream>>> {
    let socket = TcpStream::connect((address.host.as_str(), address.port)).await?;
    socket.set_nodelay(true)?;
    if address.security == Security::Plain {
        return Ok(Either::Left(socket));
    }
    let name = ServerName::try_from(address.host).map_err(io::Error::other)?;
    // The system has some hundred certificates to read.
    let config = tokio::task::spawn_blocking(move || tls.config()).await?;
    let config = config.map_err(io::Error::other)?;
    let stream = TlsConnector::from(config).connect(name, socket).await?;
    Ok(Either::Right(stream))
}

/// How long a connection may be without any event before it is given up: with the keep-alive of this CONNACK there is one
/// in that time, if only that nobody answers.
pub(super) fn silence_max(connack: &ConnAck) -> Duration {
    let properties = connack.properties.as_ref();
    let asked = properties.and_then(|properties| properties.server_keep_alive);
    let keep_alive = asked.unwrap_or(UPSTREAM_KEEP_ALIVE_SECONDS);
    match keep_alive {
        // None is asked for: nothing tells.
        0 => Duration::MAX,
        keep_alive => Duration::from_secs(u64::from(keep_alive) * 2) + UPSTREAM_CONNECT_TIMEOUT,
    }
}

/// Why a connection failed, in words.
pub(super) fn reason(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => refusal(*code),
        ConnectionError::Timeout(_) => {
            let seconds = UPSTREAM_CONNECT_TIMEOUT.as_secs();
            format!("it did not answer within {seconds} s")
        }
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::MqttState(error) => state_error(error),
        error => error.to_string(),
    }
}

fn refusal(code: ConnectReturnCode) -> String {
    use ConnectReturnCode as Code;
    let words = match code {
        Code::BadUserNamePassword => "the user name or the password is wrong",
        Code::NotAuthorized => {
            "not authorized: is the user name right, and does it want a password?"
        }
        Code::UnsupportedProtocolVersion | Code::RefusedProtocolVersion => {
            "it does not speak MQTT 5, which is needed"
        }
        Code::BadClientId | Code::ClientIdentifierNotValid => "it does not take the client id",
        Code::ServerUnavailable | Code::ServiceUnavailable => "it is not available",
        Code::ServerBusy => "it is busy",
        Code::Banned => "this client is banned",
        Code::QuotaExceeded => "a quota is exceeded",
        Code::ConnectionRateExceeded => "there are too many connections a second",
        other => return format!("it refuses the connection: {other:?}"),
    };
    format!("it refuses the connection: {words}")
}

fn state_error(error: &StateError) -> String {
    match error {
        StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        } => "another client has connected with this host's client id: is the data directory of one host a copy of \
              another's?"
            .to_owned(),
        StateError::ServerDisconnect {
            reason_code,
            reason_string,
        } => match reason_string {
            Some(text) => format!("it ended the connection: {reason_code:?}: {text}"),
            None => format!("it ended the connection: {reason_code:?}"),
        },
        StateError::ConnectionAborted => "it closed the connection".to_owned(),
        StateError::AwaitPingResp => "it does not answer any more".to_owned(),
        StateError::Io(error) => error.to_string(),
        StateError::Deserialization(rumqttc::mqttbytes::Error::Io(error)) => error.to_string(),
        error => error.to_string(),
    }
}
