//! One client's connection: a task that owns its socket and everything that ends with it.
//!
//! ```text
//! read -> packets -> publish | subscribe | acknowledge ...      -> session, router
//! written <- acknowledgements, in the order of their packets    <- receipts
//!         <- messages                                           <- session
//! ```
//!
//! Nothing is read while more is unsent, unacknowledged or parked than [`limits`](crate::limits) allow: a client that does not
//! take what it asked for, or that publishes into a full inbox, waits by itself.

mod acknowledge;
mod connect;
mod incoming;
mod open;
mod publish;
mod stream;
mod subscribe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::access::{Identity, Permissions, Resolved};
use crate::broker::{FULL_INBOX_PAUSE, Inner};
use crate::limits::{LINGER_TIMEOUT, RECEIVE_MAX};
use crate::packet::{Malformed, Packet, PacketReader, ReasonCode, Version};
use crate::session::{Link, Outgoing, Session};
use crate::transport::Transport;
use acknowledge::Acknowledgements;
use connect::Connected;
use incoming::TopicAliases;
pub(crate) use open::{ClientEntry, Connections};
use publish::Parked;
use stream::{Io, Wire};

/// A connection whose client is known.
pub(crate) struct Connection {
    inner: Arc<Inner>,
    wire: Wire,
    reader: PacketReader,
    version: Version,
    session: Arc<Session>,
    link: Arc<Link>,
    entry: ClientEntry,
    identity: Identity,
    /// What the identity may do, as it was looked at last.
    permissions: Option<(Arc<Permissions>, Arc<Resolved>)>,
    outgoing: Outgoing,
    acknowledgements: Acknowledgements,
    aliases: TopicAliases,
    parked: Parked,
    /// Messages of the client above QoS 0 that were not acknowledged to the end.
    unacknowledged: usize,
    keep_alive: Option<Duration>,
    last_packet: Instant,
}

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The client said so.
    Disconnect(crate::packet::Disconnect),
    /// The client went without a word.
    Gone,
    /// The broker ends it, for this reason.
    Refused(ReasonCode, String),
    /// Somebody else ended it: the session was taken over, an operator intervened.
    Kicked(ReasonCode),
}

/// What becomes of the will message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WillAction {
    Publish,
    Discard,
}

impl From<Malformed> for End {
    fn from(malformed: Malformed) -> End {
        End::Refused(malformed.reason, malformed.text)
    }
}

/// Serves one connection, from its first byte to its last.
pub(crate) async fn serve(
    inner: Arc<Inner>,
    socket: TcpStream,
    address: SocketAddr,
    transport: Arc<Transport>,
    stop: CancellationToken,
) {
    // Handshakes take more memory than a client that is idle afterwards: it is given back.
    let connected = Box::pin(connect::connect(&inner, socket, address, &transport, &stop)).await;
    let Some(connected) = connected else { return };
    let mut connection = Connection::new(inner, connected);
    let end = connection.run(&stop).await;
    Box::pin(connection.close(end)).await;
}

impl Connection {
    fn new(inner: Arc<Inner>, connected: Connected) -> Connection {
        Connection {
            inner,
            wire: connected.wire,
            reader: connected.reader,
            version: connected.version,
            permissions: None,
            session: connected.session,
            link: connected.link,
            entry: connected.entry,
            identity: connected.identity,
            outgoing: connected.outgoing,
            acknowledgements: Acknowledgements::default(),
            aliases: TopicAliases::default(),
            parked: Parked::default(),
            unacknowledged: 0,
            keep_alive: connected.keep_alive,
            last_packet: Instant::now(),
        }
    }

