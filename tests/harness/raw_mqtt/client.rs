//! One connection to a broker, on which a test sends what it likes and sees every packet.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::parse::take_packet;
use super::{
    Ack, Acknowledgement, Connack, Connect, Disconnect, Publish, ServerPacket, Suback, Subscribe,
    Unsubscribe, Version, disconnect, pingreq,
};
use crate::SOON;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection. Dropping it breaks it off.
pub struct Client {
    version: Version,
    stream: Box<dyn Stream>,
    received: Vec<u8>,
    /// Packets that came while another one was waited for.
    put_aside: VecDeque<ServerPacket>,
    packet_id: u16,
    /// Bytes of the last packet that came, its header included.
    pub last_packet_bytes: usize,
}

impl Client {
    /// A TCP connection, on which nothing was sent yet.
    pub async fn open(address: SocketAddr, version: Version) -> Client {
        let stream = TcpStream::connect(address)
            .await
            .expect("the listener accepts");
        stream.set_nodelay(true).expect("a socket option");
        Client::over(stream, version)
    }

    /// A connection over this stream, on which nothing was sent yet.
    pub fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        version: Version,
    ) -> Client {
        Client {
            version,
            stream: Box::new(stream),
            received: Vec::new(),
            put_aside: VecDeque::new(),
            packet_id: 0,
            last_packet_bytes: 0,
        }
    }

    /// Connects over TCP; panics where the broker refuses.
    pub async fn connect(address: SocketAddr, connect: &Connect) -> Client {
        Client::connect_with_connack(address, connect).await.0
    }

    /// Connects over TCP, and gives the broker's answer as well; panics where it refuses.
    pub async fn connect_with_connack(address: SocketAddr, connect: &Connect) -> (Client, Connack) {
        let mut client = Client::open(address, connect.version).await;
        client.send(connect.bytes()).await;
        let connack = client.expect_connack().await;
        assert_eq!(connack.reason, 0, "{connack:?}");
        (client, connack)
    }

    /// The version that it speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the broker reads");
    }

    /// Sends these bytes, which the broker may refuse to read.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.expect("an open connection");
    }

    /// A packet identifier that was not used on this connection.
    pub fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).expect("few packets");
        self.packet_id
    }

    /// The next packet; none where the broker closes the connection. Panics when neither happens soon.
    pub async fn read(&mut self) -> Option<ServerPacket> {
        match self.put_aside.pop_front() {
            Some(packet) => Some(packet),
            None => self.read_new().await,
        }
    }

    async fn read_new(&mut self) -> Option<ServerPacket> {
        loop {
            if let Some((packet, bytes)) = take_packet(&mut self.received, self.version) {
                self.last_packet_bytes = bytes;
                return Some(packet);
            }
            let more = timeout(SOON, self.stream.read_buf(&mut self.received)).await;
            let more = more.unwrap_or_else(|_| panic!("no packet, but {:02x?}", self.received));
            if !matches!(more, Ok(1..)) {
                let rest = &self.received;
                assert!(rest.is_empty(), "closed in mid-packet: {rest:02x?}");
                return None;
            }
        }
    }

    /// The next packet; panics where the broker closes the connection.
    pub async fn expect_packet(&mut self) -> ServerPacket {
        self.read().await.expect("a packet, and no end")
    }

    /// Waits for a packet that is wanted, and puts others aside for later.
    async fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(&ServerPacket) -> Option<T>) -> T {
        loop {
            let Some(packet) = self.read_new().await else {
                panic!("no {what}, but an end after {:?}", self.put_aside);
            };
            match wanted(&packet) {
                Some(found) => return found,
                None => self.put_aside.push_back(packet),
            }
        }
    }

    /// CONNACK is next.
    pub async fn expect_connack(&mut self) -> Connack {
        match self.expect_packet().await {
            ServerPacket::Connack(connack) => connack,
            other => panic!("{other:?} instead of CONNACK"),
        }
    }

    /// Subscribes with this byte of options, and gives the reason code of the SUBACK: the QoS level that is granted.
    pub async fn subscribe(&mut self, filter: &str, options: u8) -> u8 {
        let packet_id = self.next_packet_id();
        let subscribe = Subscribe::new(packet_id, filter, options);
        let suback = self.subscribe_with(&subscribe).await;
        suback.reasons[0]
    }

    /// Subscribes and waits for the SUBACK, which has a reason code for each filter.
    pub async fn subscribe_with(&mut self, subscribe: &Subscribe) -> Suback {
        self.send(subscribe.bytes(self.version)).await;
        let suback = self.wait_for("SUBACK", |packet| match packet {
            ServerPacket::Suback(suback) => Some(suback.clone()),
            _ => None,
        });
        let suback = suback.await;
        assert_eq!(suback.packet_id, subscribe.packet_id);
        assert_eq!(suback.reasons.len(), subscribe.filters.len(), "{suback:?}");
        suback
    }

    /// Unsubscribes and waits for the UNSUBACK.
    pub async fn unsubscribe_with(&mut self, unsubscribe: &Unsubscribe) -> Suback {
        self.send(unsubscribe.bytes(self.version)).await;
        let unsuback = self.wait_for("UNSUBACK", |packet| match packet {
            ServerPacket::Unsuback(unsuback) => Some(unsuback.clone()),
            _ => None,
        });
        let unsuback = unsuback.await;
        assert_eq!(unsuback.packet_id, unsubscribe.packet_id);
        let reasons = match self.version {
            Version::V311 => 0,
            Version::V5 => unsubscribe.filters.len(),
        };
        assert_eq!(unsuback.reasons.len(), reasons, "{unsuback:?}");
        unsuback
    }

    /// Publishes with all acknowledgements of the QoS level; panics where the broker refuses the message.
    pub async fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: u8) {
        self.publish_with(Publish {
            qos,
            ..Publish::new(topic, payload)
        })
        .await;
    }

    /// Publishes, with a packet identifier of its own where the QoS level wants one, with all acknowledgements; panics
    /// where the broker refuses the message. At QoS 0 it waits until the broker has read it: for the answer to PINGREQ.
    pub async fn publish_with(&mut self, mut publish: Publish) {
        if publish.qos == 0 {
            self.send(publish.bytes(self.version)).await;
            return self.ping().await;
        }
        let packet_id = self.next_packet_id();
        publish.packet_id = Some(packet_id);
        self.send(publish.bytes(self.version)).await;
        if publish.qos == 1 {
            let ack = self.wait_for_ack(Acknowledgement::Puback, packet_id).await;
            return assert!(ack.reason < 0x80, "{ack:?}");
        }
        let ack = self.wait_for_ack(Acknowledgement::Pubrec, packet_id).await;
        assert!(ack.reason < 0x80, "{ack:?}");
        self.send(Acknowledgement::Pubrel.bytes(packet_id)).await;
        let ack = self.wait_for_ack(Acknowledgement::Pubcomp, packet_id).await;
        assert_eq!(ack.reason, 0, "{ack:?}");
    }

    /// Waits for this acknowledgement, and puts other packets aside for later.
    pub async fn wait_for_ack(&mut self, kind: Acknowledgement, packet_id: u16) -> Ack {
        let ack = self.wait_for("acknowledgement", |packet| match packet {
            ServerPacket::Ack(ack) if ack.kind == kind && ack.packet_id == packet_id => {
                Some(ack.clone())
            }
            _ => None,
        });
        ack.await
    }

    /// An acknowledgement of this kind and packet identifier is next.
    pub async fn expect_ack(&mut self, kind: Acknowledgement, packet_id: u16) -> Ack {
        match self.expect_packet().await {
            ServerPacket::Ack(ack) if ack.kind == kind && ack.packet_id == packet_id => ack,
            other => panic!("{other:?} instead of {kind:?} {packet_id}"),
        }
    }

    /// PUBLISH is next. It is not acknowledged.
    pub async fn expect_publish(&mut self) -> Publish {
        match self.expect_packet().await {
            ServerPacket::Publish(publish) => publish,
            other => panic!("{other:?} instead of PUBLISH"),
        }
    }

    /// PUBLISH is next; it is acknowledged as its QoS level has it.
    pub async fn receive(&mut self) -> Publish {
        let publish = self.expect_publish().await;
        self.acknowledge(&publish).await;
        publish
    }

    /// Sends all acknowledgements of this message.
    pub async fn acknowledge(&mut self, publish: &Publish) {
        let Some(packet_id) = publish.packet_id else {
            return;
        };
        if publish.qos == 1 {
            return self.send(Acknowledgement::Puback.bytes(packet_id)).await;
        }
        self.send(Acknowledgement::Pubrec.bytes(packet_id)).await;
        let release = self.wait_for_ack(Acknowledgement::Pubrel, packet_id).await;
        assert_eq!(release.reason, 0, "{release:?}");
        self.send(Acknowledgement::Pubcomp.bytes(packet_id)).await;
    }

    /// Sends PINGREQ and waits for the answer: what was sent before it has been read. Other packets are put aside.
    pub async fn ping(&mut self) {
        self.send(pingreq()).await;
        let pong = |packet: &ServerPacket| matches!(packet, ServerPacket::Pingresp).then_some(());
        self.wait_for("PINGRESP", pong).await;
    }

    /// Nothing has come: the answer to PINGREQ is next. Shows nothing of what may still be under way from another
    /// client; there, send a message that is to come, and see that it is the next.
    pub async fn expect_nothing(&mut self) {
        self.send(pingreq()).await;
        let next = self.expect_packet().await;
        assert_eq!(next, ServerPacket::Pingresp, "a packet");
    }

    /// The broker closes the connection and sends nothing before.
    pub async fn expect_closed(&mut self) {
        let next = self.read().await;
        assert_eq!(next, None, "a packet instead of an end");
    }

    /// All bytes that come until the broker closes the connection, for answers to what is in no known version.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        loop {
            let more = timeout(SOON, self.stream.read_buf(&mut self.received)).await;
            if !matches!(more.expect("an end soon"), Ok(1..)) {
                return std::mem::take(&mut self.received);
            }
        }
    }

    /// The broker says DISCONNECT with this reason code (MQTT 5), and closes the connection.
    pub async fn expect_disconnect(&mut self, reason: u8) -> Disconnect {
        match self.expect_packet().await {
            ServerPacket::Disconnect(disconnect) if disconnect.reason == reason => {
                self.expect_closed().await;
                disconnect
            }
            other => panic!("{other:?} instead of DISCONNECT {reason:#04x}"),
        }
    }

    /// The broker ends the connection because of what the client did: to a client of MQTT 5 it says DISCONNECT with this
    /// reason code, to one of 3.1.1 nothing.
    pub async fn expect_cast_out(&mut self, reason: u8) {
        match self.version {
            Version::V311 => self.expect_closed().await,
            Version::V5 => {
                self.expect_disconnect(reason).await;
            }
        }
    }

    /// Ends the connection as the protocol has it, so that no will is published, and waits for the broker to close it.
    pub async fn disconnect(mut self) {
        self.send(disconnect(self.version, 0, &[])).await;
        while self.read().await.is_some() {}
    }

    /// Breaks the connection off, and waits until the broker has seen it.
    pub async fn break_off(mut self) {
        // A broker may have closed it in the meantime.
        let _ = self.stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = timeout(SOON, self.stream.read_to_end(&mut rest)).await;
    }
}
