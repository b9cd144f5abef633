//! From a fresh socket to a client that is known: the transport's handshake, CONNECT, and CONNACK.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::stream::{Io, Wire};
use super::{ClientEntry, WillAction};
use crate::access::{Credentials, Identity, Refused};
use crate::broker::Inner;
use crate::delivery::LazyReceipt;
use crate::limits::{
    CLIENT_ID_BYTES_MAX, CONNECT_TIMEOUT, INFLIGHT_MAX, KEEP_ALIVE_SECONDS_MAX, LINGER_TIMEOUT,
    PACKET_BYTES_MAX, RECEIVE_MAX, SESSION_EXPIRY_SECONDS_MAX, TOPIC_ALIASES_MAX,
};
use crate::packet::{
    Connect, ConnectAck, Granted, Packet, PacketReader, PacketWriter, ReasonCode, Version,
};
use crate::session::{Attached, Link, Outgoing, Request, Session};
use crate::store::Change;
use crate::transport::Transport;

/// A client that is known, with its session.
pub(super) struct Connected {
    pub(super) wire: Wire,
    pub(super) reader: PacketReader,
    pub(super) version: Version,
    pub(super) session: Arc<Session>,
    pub(super) link: Arc<Link>,
    pub(super) entry: ClientEntry,
    pub(super) identity: Identity,
    pub(super) outgoing: Outgoing,
    pub(super) keep_alive: Option<Duration>,
}

/// A CONNECT that is answered with a reason code.
struct NotConnected {
    reason: ReasonCode,
    text: String,
}

impl NotConnected {
    /// Where no session could be had, for this reason.
    fn without_session(reason: ReasonCode) -> NotConnected {
        let text = match reason {
            ReasonCode::QuotaExceeded => "there are too many sessions",
            _ => "the client id is in use by somebody else",
        };
        let text = text.to_owned();
        NotConnected { reason, text }
    }
}

/// What the answer to a CONNECT has to keep to.
#[derive(Clone, Copy)]
struct Manners {
    version: Version,
    packet_bytes_max: Option<u32>,
    wants_problem_information: bool,
}

impl Manners {
    fn of(connect: &Connect) -> Manners {
        Manners {
            version: connect.version,
            packet_bytes_max: connect.packet_bytes_max,
            wants_problem_information: connect.wants_problem_information,
        }
    }

    /// Of a client whose CONNECT could not be read.
    fn usual(version: Option<Version>) -> Manners {
        Manners {
            version: version.unwrap_or(Version::V311),
            packet_bytes_max: None,
            wants_problem_information: true,
        }
    }

    fn writer(self) -> PacketWriter {
        PacketWriter::new(
            self.version,
            self.packet_bytes_max,
            self.wants_problem_information,
        )
    }
}

/// A client whose CONNECT is in order, before it has a session.
struct Known {
    connect: Box<Connect>,
    client_id: Arc<str>,
    assigned: Option<String>,
    identity: Identity,
}

/// What came first on a connection.
enum First {
    Connect(Box<Connect>),
    Malformed(ReasonCode, String),
    Nothing,
}

/// Takes a client in; none where it was not let in, or went.
pub(super) async fn connect(
    inner: &Arc<Inner>,
    socket: TcpStream,
    address: SocketAddr,
    transport: &Transport,
    stop: &CancellationToken,
) -> Option<Connected> {
    let opened = async {
        let guest = inner.connections.enter(address)?;
        let accepted = transport.accept(socket).await;
        let accepted = accepted.inspect_err(|error| {
            tracing::debug!(%address, %error, "an MQTT connection was not opened");
        });
        let accepted = accepted.ok()?;
        let mut wire = Wire::new(accepted.stream);
        let mut reader = PacketReader::new();
        let first = first(&mut wire, &mut reader).await;
        let (manners, known) = match first {
            First::Connect(connect) => {
                let manners = Manners::of(&connect);
                let (names, is_page) = (accepted.certificate_names, accepted.is_page);
                (manners, inner.known(connect, address, names, is_page).await)
            }
            First::Malformed(reason, text) => {
                let manners = Manners::usual(reader.version());
                (manners, Err(NotConnected { reason, text }))
            }
            First::Nothing => return None,
        };
        Some((wire, reader, manners, known, guest))
    };
    let (wire, reader, manners, known, guest) = tokio::select! {
        () = stop.cancelled() => return None,
        opened = timeout(CONNECT_TIMEOUT, opened) => opened.ok().flatten()?,
    };
    match known {
        Ok(known) => {
            drop(guest);
            admit(inner, wire, reader, known, address, transport.scheme()).await
        }
        Err(refused) => {
            tracing::debug!(%address, reason = refused.text, "an MQTT client was not let in");
            inner.connections.count_refused(address, &refused.text);
            refuse(wire, manners, refused).await;
            drop(guest);
            None
        }
    }
}

