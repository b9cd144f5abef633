//! What functions publish.

use std::time::Duration;

use futures_util::future::join_all;
use rumqttc::mqttbytes::v5::PublishProperties;
use tidegate_broker::PublishError;
use tidegate_broker::limits::UPSTREAM_QUEUE_MAX;
use tidegate_broker::message::{Message, Properties, QoS};
use tidegate_broker::upstream::HOPS_PROPERTY;

use crate::device::Device;
use crate::host::{Counter, Host, message, settings};
use crate::memory_store::MemoryStore;
use crate::mosquitto::Mosquitto;
use crate::{eventually, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_with_everything_that_belongs_to_it() {
    let mosquitto = Mosquitto::start().await;
    let host = Host::open(settings(mosquitto.address(), "host"), &MemoryStore::new()).await;
    let mut device = Device::new(mosquitto.address());
    device.subscribe("#", rumqttc::QoS::ExactlyOnce).await;
    let properties = Properties {
        is_text: true,
        content_type: Some("text/plain".to_owned()),
        response_topic: Some("answers".to_owned()),
        correlation_data: Some(vec![1, 2]),
        user_properties: vec![("unit".to_owned(), "°C".to_owned())],
    };
    let sent = Message {
        retain: true,
        hops: 3,
        expires: Some(Message::expires_after(100)),
        properties: Some(Box::new(properties)),
        ..message("küche/temperatur", "21")
    };
    for (qos, level) in [
        (QoS::AtMostOnce, rumqttc::QoS::AtMostOnce),
        (QoS::AtLeastOnce, rumqttc::QoS::AtLeastOnce),
        (QoS::ExactlyOnce, rumqttc::QoS::ExactlyOnce),
    ] {
        let sent = Message {
            qos,
            ..sent.clone()
        };
        host.broker.publish(sent).await.expect("it is published");
        let got = device.message().await;
        assert_eq!(
            (&*got.topic, &*got.payload),
            ("küche/temperatur".as_bytes(), &b"21"[..])
        );
        assert_eq!(got.qos, level);
        let found = got.properties.expect("some");
        assert!(
            found
                .message_expiry_interval
                .is_some_and(|left| (90..=100).contains(&left))
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = PublishProperties {
            payload_format_indicator: Some(1),
            message_expiry_interval: found.message_expiry_interval,
            response_topic: Some("answers".to_owned()),
            correlation_data: Some(vec![1, 2].into()),
            user_properties: vec![pair("unit", "°C"), pair(HOPS_PROPERTY, "3")],
            content_type: Some("text/plain".to_owned()),
            ..PublishProperties::default()
        };
        assert_eq!(found, expected);
    }
    host.stop().await;
    let mut late = Device::new(mosquitto.address());
    late.subscribe("küche/#", rumqttc::QoS::ExactlyOnce).await;
    assert!(late.message().await.retain);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_for_the_broker_up_to_their_bound_and_as_long_as_somebody_waits() {
    let mut mosquitto = Mosquitto::start().await;
    let mut device = Device::new(mosquitto.address());
    device.subscribe("a/#", rumqttc::QoS::ExactlyOnce).await;
    mosquitto.stop().await;
    let host = Host::open(settings(mosquitto.address(), "host"), &MemoryStore::new()).await;
    eventually("it is known why", async || host.state().last_error).await;

    let given_up = host.broker.publish(message("a/1", "given up"));
    let given_up = tokio::time::timeout(Duration::from_millis(50), given_up).await;
    assert!(given_up.is_err(), "there is nobody to publish to");
    let waiting: Vec<_> = (0..UPSTREAM_QUEUE_MAX)
        .map(|number| {
            let broker = host.broker.clone();
            tokio::spawn(async move { broker.publish(message("a/2", format!("{number}"))).await })
        })
        .collect();
    eventually("all wait", async || {
        (host.state().publishing == UPSTREAM_QUEUE_MAX).then_some(())
    })
    .await;
    let refused = host.broker.publish(message("a/2", "too many")).await;
    assert_eq!(refused, Err(PublishError::UpstreamFull));

    mosquitto.start_again().await;
    for published in soon("all are published", join_all(waiting)).await {
        assert_eq!(published.expect("it does not panic"), Ok(()));
    }
    device.subscribe("a/#", rumqttc::QoS::ExactlyOnce).await;
    host.broker
        .publish(message("a/3", "last"))
        .await
        .expect("it is published");
    loop {
        let got = device.message().await;
        assert_ne!(&*got.payload, b"given up");
        if &*got.payload == b"last" {
            break;
        }
    }
    assert_eq!(host.state().publishing, 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_for_the_broker_harms_no_other_one() {
    let mosquitto =
        Mosquitto::with(|_| "allow_anonymous true\nmax_packet_size 1000\n".to_owned()).await;
    let (host, inbox) = Host::start(
        settings(mosquitto.address(), "host"),
        &MemoryStore::new(),
        &["a"],
    )
    .await;
    let counter = Counter::new(&inbox);
    let broker = &host.broker;
    let (before, large, after) = tokio::join!(
        broker.publish(message("a", "before")),
        broker.publish(message("a", vec![b'x'; 2000])),
        broker.publish(message("a", "after")),
    );
    assert_eq!((before, after), (Ok(()), Ok(())));
    assert!(matches!(large, Err(PublishError::Refused(_))), "{large:?}");
    counter.has_seen("before").await;
    counter.has_seen("after").await;
    assert_eq!(host.state().connects, 2, "it was not disconnected");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_once_the_host_has_stopped() {
    let mosquitto = Mosquitto::start().await;
    let (host, _) = Host::start(
        settings(mosquitto.address(), "host"),
        &MemoryStore::new(),
        &["a"],
    )
    .await;
    let broker = host.broker.clone();
    broker
        .publish(message("b", "x"))
        .await
        .expect("it is published");
    host.stop().await;
    assert_eq!(
        broker.publish(message("b", "y")).await,
        Err(PublishError::Stopped)
    );
}
