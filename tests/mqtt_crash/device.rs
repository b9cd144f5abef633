//! A client with a persistent session that outlives the broker: it comes back whenever there is an address, and goes on
//! where it was, as the client's side of the standard has it (MQTT 5, sections 4.1, 4.3 and 4.4).
//!
//! What a device is asked to do it does until it is acknowledged, however often the connection breaks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidegate_tests::frames::{self, Frame, Lasting};
use tidegate_tests::raw_mqtt::Version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::mqtt_crash::ledger::{Ledger, MessageId, TakerIndex};
use crate::mqtt_crash::session::Session;

/// A connection that is refused is tried again after this time: the broker is just about to end, or to begin.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// Time for a broker to answer CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the broker is, while it is anywhere.
pub(crate) type Network = watch::Receiver<Option<SocketAddr>>;

/// Whether a device is connected while there is a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Here,
    Away,
}

impl Presence {
    pub(crate) fn other(self) -> Presence {
        match self {
            Presence::Here => Presence::Away,
            Presence::Away => Presence::Here,
        }
    }
}

/// What a device is asked to do.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Publish(Outgoing),
    Subscribe(String, u8),
    Unsubscribe(String),
}

/// A message to publish.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: u8,
    pub(crate) subject: Subject,
}

/// What a message is in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A numbered message.
    Message(MessageId),
    /// The value at this position of a retained topic.
    Retained(usize),
}

/// Where received messages go.
#[derive(Clone, Debug)]
pub(crate) enum Inbox {
    /// Into the ledger.
    Taker(TakerIndex),
    /// Nowhere: nothing is subscribed to.
    Nobody,
    /// To whoever waits at the other end.
    Channel(mpsc::UnboundedSender<(String, Vec<u8>)>),
}

/// A client with a persistent session. It ends when it is dropped.
pub(crate) struct Device {
    commands: mpsc::UnboundedSender<Command>,
    presence: watch::Sender<Presence>,
    unfinished: watch::Sender<usize>,
    task: JoinHandle<()>,
}

struct Task {
    session: Session,
    inbox: Inbox,
    ledger: Arc<Ledger>,
    commands: mpsc::UnboundedReceiver<Command>,
    network: Network,
    presence: watch::Receiver<Presence>,
    unfinished: watch::Sender<usize>,
}

impl Device {
    /// A device that connects to wherever the broker is.
    pub(crate) fn new(
        client_id: &str,
        version: Version,
        inbox: Inbox,
        ledger: &Arc<Ledger>,
        network: &Network,
    ) -> Device {
        let (commands, receiver) = mpsc::unbounded_channel();
        let presence = watch::Sender::new(Presence::Here);
        let unfinished = watch::Sender::new(0);
        let task = Task {
            session: Session::new(client_id, version),
            inbox,
            ledger: ledger.clone(),
            commands: receiver,
            network: network.clone(),
            presence: presence.subscribe(),
            unfinished: unfinished.clone(),
        };
        Device {
            commands,
            presence,
            unfinished,
            task: tokio::spawn(task.live()),
        }
    }

    /// Breaks the connection off, or connects again.
    pub(crate) fn be(&self, presence: Presence) {
        self.presence.send_replace(presence);
    }

    pub(crate) fn presence(&self) -> Presence {
        *self.presence.borrow()
    }

    /// Asks for something that is to be done until it is acknowledged.
    pub(crate) fn ask(&self, command: Command) {
        self.unfinished.send_modify(|count| *count += 1);
        self.commands.send(command).expect("the task runs");
    }

    /// What was asked for and is not acknowledged yet.
    pub(crate) fn unfinished(&self) -> usize {
        *self.unfinished.borrow()
    }