async fn first(wire: &mut Wire, reader: &mut PacketReader) -> First {
    let mut nothing = BytesMut::new();
    loop {
        match reader.next(&mut wire.buffer) {
            Ok(Some(Packet::Connect(connect))) => return First::Connect(connect),
            Ok(Some(_)) => return First::Nothing,
            Ok(None) => {}
            Err(malformed) => return First::Malformed(malformed.reason, malformed.text),
        }
        match wire.progress(&mut nothing, true).await {
            Ok(Io::Read | Io::Written) => {}
            Ok(Io::End) | Err(_) => return First::Nothing,
        }
    }
}

/// CONNACK with the reason, and the end.
async fn refuse(mut wire: Wire, manners: Manners, refused: NotConnected) {
    let mut out = BytesMut::new();
    let ack = ConnectAck {
        session_present: false,
        reason: refused.reason,
        reason_string: Some(refused.text),
        granted: None,
    };
    manners.writer().connect_ack(&mut out, &ack);
    // It had its time.
    let _ = timeout(LINGER_TIMEOUT, wire.linger(&mut out)).await;
}

impl Inner {
    /// Who the client is, and whether what it asks for can be had.
    async fn known(
        &self,
        connect: Box<Connect>,
        address: SocketAddr,
        certificate_names: Vec<String>,
        is_page: bool,
    ) -> Result<Known, NotConnected> {
        let not = |reason, text: &str| {
            let text = text.to_owned();
            Err(NotConnected { reason, text })
        };
        if connect.authentication_method.is_some() {
            return not(
                ReasonCode::BadAuthenticationMethod,
                "there is no enhanced authentication here: use a user name and a password, or a certificate",
            );
        }
        if connect.client_id.is_empty() && connect.version == Version::V311 && !connect.clean_start
        {
            return not(
                ReasonCode::ClientIdentifierNotValid,
                "a session that is kept needs a client id [MQTT-3.1.3-8]",
            );
        }
        if connect.client_id.len() > CLIENT_ID_BYTES_MAX {
            let text = format!("a client id has at most {CLIENT_ID_BYTES_MAX} bytes");
            return not(ReasonCode::ClientIdentifierNotValid, &text);
        }
        let assigned = connect.client_id.is_empty().then(new_client_id);
        let client_id: Arc<str> = assigned.as_deref().unwrap_or(&connect.client_id).into();
        let credentials = Credentials {
            address,
            client_id: client_id.to_string(),
            username: connect.username.clone(),
            password: connect.password.clone(),
            certificate_names,
            is_page,
        };
        let identity = match self.access.authenticate(&credentials).await {
            Ok(identity) => identity,
            Err(refused) => return not(reason_of(refused), &refused.to_string()),
        };
        if let Some(will) = &connect.will {
            let permissions = identity.permissions.load();
            let may_publish = permissions.as_ref().is_some_and(|permissions| {
                let resolved = permissions.resolve(&client_id, identity.name.as_deref());
                resolved.may_publish(&will.message.topic)
            });
            if !may_publish {
                return not(
                    ReasonCode::NotAuthorized,
                    "publishing the will message is not permitted",
                );
            }
        }
        Ok(Known {
            connect,
            client_id,
            assigned,
            identity,
        })
    }
}

