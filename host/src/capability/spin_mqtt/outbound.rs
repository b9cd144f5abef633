//! A connection to another broker: opened with the first message, closed with its handle.
//!
//! A task of its own speaks MQTT, so that the connection is kept alive while the guest does something else. It ends
//! with the connection's first failure; the next message opens another.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex};

use rumqttc::{AsyncClient, EventLoop, MqttOptions, PublishOptions, QoS};
use tidegate_broker::limits::{PAYLOAD_BYTES_MAX, TOPIC_BYTES_MAX};
use tidegate_broker::topic::TopicName;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use ulid::Ulid;

use super::MqttError;
use super::address::Address;
use crate::bindings::imports::tidegate::mqtt::types::Qos;
use crate::capability::outbound::FunctionOutbound;
use crate::limits::{OUTBOUND_CONNECT_TIMEOUT, OUTBOUND_MQTT_TIMEOUT};

/// Who the guest says it is.
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) keep_alive_seconds: u64,
}

/// A connection to another broker.
pub(super) struct OutboundConnection {
    options: MqttOptions,
    open: Mutex<Option<Open>>,
}

/// A connection that was opened, and may have failed since.
struct Open {
    client: AsyncClient,
    failed: Failed,
    task: AbortHandle,
}

/// Why a connection failed, once it has.
type Failed = watch::Receiver<Option<String>>;

/// A message that was not sent, or whose guest does not wait for it any more. What is left of it is not to be sent
/// later, behind the guest's back, so its connection is closed.
struct Unfinished<'a> {
    open: &'a Mutex<Option<Open>>,
    failed: Failed,
    is_sent: bool,
}

impl Unfinished<'_> {
    /// It was sent, acknowledged or completed, as its level asks for.
    fn sent(mut self) {
        self.is_sent = true;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.is_sent {
            return;
        }
        let mut open = self.open.lock().expect("no holder of this lock panics");
        // Another message may have opened another one since.
        open.take_if(|open| open.failed.same_channel(&self.failed));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Messages that wait for the task. The guest waits for each anyway.
const QUEUE: usize = 16;
/// Bytes of a packet from the broker, which has only acknowledgements to send.
const INCOMING_BYTES_MAX: usize = 1024;

impl OutboundConnection {
    pub(super) fn new(
        address: Address,
        credentials: Credentials,
        outbound: Arc<FunctionOutbound>,
    ) -> OutboundConnection {
        let Address {
            destination,
            client_id,
        } = address;
        let client_id = client_id.unwrap_or_else(|| format!("tidegate-{}", Ulid::generate()));
        // A name to show: it is the connector below that knows where to connect to.
        let mut options = MqttOptions::new(client_id, destination.authority());
        let keep_alive = u16::try_from(credentials.keep_alive_seconds).unwrap_or(u16::MAX);
        options
            .set_keep_alive(keep_alive)
            .set_max_packet_size(INCOMING_BYTES_MAX, PAYLOAD_BYTES_MAX + TOPIC_BYTES_MAX);
        if !credentials.username.is_empty() {
            options.set_credentials(credentials.username, credentials.password);
        }
        options.set_socket_connector(move |_, _| {
            let (outbound, destination) = (outbound.clone(), destination.clone());
            async move {
                let connected = outbound.connect(&destination, OUTBOUND_CONNECT_TIMEOUT);
                connected.await.map_err(io::Error::other)
            }
        });
        OutboundConnection {
            options,
            open: Mutex::default(),
        }
    }

    /// Returns when the message was sent, acknowledged or completed, as its level asks for.
    pub(super) async fn publish(
        &self,
        topic: &str,
        payload: Vec<u8>,
        qos: Qos,
    ) -> Result<(), MqttError> {
        let topic: TopicName = topic
            .parse()
            .map_err(|error| MqttError::Other(format!("{error}")))?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(MqttError::Other(format!(
                "the payload has {} bytes; at most {PAYLOAD_BYTES_MAX} are allowed",
                payload.len()
            )));
        }
        let options = PublishOptions::new(match qos {
            Qos::AtMostOnce => QoS::AtMostOnce,
            Qos::AtLeastOnce => QoS::AtLeastOnce,
            Qos::ExactlyOnce => QoS::ExactlyOnce,
        });
        let (client, mut failed) = self.client()?;
        let unfinished = Unfinished {
            open: &self.open,
            failed: failed.clone(),
            is_sent: false,
        };
        let published = async {
            let notice = client.publish_tracked(topic.to_string(), payload, options);
            let notice = notice.await.map_err(|error| error.to_string())?;
            let completed = notice.wait_completion_async().await;
            completed.map_err(|error| error.to_string())
        };
        // A message that was never sent does not hear of the connection's end.
        let published = async {
            tokio::select! {
                biased;
                published = published => published,
                _ = failed.wait_for(Option::is_some) => Err("the connection was closed".to_owned()),
            }
        };
        let published = timeout(OUTBOUND_MQTT_TIMEOUT, published).await;
        let reason = match published {
            Ok(Ok(())) => {
                unfinished.sent();
                return Ok(());
            }
            Ok(Err(reason)) => failed.borrow().clone().unwrap_or(reason),
            Err(_) => format!(
                "the broker did not answer within {} s",
                OUTBOUND_MQTT_TIMEOUT.as_secs()
            ),
        };
        Err(MqttError::ConnectionFailed(reason))
    }

    /// The open connection, or a new one where there is none that works.
    fn client(&self) -> Result<(AsyncClient, Failed), MqttError> {
        let mut open = self.open.lock().expect("no holder of this lock panics");
        if let Some(open) = open.as_ref().filter(|open| open.failed.borrow().is_none()) {
            return Ok((open.client.clone(), open.failed.clone()));
        }
        let built = AsyncClient::builder(self.options.clone())
            .capacity(QUEUE)
            .try_build();
        let (client, events) = built.map_err(|error| MqttError::Other(error.to_string()))?;
        let (fail, failed) = watch::channel(None);
        let task = tokio::spawn(drive(events, fail)).abort_handle();
        *open = Some(Open {
            client: client.clone(),
            failed: failed.clone(),
            task,
        });
        Ok((client, failed))
    }
}

