//! A device that is connected to the external broker by itself.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use rumqttc::mqttbytes::v5::{PubAckReason, PublishProperties};
use rumqttc::{
    AsyncClient, Event, Incoming, MqttOptions, Publish, PublishOptions, PublishResult, QoS,
};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::soon;

/// A client that publishes and subscribes; it connects again by itself.
pub(crate) struct Device {
    client: AsyncClient,
    messages: mpsc::UnboundedReceiver<Publish>,
    task: AbortHandle,
}

impl Device {
    /// Connects a device.
    pub(crate) fn new(address: SocketAddr) -> Device {
        Device::with(address, |_| {})
    }

    /// Connects a device with other options.
    pub(crate) fn with(address: SocketAddr, change: impl FnOnce(&mut MqttOptions)) -> Device {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("device-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let broker = rumqttc::Broker::tcp(address.ip().to_string(), address.port());
        let mut options = MqttOptions::new(name, broker);
        options
            .set_clean_start(false)
            .set_session_expiry_interval(Some(3600));
        change(&mut options);
        let (client, mut events) = AsyncClient::builder(options).unbounded().build();
        let (sender, messages) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Incoming::Publish(publish))) => {
                        let _ = sender.send(publish);
                    }
                    Ok(_) => {}
                    // The broker is away for a moment.
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        Device {
            client,
            messages,
            task: task.abort_handle(),
        }
    }

    /// Publishes at QoS 1. Whether the broker has acknowledged it, and had somebody to give it to.
    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) -> Option<bool> {
        self.publish_with(topic, payload, PublishOptions::new(QoS::AtLeastOnce))
            .await
    }

    /// Publishes a retained message.
    pub(crate) async fn retain(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let options = PublishOptions::new(QoS::AtLeastOnce).retained();
        let done = self.publish_with(topic, payload, options).await;
        assert!(done.is_some(), "{topic} is acknowledged");
    }

    /// Publishes with user properties.
    pub(crate) async fn publish_properties(&self, topic: &str, pairs: &[(&str, &str)]) {
        let pairs = pairs.iter();
        let properties = PublishProperties {
            user_properties: pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
        let done = self.publish_with(topic, "x", options).await;
        assert_eq!(done, Some(true), "{topic} is acknowledged");
    }

    async fn publish_with(
        &self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        options: PublishOptions,
    ) -> Option<bool> {
        let notice = self.client.publish_tracked(topic, payload.into(), options);
        let notice = notice.await.expect("the client runs");
        match soon("an acknowledgement", notice.wait_async()).await {
            Ok(PublishResult::Qos1(acknowledgement)) => {
                Some(acknowledgement.reason != PubAckReason::NoMatchingSubscribers)
            }
            // The broker has lost its session.
            _ => None,
        }
    }

    /// Subscribes at this level, and waits until that stands.
    pub(crate) async fn subscribe(&self, filter: &str, qos: QoS) {
        let notice = self.client.subscribe_tracked(filter, qos);
        let notice = notice.await.expect("the client runs");
        let answer = soon("an answer", notice.wait_completion_async()).await;
        answer.expect("the subscription is granted");
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Publish {
        let message = soon("a message for a device", self.messages.recv()).await;
        message.expect("the client runs")
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}