    async fn run(&mut self, stop: &CancellationToken) -> End {
        let timer = tokio::time::sleep_until(self.deadline().into());
        tokio::pin!(timer);
        // A session from before may have what is not permitted any more.
        if let Some(end) = self.look_again() {
            return end;
        }
        let (session, link) = (self.session.clone(), self.link.clone());
        loop {
            let has_more = match self.advance() {
                Ok(has_more) => has_more,
                Err(end) => return end,
            };
            if self.parked.wants_timer() {
                timer
                    .as_mut()
                    .reset((Instant::now() + FULL_INBOX_PAUSE).into());
            }
            let may_read = self.may_read();
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    return End::Refused(ReasonCode::ServerShuttingDown, "the server is shutting down".to_owned());
                }
                () = link.kick.notified() => {
                    if let Some(reason) = link.ended() {
                        return End::Kicked(reason);
                    }
                    if link.is_to_look() && let Some(end) = self.look_again() {
                        return end;
                    }
                }
                io = self.wire.progress(&mut self.outgoing.bytes, may_read) => match io {
                    Ok(Io::Read) => {}
                    // It reads, which is a sign of life while nothing is read from it.
                    Ok(Io::Written) if !may_read => self.last_packet = Instant::now(),
                    Ok(Io::Written) => {}
                    Ok(Io::End) | Err(_) => return End::Gone,
                },
                () = session.wake.notified() => {}
                () = &mut timer => {
                    if let Some(end) = self.check_time() {
                        return end;
                    }
                    timer.as_mut().reset(self.deadline().into());
                }
                () = tokio::task::yield_now(), if has_more => {}
            }
        }
    }

    /// Does everything that can be done without waiting; whether there is more of it, and others are to have their turn
    /// first.
    fn advance(&mut self) -> Result<bool, End> {
        self.publish_parked()?;
        let (mut has_come, mut has_more) = (false, false);
        while !has_more
            && self.may_read()
            && let Some(packet) = self.reader.next(&mut self.wire.buffer)?
        {
            has_come = true;
            // It may have looked at all retained messages.
            has_more = matches!(packet, Packet::Subscribe(_));
            self.entry.count_received();
            self.handle(packet)?;
        }
        if has_come {
            // Packets count, not bytes [MQTT-3.1.2-22]: a part of one keeps nothing alive.
            self.last_packet = Instant::now();
        }
        self.wire.shrink();
        self.send_acknowledgements();
        if !self.acknowledgements.is_subscribing() {
            let router = &self.inner.router;
            self.session.take(
                &self.link,
                &mut self.outgoing,
                &router.spool,
                &router.budget,
            );
        }
        Ok(has_more)
    }

    fn handle(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.publish(publish),
            Packet::PublishAck(ack) => self.acknowledged(crate::packet::AckKind::Ack, ack),
            Packet::PublishReceived(ack) => {
                self.acknowledged(crate::packet::AckKind::Received, ack)
            }
            Packet::PublishComplete(ack) => {
                self.acknowledged(crate::packet::AckKind::Complete, ack)
            }
            Packet::PublishRelease(ack) => {
                self.release(ack);
                Ok(())
            }
            Packet::Subscribe(subscribe) => self.subscribe(subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                self.unsubscribe(&unsubscribe);
                Ok(())
            }
            Packet::PingRequest => {
                self.outgoing.writer.ping_response(&mut self.outgoing.bytes);
                Ok(())
            }
            Packet::Disconnect(disconnect) => Err(self.disconnect(disconnect)),
            Packet::Connect(_) => Err(End::Refused(
                ReasonCode::ProtocolError,
                "a second CONNECT [MQTT-3.1.0-2]".to_owned(),
            )),
            Packet::Auth => Err(End::Refused(
                ReasonCode::ProtocolError,
                "AUTH without an authentication method in CONNECT [MQTT-4.12.0-6]".to_owned(),
            )),
        }
    }

    fn disconnect(&mut self, disconnect: crate::packet::Disconnect) -> End {
        if let Some(seconds) = disconnect.session_expiry_seconds {
            let mut state = self.session.state();
            if !state.is_linked(&self.link) {
                // The session is another connection's by now.
                return End::Disconnect(disconnect);
            }
            if state.expiry_seconds == 0 && seconds != 0 {
                // [MQTT-3.14.2-2] and section 3.14.2.2.2.
                return End::Refused(
                    ReasonCode::ProtocolError,
                    "a session that was to end with its connection cannot be kept".to_owned(),
                );
            }
            state.expiry_seconds = seconds.min(crate::limits::SESSION_EXPIRY_SECONDS_MAX);
        }
        End::Disconnect(disconnect)
    }

    /// What the identity may do has changed: what it may not have any more is taken away.
    fn look_again(&mut self) -> Option<End> {
        if self.identity.permissions.load().is_none() {
            let text = "there is no such device any more".to_owned();
            return Some(End::Refused(ReasonCode::NotAuthorized, text));
        }
        let permissions = self.permissions();
        self.inner.revoke(&self.session, &permissions);
        None
    }

    /// Whether more can be taken from the client.
    fn may_read(&self) -> bool {
        !self.outgoing.is_full()
            && self.acknowledgements.len() < 2 * usize::from(RECEIVE_MAX)
            && self.parked.has_room()
    }

    fn deadline(&self) -> Instant {
        const FAR: Duration = Duration::from_secs(24 * 3600);
        let mut deadline = Instant::now() + FAR;
        if let Some(keep_alive) = self.keep_alive {
            deadline = deadline.min(self.last_packet + keep_alive);
        }
        if let Some(expires) = self.identity.expires {
            let left = expires
                .duration_since(SystemTime::now())
                .unwrap_or_default();
            deadline = deadline.min(Instant::now() + left);
        }
        if !self.parked.is_empty() {
            deadline = deadline.min(Instant::now() + FULL_INBOX_PAUSE);
        }
        deadline
    }

    fn check_time(&mut self) -> Option<End> {
        if !self.may_read() && !self.outgoing.is_full() {
            // It is not the client that is silent.
            self.last_packet = Instant::now();
        }
        let is_late = |keep_alive| self.last_packet.elapsed() >= keep_alive;
        if self.keep_alive.is_some_and(is_late) {
            // [MQTT-3.1.2-22]
            return Some(End::Refused(
                ReasonCode::KeepAliveTimeout,
                "no packet within one and a half times the keep alive".to_owned(),
            ));
        }
        let expires = self.identity.expires;
        if expires.is_some_and(|expires| expires <= SystemTime::now()) {
            return Some(End::Refused(
                ReasonCode::NotAuthorized,
                "the token has expired".to_owned(),
            ));
        }
        None
    }

    /// Says why, gives the session up, and closes the socket so that what was said arrives.
    async fn close(mut self, end: End) {
        let will = match &end {
            End::Disconnect(disconnect) if disconnect.reason == 0 => WillAction::Discard,
            _ => WillAction::Publish,
        };
        let said = match &end {
            End::Disconnect(_) | End::Gone => None,
            End::Refused(reason, text) => {
                tracing::debug!(
                    client = &*self.session.client_id,
                    reason = text,
                    "an MQTT connection is closed"
                );
                Some((*reason, Some(text.as_str())))
            }
            End::Kicked(reason) => Some((*reason, None)),
        };
        if let Some((reason, text)) = said {
            let outgoing = &mut self.outgoing;
            outgoing
                .writer
                .disconnect(&mut outgoing.bytes, reason, text);
        }
        self.inner.detach(&self.session, &self.link, will);
        // Somebody else may have been meant.
        self.session.wake.notify_one();
        drop(self.entry);
        let lingering = self.wire.linger(&mut self.outgoing.bytes);
        // It had its time.
        let _ = tokio::time::timeout(LINGER_TIMEOUT, lingering).await;
    }
}
