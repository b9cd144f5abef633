//! What a client does with a broker, with rumqttc: the same in both versions, each of which is a library of its own.

use std::time::Duration;

use crate::mqtt_clients::Endpoint;

/// Goes through all cases with 3.1.1.
pub(crate) async fn version_3(endpoint: &Endpoint) {
    let (mut sender, mut receiver) = (
        v3::Client::connect(endpoint, "sender", |_| {}).await,
        v3::Client::connect(endpoint, "receiver", |_| {}).await,
    );
    v3::all(endpoint, &mut sender, &mut receiver).await;
    let will = rumqttc::LastWill::new("rumqttc/will", "gone", rumqttc::QoS::AtLeastOnce, false);
    receiver.subscribe("rumqttc/will", 1).await;
    let mortal = v3::Client::connect(endpoint, "mortal", |options| {
        options.set_last_will(will);
    });
    drop(mortal.await);
    receiver.expect("rumqttc/will", b"gone", 1, false).await;
}

/// Goes through all cases with 5.
pub(crate) async fn version_5(endpoint: &Endpoint) {
    use rumqttc_v5::mqttbytes::v5::PublishProperties;
    use rumqttc_v5::{LastWill, PublishOptions, QoS};

    let (mut sender, mut receiver) = (
        v5::Client::connect(endpoint, "sender", |_| {}).await,
        v5::Client::connect(endpoint, "receiver", |_| {}).await,
    );
    v5::all(endpoint, &mut sender, &mut receiver).await;
    let will = LastWill::new("rumqttc/will", "gone", QoS::AtLeastOnce, false, None);
    receiver.subscribe("rumqttc/will", 1).await;
    let mortal = v5::Client::connect(endpoint, "mortal", |options| {
        options.set_last_will(will);
    });
    drop(mortal.await);
    receiver.expect("rumqttc/will", b"gone", 1, false).await;

    let text = |text: &str| Some(text.to_owned());
    let properties = PublishProperties {
        payload_format_indicator: Some(1),
        message_expiry_interval: Some(100),
        content_type: text("text/plain"),
        response_topic: text("rumqttc/answers"),
        correlation_data: Some(b"\x00\xff"[..].into()),
        user_properties: [("a", "1"), ("b", "2"), ("a", "3")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..PublishProperties::default()
    };
    receiver.subscribe("rumqttc/properties", 1).await;
    let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties.clone());
    sender
        .publish_with("rumqttc/properties", b"text", options)
        .await;
    let came = receiver
        .expect("rumqttc/properties", b"text", 1, false)
        .await;
    let came = came.properties.expect("properties");
    let expiry = came.message_expiry_interval.expect("an expiry");
    assert!((1..=100).contains(&expiry), "{expiry}");
    let expected = PublishProperties {
        message_expiry_interval: Some(expiry),
        ..properties
    };
    assert_eq!(came, expected);
}

/// Time without which nothing is missed that should not come.
const MOMENT: Duration = Duration::from_millis(100);

