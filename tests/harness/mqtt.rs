//! An MQTT 3.1.1 client.

use std::net::SocketAddr;
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, PublishOptions, QoS, SubscribeReasonCode,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::SOON;

/// A connection to a broker. Dropping it breaks the connection off.
pub struct MqttClient {
    client: AsyncClient,
    received: mpsc::UnboundedReceiver<Received>,
    polling: JoinHandle<()>,
}

/// A message that came from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Received {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
    pub retain: bool,
}

impl Received {
    /// The payload as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

impl MqttClient {
    /// Connects with this client id and a clean session.
    pub async fn connect(address: SocketAddr, client_id: &str) -> MqttClient {
        MqttClient::connect_with(address, client_id, |_| {}).await
    }

    /// Connects, with other options than the usual ones.
    pub async fn connect_with(
        address: SocketAddr,
        client_id: &str,
        change: impl FnOnce(&mut MqttOptions),
    ) -> MqttClient {
        MqttClient::try_connect(address, client_id, change)
            .await
            .expect("the broker accepts the connection")
    }

    /// Connects, or says why the broker refuses.
    pub async fn try_connect(
        address: SocketAddr,
        client_id: &str,
        change: impl FnOnce(&mut MqttOptions),
    ) -> Result<MqttClient, String> {
        let mut options = MqttOptions::new(client_id, (address.ip().to_string(), address.port()));
        options
            .set_keep_alive(30)
            .set_max_packet_size(1 << 20, 1 << 20);
        change(&mut options);
        let (client, mut events) = AsyncClient::builder(options).capacity(100).build();
        let connected = timeout(SOON, async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                    Ok(_) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
        });
        connected
            .await
            .unwrap_or_else(|_| Err("no answer from the broker".to_owned()))?;
        let (sender, received) = mpsc::unbounded_channel();
        let polling = tokio::spawn(poll(events, sender));
        Ok(MqttClient {
            client,
            received,
            polling,
        })
    }

    /// Subscribes and waits for the broker's acknowledgement.
    pub async fn subscribe(&self, filter: &str, qos: QoS) {
        self.try_subscribe(filter, qos)
            .await
            .expect("the broker accepts the subscription");
    }

    /// Subscribes, or says why the broker refuses.
    pub async fn try_subscribe(&self, filter: &str, qos: QoS) -> Result<(), String> {
        let notice = self
            .client
            .subscribe_tracked(filter, qos)
            .await
            .map_err(|error| error.to_string())?;
        let acknowledged = timeout(SOON, notice.wait_async())
            .await
            .map_err(|_| "no SUBACK".to_owned())?;
        let codes = acknowledged
            .map_err(|error| error.to_string())?
            .return_codes;
        if codes.contains(&SubscribeReasonCode::Failure) {
            return Err(format!("{codes:?}"));
        }
        Ok(())
    }

    /// Unsubscribes and waits for the broker's acknowledgement.
    pub async fn unsubscribe(&self, filter: &str) {
        let notice = self
            .client
            .unsubscribe_tracked(filter)
            .await
            .expect("the client runs");
        timeout(SOON, notice.wait_async())
            .await
            .expect("an UNSUBACK soon")
            .expect("an UNSUBACK");
    }

    /// Publishes and waits for the broker's acknowledgement, where the QoS has one.
    pub async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, qos: QoS) {
        let sent = self
            .try_publish(topic, payload, PublishOptions::new(qos))
            .await;
        sent.expect("the broker acknowledges the message");
    }

    /// Publishes a retained message and waits for the broker's acknowledgement.
    pub async fn publish_retained(&self, topic: &str, payload: impl Into<Vec<u8>>, qos: QoS) {
        let sent = self
            .try_publish(topic, payload, PublishOptions::new(qos).retained())
            .await;
        sent.expect("the broker acknowledges the message");
    }

    /// Publishes, or says why the message was not acknowledged.
    pub async fn try_publish(
        &self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        options: PublishOptions,
    ) -> Result<(), String> {
        let payload: Vec<u8> = payload.into();
        let notice = self.client.publish_tracked(topic, payload, options).await;
        let notice = notice.map_err(|error| error.to_string())?;
        let acknowledged = timeout(SOON, notice.wait_async()).await;
        acknowledged
            .map_err(|_| "no acknowledgement".to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(())
    }

    /// The next message; panics when none comes soon.
    pub async fn next_message(&mut self) -> Received {
        self.next_message_within(SOON)
            .await
            .expect("a message soon")
    }

    /// The next message, if one comes within this time.
    pub async fn next_message_within(&mut self, within: Duration) -> Option<Received> {
        timeout(within, self.received.recv()).await.ok().flatten()
    }

    /// Waits until the broker has closed the connection.
    pub async fn disconnected(&mut self) {
        timeout(SOON, &mut self.polling)
            .await
            .expect("the broker closes the connection soon")
            .expect("no panic");
    }

    /// Ends the connection as the protocol has it, so that no will message is sent.
    pub async fn disconnect(mut self) {
        self.client.disconnect().await.expect("the client runs");
        self.disconnected().await;
    }
}

impl Drop for MqttClient {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

async fn poll(mut events: EventLoop, received: mpsc::UnboundedSender<Received>) {
    while let Ok(event) = events.poll().await {
        if let Event::Incoming(Packet::Publish(publish)) = event {
            let message = Received {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload.to_vec(),
                qos: publish.qos,
                retain: publish.retain,
            };
            if received.send(message).is_err() {
                return;
            }
        }
    }
}
