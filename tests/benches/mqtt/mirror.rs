//! The least that could be between publishers and subscribers: no topics but exact ones, no checks, no sessions, no
//! queues' bounds. What gets through it is the limit of the load generator and the machine, not of a broker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use tidegate_tests::frames::{self, Frame, PUBACK, PUBCOMP, PUBREC, PUBREL, Publish};
use tidegate_tests::raw_mqtt::Version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Connections by the topic that they have subscribed to.
type Takers = Rc<RefCell<HashMap<Vec<u8>, Vec<Rc<Outbox>>>>>;

/// What is to be sent on a connection.
#[derive(Default)]
struct Outbox {
    bytes: RefCell<Vec<u8>>,
    packet_id: RefCell<u16>,
    has_more: Notify,
}

/// Serves for as long as the process runs.
pub(crate) async fn serve(address: SocketAddr) {
    let listener = TcpListener::bind(address).await.expect("the port is free");
    let takers = Takers::default();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        // A client that breaks off is no concern of this server's.
        tokio::task::spawn_local(connection(stream, takers.clone()));
    }
}

async fn connection(mut stream: TcpStream, takers: Takers) -> io::Result<()> {
    let outbox = Rc::new(Outbox::default());
    let (mut reader, mut writer) = stream.split();
    let mut incoming = Vec::with_capacity(64 << 10);
    let mut outgoing = Vec::new();
    loop {
        if outgoing.is_empty() {
            std::mem::swap(&mut outgoing, &mut outbox.bytes.borrow_mut());
        }
        tokio::select! {
            read = reader.read_buf(&mut incoming) => {
                if read? == 0 {
                    return Ok(());
                }
                let mut taken = 0;
                while let Some(frame) = frames::first_frame(&incoming[taken..]) {
                    taken += frame.length;
                    if frame.first == frames::DISCONNECT[0] {
                        return Ok(());
                    }
                    answer(&frame, &outbox, &takers);
                }
                incoming.drain(..taken);
            }
            written = writer.write(&outgoing), if !outgoing.is_empty() => {
                outgoing.drain(..written?);
            }
            () = outbox.has_more.notified(), if outgoing.is_empty() => {}
        }
    }
}

fn answer(frame: &Frame<'_>, outbox: &Rc<Outbox>, takers: &Takers) {
    let mut reply = outbox.bytes.borrow_mut();
    match frame.first >> 4 {
        1 => reply.extend([0x20, 2, 0, 0]),
        8 => {
            let [high, low, _, length, rest @ .., qos] = frame.body else {
                return;
            };
            let topic = rest[..usize::from(*length)].to_vec();
            reply.extend([0x90, 3, *high, *low, *qos]);
            takers
                .borrow_mut()
                .entry(topic)
                .or_default()
                .push(outbox.clone());
        }
        3 => {
            let delivery = frame.delivery(Version::V311);
            match delivery.qos {
                0 => {}
                1 => frames::acknowledge(&mut reply, PUBACK, delivery.packet_id),
                _ => frames::acknowledge(&mut reply, PUBREC, delivery.packet_id),
            }
            drop(reply);
            let takers = takers.borrow();
            for taker in takers.get(delivery.topic).into_iter().flatten() {
                taker.push(delivery.topic, delivery.payload, delivery.qos);
            }
        }
        5 => frames::acknowledge(&mut reply, PUBREL, frame.packet_id()),
        6 => frames::acknowledge(&mut reply, PUBCOMP, frame.packet_id()),
        _ => {}
    }
}

impl Outbox {
    fn push(&self, topic: &[u8], payload: &[u8], qos: u8) {
        let mut packet_id = self.packet_id.borrow_mut();
        *packet_id = *packet_id % u16::MAX + 1;
        let message = Publish {
            topic: std::str::from_utf8(topic).expect("these topics are text"),
            payload,
            qos,
            packet_id: *packet_id,
            retain: false,
            dup: false,
        };
        frames::publish(&mut self.bytes.borrow_mut(), Version::V311, &message);
        self.has_more.notify_one();
    }
}