/// Speaks MQTT until the connection fails.
async fn drive(mut events: EventLoop, fail: watch::Sender<Option<String>>) {
    let error = loop {
        if let Err(error) = events.poll().await {
            break error;
        }
    };
    fail.send_replace(Some(match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }));
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::capability::outbound::{ExtraRoots, Outbound};
    use crate::model::grant::Grants;
    use crate::model::secret::Secrets;

    #[test]
    fn a_message_that_was_sent_leaves_nothing_behind() {
        let (fail, failed) = watch::channel(None);
        let sent = Unfinished {
            open: &Mutex::default(),
            failed,
            is_sent: false,
        };
        sent.sent();
        assert_eq!(fail.receiver_count(), 0);
    }

    #[tokio::test]
    async fn a_message_that_nobody_waits_for_any_more_is_not_sent_later() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("mqtt://{}", listener.local_addr().expect("an address"));
        let grants = Grants {
            outbound: vec![address.parse().expect("a grant")],
            ..Grants::default()
        };
        let outbound = Outbound::new(ExtraRoots::default(), Secrets::default());
        let credentials = Credentials {
            username: String::new(),
            password: String::new(),
            keep_alive_seconds: 60,
        };
        let connection = OutboundConnection::new(
            address.parse().expect("an address"),
            credentials,
            outbound.of(Arc::new(grants)),
        );
        let mut call = Box::pin(connection.publish("t", b"x".to_vec(), Qos::AtLeastOnce));
        let (mut broker, _) = tokio::select! {
            _ = &mut call => panic!("nobody has answered"),
            accepted = listener.accept() => accepted.expect("a connection"),
        };
        drop(call);
        assert!(connection.open.lock().expect("no panic").is_none());
        // What the broker still gets has an end.
        let _ = broker.read_to_end(&mut Vec::new()).await;
    }
}