/// Gives the client its session, and says so.
async fn admit(
    inner: &Arc<Inner>,
    mut wire: Wire,
    reader: PacketReader,
    known: Known,
    address: SocketAddr,
    transport: &'static str,
) -> Option<Connected> {
    let Known {
        mut connect,
        client_id,
        assigned,
        identity,
    } = known;
    let manners = Manners::of(&connect);
    let expiry_seconds = connect
        .session_expiry_seconds
        .min(SESSION_EXPIRY_SECONDS_MAX);
    let request = Request {
        client_id: &client_id,
        identity: &identity,
        clean_start: connect.clean_start,
        expiry_seconds,
        will: connect.will.take(),
    };
    let attached = match inner.registry.attach(request, || inner.next_taker()) {
        Ok(attached) => attached,
        Err(reason) => {
            let refused = NotConnected::without_session(reason);
            inner.connections.count_refused(address, &refused.text);
            refuse(wire, manners, refused).await;
            return None;
        }
    };
    let (session, link, is_present) = take_over(inner, attached);
    let stored = store_session(inner, &session, is_present, expiry_seconds);
    if timeout(CONNECT_TIMEOUT, stored).await.is_err() {
        inner.detach(&session, &link, WillAction::Discard);
        let text = "the session cannot be stored at present".to_owned();
        let reason = ReasonCode::ServerUnavailable;
        refuse(wire, manners, NotConnected { reason, text }).await;
        return None;
    }
    let keep_alive_seconds = keep_alive_seconds(&connect);
    let granted = granted(&connect, expiry_seconds, keep_alive_seconds, assigned);
    let window = connect.receive_max.min(INFLIGHT_MAX).into();
    let aliases = connect.topic_alias_max.min(TOPIC_ALIASES_MAX);
    let mut outgoing = Outgoing::new(manners.writer(), window, aliases);
    let ack = ConnectAck {
        session_present: is_present,
        reason: ReasonCode::Success,
        reason_string: None,
        granted: Some(granted),
    };
    outgoing.writer.connect_ack(&mut outgoing.bytes, &ack);
    wire.shrink();
    let entry = ClientEntry::new(inner, &session, address, manners.version, transport);
    Some(Connected {
        wire,
        reader,
        version: manners.version,
        session,
        link,
        entry,
        identity,
        outgoing,
        keep_alive: silence_max(keep_alive_seconds),
    })
}

/// Ends what a connection has taken the place of.
fn take_over(inner: &Arc<Inner>, attached: Attached) -> (Arc<Session>, Arc<Link>, bool) {
    if let Some(will) = attached.will {
        let before = attached.replaced.as_ref().unwrap_or(&attached.session);
        inner.publish_will(before, will);
    }
    if let Some(replaced) = attached.replaced {
        inner.end_session(&replaced);
    }
    (attached.session, attached.link, attached.is_present)
}

/// How long a client may be silent [MQTT-3.1.2-22]; for ever without a keep alive.
fn silence_max(keep_alive_seconds: u16) -> Option<Duration> {
    let silence = Duration::from_secs(keep_alive_seconds.into()) * 3 / 2;
    (keep_alive_seconds > 0).then_some(silence)
}

/// Its own, or the server's: 3.1.1 has no way to say so.
fn keep_alive_seconds(connect: &Connect) -> u16 {
    match connect.version {
        Version::V5 => connect.keep_alive_seconds.min(KEEP_ALIVE_SECONDS_MAX),
        Version::V311 => connect.keep_alive_seconds,
    }
}

/// What CONNACK tells a client that was let in.
fn granted(
    connect: &Connect,
    expiry_seconds: u32,
    keep_alive_seconds: u16,
    assigned_client_id: Option<String>,
) -> Granted {
    Granted {
        session_expiry_seconds: (expiry_seconds != connect.session_expiry_seconds)
            .then_some(expiry_seconds),
        receive_max: RECEIVE_MAX,
        packet_bytes_max: u32::try_from(PACKET_BYTES_MAX).expect("below 4 GiB"),
        assigned_client_id,
        topic_alias_max: TOPIC_ALIASES_MAX,
        keep_alive_seconds: (keep_alive_seconds != connect.keep_alive_seconds)
            .then_some(keep_alive_seconds),
    }
}

/// Returns when the session is on disk, where it is to survive.
async fn store_session(inner: &Inner, session: &Session, is_present: bool, expiry_seconds: u32) {
    if expiry_seconds == 0 && !is_present {
        return;
    }
    let record = session.record(&session.state());
    // What wakes the connection later is not to be used up here.
    let wake = Arc::new(tokio::sync::Notify::new());
    let mut receipt = LazyReceipt::new(&wake);
    let change = Change::Session(record);
    inner.router.spool.change(change, Some(receipt.share()));
    receipt.done().await;
}

fn reason_of(refused: Refused) -> ReasonCode {
    match refused {
        Refused::BadUserNameOrPassword => ReasonCode::BadUserNameOrPassword,
        Refused::NotAuthorized => ReasonCode::NotAuthorized,
        Refused::TooManyAttempts => ReasonCode::ConnectionRateExceeded,
        Refused::Unavailable => ReasonCode::ServerUnavailable,
    }
}

/// A client id that no other client has [MQTT-3.1.3-6].
fn new_client_id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let number = crate::session::next_number();
    let chance = RandomState::new().hash_one(number);
    format!("auto-{chance:016x}-{number}")
}