    /// Waits until all that was asked for is acknowledged.
    pub(crate) async fn idle(&self) {
        let mut unfinished = self.unfinished.subscribe();
        unfinished
            .wait_for(|count| *count == 0)
            .await
            .expect("this device holds the other end");
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Task {
    async fn live(mut self) {
        while let Ok(address) = self.address().await {
            if let Some(stream) = self.connect(address).await {
                self.serve(stream).await;
            }
            // The broker is somewhere else soon, unless it was the broker that broke off.
            let _ = timeout(RETRY_INTERVAL, self.network.changed()).await;
        }
    }

    /// Waits for a broker, and for this device to be there.
    async fn address(&mut self) -> Result<SocketAddr, watch::error::RecvError> {
        loop {
            self.presence
                .wait_for(|presence| *presence == Presence::Here)
                .await?;
            if let Some(address) = *self.network.borrow_and_update() {
                return Ok(address);
            }
            self.network.changed().await?;
        }
    }

    /// A connection whose CONNACK has come.
    async fn connect(&mut self, address: SocketAddr) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut hello = Vec::new();
        let version = self.session.version;
        frames::connect(
            &mut hello,
            version,
            &self.session.client_id,
            Lasting::Session,
        );
        stream.write_all(&hello).await.ok()?;
        let mut answer = Vec::new();
        let reading = timeout(CONNECT_TIMEOUT, async {
            // CONNACK is read byte by byte, so that nothing of what follows is taken.
            while frames::first_frame(&answer).is_none() {
                answer.push(stream.read_u8().await?);
            }
            std::io::Result::Ok(())
        });
        let Ok(read) = reading.await else {
            let id = &self.session.client_id;
            self.ledger.fault(format!("`{id}` had no CONNACK in time"));
            return None;
        };
        read.ok()?;
        let frame = frames::first_frame(&answer).expect("it is there as a whole");
        match self.session.connected(&frame) {
            Ok(()) => Some(stream),
            Err(fault) => {
                self.ledger.fault(fault);
                None
            }
        }
    }

    /// Speaks on a connection until it ends, the broker is gone or the device goes.
    async fn serve(&mut self, mut stream: TcpStream) {
        let (mut reader, mut writer) = stream.split();
        let mut incoming = Vec::new();
        self.session.resume();
        loop {
            let has_output = !self.session.output.is_empty();
            tokio::select! {
                _ = self.network.changed() => return,
                _ = self.presence.changed() => return,
                written = writer.write(&self.session.output), if has_output => match written {
                    Ok(count) => drop(self.session.output.drain(..count)),
                    Err(_) => return,
                },
                read = reader.read_buf(&mut incoming) => match read {
                    Ok(1..) => self.receive(&mut incoming),
                    _ => return,
                },
                Some(command) = self.commands.recv(), if self.session.has_room() => {
                    self.session.ask(command);
                }
            }
        }
    }

    fn receive(&mut self, incoming: &mut Vec<u8>) {
        let mut taken = 0;
        while let Some(frame) = frames::first_frame(&incoming[taken..]) {
            taken += frame.length;
            self.packet(&frame);
        }
        incoming.drain(..taken);
    }

    fn packet(&mut self, frame: &Frame<'_>) {
        if frame.first >> 4 == 3 {
            let delivery = frame.delivery(self.session.version);
            if self.session.delivered(&delivery) {
                match &self.inbox {
                    Inbox::Taker(taker) => {
                        self.ledger
                            .received(*taker, delivery.topic, delivery.payload);
                    }
                    Inbox::Nobody => {}
                    Inbox::Channel(channel) => {
                        let topic = String::from_utf8_lossy(delivery.topic).into_owned();
                        // Nobody may wait for it any more.
                        let _ = channel.send((topic, delivery.payload.to_vec()));
                    }
                }
            }
            return;
        }
        match self.session.answered(frame) {
            Ok(None) => {}
            Ok(Some(command)) => self.finished(command),
            Err(fault) => self.ledger.fault(fault),
        }
    }

    fn finished(&self, command: Command) {
        if let Command::Publish(message) = command {
            match message.subject {
                Subject::Message(id) => self.ledger.acknowledged(id),
                Subject::Retained(position) => {
                    self.ledger.retained_acknowledged(&message.topic, position);
                }
            }
        }
        self.unfinished.send_modify(|count| *count -= 1);
    }
}