macro_rules! client {
    ($module:ident, $library:ident, $limits:expr) => {
        mod $module {
            use std::time::Duration;

            use tidegate_tests::SOON;
            use tokio::sync::mpsc;
            use tokio::task::JoinHandle;
            use tokio::time::timeout;
            use $library::{
                AsyncClient, Broker, Event, EventLoop, MqttOptions, Packet, Publish,
                PublishOptions, QoS, TlsConfiguration, Transport,
            };

            use crate::mqtt_clients::Endpoint;

            pub(super) struct Client {
                client: AsyncClient,
                received: mpsc::UnboundedReceiver<Publish>,
                polling: JoinHandle<()>,
            }

            impl Client {
                pub(super) async fn connect(
                    endpoint: &Endpoint,
                    name: &str,
                    change: impl FnOnce(&mut MqttOptions),
                ) -> Client {
                    let mut options = options(endpoint, &format!("rumqttc-{name}"));
                    $limits(&mut options);
                    change(&mut options);
                    let (client, mut events) = AsyncClient::builder(options).capacity(10).build();
                    let connected = timeout(SOON, async {
                        while !matches!(
                            events.poll().await.expect("it connects"),
                            Event::Incoming(Packet::ConnAck(_))
                        ) {}
                    });
                    connected.await.expect("CONNACK soon");
                    let (sender, received) = mpsc::unbounded_channel();
                    Client {
                        client,
                        received,
                        polling: tokio::spawn(poll(events, sender)),
                    }
                }

                pub(super) async fn subscribe(&self, filter: &str, qos: u8) {
                    let notice = self.client.subscribe_tracked(filter, level(qos)).await;
                    let notice = notice.expect("the client runs").wait_async();
                    let acknowledged = timeout(SOON, notice).await.expect("SUBACK soon");
                    acknowledged.expect("SUBACK");
                }

                pub(super) async fn publish(&self, topic: &str, payload: &[u8], qos: u8) {
                    let options = PublishOptions::new(level(qos));
                    self.publish_with(topic, payload, options).await;
                }

                pub(super) async fn publish_with(
                    &self,
                    topic: &str,
                    payload: &[u8],
                    options: PublishOptions,
                ) {
                    let notice = self
                        .client
                        .publish_tracked(topic, payload.to_vec(), options);
                    let notice = notice.await.expect("the client runs").wait_async();
                    let acknowledged = timeout(SOON, notice).await;
                    acknowledged
                        .expect("an acknowledgement soon")
                        .expect("it is acknowledged");
                }

                pub(super) async fn expect(
                    &mut self,
                    topic: &str,
                    payload: &[u8],
                    qos: u8,
                    retain: bool,
                ) -> Publish {
                    let message = timeout(SOON, self.received.recv()).await;
                    let message = message.expect("a message soon").expect("a message");
                    let came = (&message.topic[..], message.qos, message.retain);
                    assert_eq!(came, (topic.as_bytes(), level(qos), retain));
                    assert!(message.payload == payload, "another payload on {topic}");
                    message
                }

                async fn expect_nothing(&mut self, within: Duration) {
                    let none = timeout(within, self.received.recv()).await;
                    assert!(none.is_err(), "{none:?}");
                }
            }

            impl Drop for Client {
                /// Without DISCONNECT.
                fn drop(&mut self) {
                    self.polling.abort();
                }
            }

            async fn poll(mut events: EventLoop, received: mpsc::UnboundedSender<Publish>) {
                while let Ok(event) = events.poll().await {
                    if let Event::Incoming(Packet::Publish(message)) = event
                        && received.send(message).is_err()
                    {
                        return;
                    }
                }
            }

            fn options(endpoint: &Endpoint, client_id: &str) -> MqttOptions {
                let tls = TlsConfiguration::Simple {
                    ca: endpoint.authority.clone().into_bytes(),
                    alpn: None,
                    client_auth: None,
                };
                let url = endpoint.url.as_str();
                let tcp = || (endpoint.address.ip().to_string(), endpoint.address.port());
                match url.split("://").next() {
                    Some("mqtt") => MqttOptions::new(client_id, tcp()),
                    Some("mqtts") => {
                        let mut options = MqttOptions::new(client_id, tcp());
                        options.set_transport(Transport::tls_with_config(tls));
                        options
                    }
                    Some("ws") => {
                        MqttOptions::new(client_id, Broker::websocket(url).expect("a URL"))
                    }
                    _ => {
                        MqttOptions::websocket_with_tls_config(client_id, url, tls).expect("a URL")
                    }
                }
            }

            fn level(qos: u8) -> QoS {
                match qos {
                    0 => QoS::AtMostOnce,
                    1 => QoS::AtLeastOnce,
                    _ => QoS::ExactlyOnce,
                }
            }

            /// The cases that are the same in both versions.
            pub(super) async fn all(
                endpoint: &Endpoint,
                sender: &mut Client,
                receiver: &mut Client,
            ) {
                receiver.subscribe("rumqttc/levels/+", 2).await;
                for qos in 0..=2 {
                    let topic = format!("rumqttc/levels/{qos}");
                    sender.publish(&topic, b"at its level", qos).await;
                    receiver.expect(&topic, b"at its level", qos, false).await;
                }

                receiver.subscribe("rumqttc/large", 1).await;
                let large: Vec<u8> = (0..200_u32 << 10).map(|at| (at % 251) as u8).collect();
                sender.publish("rumqttc/large", &large, 1).await;
                receiver.expect("rumqttc/large", &large, 1, false).await;

                let retained = || PublishOptions::new(QoS::AtLeastOnce).retained();
                sender
                    .publish_with("rumqttc/kept", b"kept", retained())
                    .await;
                let mut late = Client::connect(endpoint, "late", |_| {}).await;
                late.subscribe("rumqttc/kept", 1).await;
                late.expect("rumqttc/kept", b"kept", 1, true).await;
                sender.publish_with("rumqttc/kept", b"", retained()).await;
                late.expect("rumqttc/kept", b"", 1, false).await;
                let mut later = Client::connect(endpoint, "later", |_| {}).await;
                later.subscribe("rumqttc/kept", 1).await;
                later.expect_nothing(super::MOMENT).await;
            }
        }
    };
}

client!(v3, rumqttc, |options: &mut MqttOptions| {
    options.set_max_packet_size(1 << 20, 1 << 20);
});
client!(v5, rumqttc_v5, |options: &mut MqttOptions| {
    options.set_max_packet_size(Some(1 << 20));
});
