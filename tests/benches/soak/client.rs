//! A simple client over any stream of bytes: one exchange after the other.

use std::io;

use tidegate_tests::frames::{self, Lasting, PUBACK, PUBCOMP, PUBREC, PUBREL, Publish};
use tidegate_tests::raw_mqtt::Version;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Whatever an MQTT connection runs over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    version: Version,
    incoming: Vec<u8>,
    packet_id: u16,
    /// Messages that have come.
    pub(crate) received: u64,
}

impl Client {
    /// Connects, and expects to be accepted.
    pub(crate) async fn connect(
        stream: Box<dyn Stream>,
        version: Version,
        client_id: &str,
        lasting: Lasting,
    ) -> io::Result<Client> {
        let mut client = Client {
            stream,
            version,
            incoming: Vec::new(),
            packet_id: 0,
            received: 0,
        };
        let mut packet = Vec::new();
        frames::connect(&mut packet, version, client_id, lasting);
        client.exchange(&packet, 1).await?;
        Ok(client)
    }

    /// Subscribes and waits for the acknowledgement.
    pub(crate) async fn subscribe(&mut self, filter: &str, qos: u8) -> io::Result<()> {
        let mut packet = Vec::new();
        let packet_id = self.next_packet_id();
        frames::subscribe(&mut packet, self.version, packet_id, filter, qos);
        self.exchange(&packet, 1).await
    }

    /// Publishes so many messages and waits until they are acknowledged.
    pub(crate) async fn publish(&mut self, message: Publish<'_>, count: usize) -> io::Result<()> {
        let mut packets = Vec::new();
        for _ in 0..count {
            let packet_id = self.next_packet_id();
            let message = Publish {
                packet_id,
                ..message
            };
            frames::publish(&mut packets, self.version, &message);
        }
        let answers = if message.qos > 0 { count } else { 0 };
        self.exchange(&packets, answers).await
    }

    /// Takes what comes, for as long as the future of this call is polled.
    pub(crate) async fn receive(&mut self) -> io::Result<()> {
        loop {
            self.read().await?;
        }
    }

    /// Takes what comes until so many messages have come in all.
    pub(crate) async fn receive_until(&mut self, count: u64) -> io::Result<()> {
        while self.received < count {
            self.read().await?;
        }
        Ok(())
    }

    /// Ends the connection as the standard has it.
    pub(crate) async fn disconnect(mut self) -> io::Result<()> {
        self.stream.write_all(&frames::DISCONNECT).await?;
        self.stream.shutdown().await
    }

    fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id % u16::MAX + 1;
        self.packet_id
    }

    /// Sends and waits for this many answers.
    async fn exchange(&mut self, packets: &[u8], answers: usize) -> io::Result<()> {
        self.stream.write_all(packets).await?;
        let mut answered = 0;
        while answered < answers {
            answered += self.read().await?;
        }
        Ok(())
    }

    /// Reads once and answers what has come. Gives the number of answers among it.
    async fn read(&mut self) -> io::Result<usize> {
        if self.stream.read_buf(&mut self.incoming).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut taken, mut answers, mut replies) = (0, 0, Vec::new());
        while let Some(frame) = frames::first_frame(&self.incoming[taken..]) {
            taken += frame.length;
            match frame.first {
                PUBREC => frames::acknowledge(&mut replies, PUBREL, frame.packet_id()),
                PUBREL => frames::acknowledge(&mut replies, PUBCOMP, frame.packet_id()),
                0x30..0x40 => {
                    let delivery = frame.delivery(self.version);
                    self.received += 1;
                    match delivery.qos {
                        0 => {}
                        1 => frames::acknowledge(&mut replies, PUBACK, delivery.packet_id),
                        _ => frames::acknowledge(&mut replies, PUBREC, delivery.packet_id),
                    }
                }
                0xe0 => return Err(io::Error::other(format!("DISCONNECT {:x?}", frame.body))),
                _ => answers += 1,
            }
        }
        self.incoming.drain(..taken);
        self.stream.write_all(&replies).await?;
        Ok(answers)
    }
}
