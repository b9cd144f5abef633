//! What is subscribed to at the external broker, and when.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tidegate_broker::access::{Access, Authenticated, Credentials, Identity, Permissions};
use tidegate_broker::transport::Transport;
use tidegate_broker::upstream::Grant;
use tidegate_broker::{Broker, Disposal, PublishError, Settings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::device::Device;
use crate::eventually;
use crate::host::{Counter, Host, arrival, message, settings, text};
use crate::memory_store::MemoryStore;
use crate::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_returns_when_its_subscriptions_stand() {
    let mosquitto = Mosquitto::start().await;
    let (host, _) = Host::start(
        settings(mosquitto.address(), "host"),
        &MemoryStore::new(),
        &["a"],
    )
    .await;
    let device = Device::new(mosquitto.address());
    for number in 0..20 {
        let topic = format!("new/{number}");
        let inbox = host.deploy("new", &[&topic]).await;
        assert_eq!(device.publish(&topic, "x").await, Some(true), "{topic}");
        arrival(&inbox).await.handled();
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_goes_away_is_unsubscribed_from() {
    let mosquitto = Mosquitto::start().await;
    let (host, _) = Host::start(
        settings(mosquitto.address(), "host"),
        &MemoryStore::new(),
        &["a", "b"],
    )
    .await;
    host.deploy("other", &["b"]).await;
    let device = Device::new(mosquitto.address());
    assert_eq!(device.publish("a", "x").await, Some(true));
    let is_nobodys = async |topic: &str| {
        let has_takers = device.publish(topic, "x").await;
        (has_takers == Some(false)).then_some(())
    };
    host.deploy("function", &["c"]).await;
    eventually("nobody has `a`", async || is_nobodys("a").await).await;
    assert_eq!(device.publish("b", "x").await, Some(true));
    host.broker.close("other", Disposal::Drop);
    eventually("nobody has `b`", async || is_nobodys("b").await).await;
    assert_eq!(device.publish("c", "x").await, Some(true));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_went_away_while_the_host_was_off_is_unsubscribed_from() {
    let mosquitto = Mosquitto::start().await;
    let (address, store) = (mosquitto.address(), MemoryStore::new());
    let (host, _) = Host::start(settings(address, "host"), &store, &["a", "b"]).await;
    // So that it is on disk which filters the function has.
    eventually("retained messages were waited for", async || {
        let stored = tidegate_broker::store::Store::load(&store).await;
        let stored = stored.expect("the store works");
        (stored.inboxes.first()?.filters.len() == 2).then_some(())
    })
    .await;
    host.stop().await;
    let device = Device::new(address);
    assert_eq!(
        device.publish("a", "x").await,
        Some(true),
        "the session waits"
    );
    let (host, _) = Host::start(settings(address, "host"), &store, &["b"]).await;
    eventually("nobody has `a`", async || {
        (device.publish("a", "x").await == Some(false)).then_some(())
    })
    .await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_nobody_waits_for_subscriptions() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let host = Host::open(settings(address, "host"), &MemoryStore::new())
        .await
        .serve();
    host.deploy("function", &["a"]).await;
    let state = eventually("it is known why", async || {
        let state = host.state();
        state.last_error.is_some().then_some(state)
    })
    .await;
    assert!(!state.is_connected);
    assert!(state.last_error.expect("some").contains("refused"));
    assert_eq!(state.subscriptions[0].grant, Grant::Wanted);
    host.stop().await;
}

/// Lets everybody in, to everything but the topics that begin with `$`.
struct Everybody;

impl Access for Everybody {
    fn authenticate<'a>(&'a self, _: &'a Credentials) -> Authenticated<'a> {
        let permissions = Permissions::all();
        let identity = Identity {
            name: None,
            permissions: Arc::new(ArcSwapOption::from_pointee(permissions)),
            expires: None,
        };
        Box::pin(async { Ok(identity) })
    }

    fn permissions(&self, _: &str) -> Option<Arc<Permissions>> {
        None
    }
}

/// Tidegate's own broker as the external one: it says why it refuses something, or ends a connection.
struct External {
    broker: Broker,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl External {
    async fn start() -> External {
        let (store, settings) = (Arc::new(MemoryStore::new()), Settings::default());
        let opened = Broker::open(store, Arc::new(Everybody), &settings).await;
        let broker = opened.expect("the store works");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (broker, stop) = (broker.clone(), stop.clone());
            async move { broker.serve(listener, Transport::tcp(), stop).await }
        });
        External {
            broker,
            address,
            stop,
            serving,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.expect("it ends");
        self.broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_refuses_is_told() {
    let external = External::start().await;
    let (host, inbox) = Host::start(
        settings(external.address, "host"),
        &MemoryStore::new(),
        &["a/+", "$other/x"],
    )
    .await;
    let subscriptions = host.state().subscriptions.into_iter();
    let grants: BTreeMap<String, Grant> = subscriptions
        .map(|subscription| (subscription.filter.to_string(), subscription.grant))
        .collect();
    assert_eq!(grants["a/+"], Grant::Granted);
    assert_eq!(
        grants["$other/x"],
        Grant::Refused("not authorized".to_owned())
    );
    let refused = host.broker.publish(message("$other/x", "x")).await;
    assert!(
        matches!(refused, Err(PublishError::Refused(_))),
        "{refused:?}"
    );
    let published = host.broker.publish(message("a/b", "there and back")).await;
    assert_eq!(published, Ok(()));
    let arrival = arrival(&inbox).await;
    assert_eq!(text(&arrival), "there and back");
    arrival.handled();
    host.acknowledged().await;
    host.stop().await;
    external.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_the_right_one_works() {
    let mosquitto = Mosquitto::with(|directory| {
        let file = directory.join("passwords");
        let made = std::process::Command::new("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(&file)
            .args(["anna@plant", "sesame"])
            .status();
        assert!(made.expect("mosquitto_passwd is installed").success());
        format!("allow_anonymous false\npassword_file {}\n", file.display())
    })
    .await;
    let with = |password: &str| {
        let address = format!("mqtt://anna@plant@{}", mosquitto.address());
        let mut settings = settings(mosquitto.address(), "host");
        settings.address = address.parse().expect("an address");
        settings.password = Some(tidegate_broker::upstream::Password::new(
            password.to_owned(),
        ));
        settings
    };
    let host = Host::open(with("wrong"), &MemoryStore::new()).await.serve();
    let reason = eventually("it is known why", async || host.state().last_error).await;
    assert!(
        reason.contains("user name") && !reason.contains("wrong\""),
        "{reason}"
    );
    host.stop().await;
    let (host, inbox) = Host::start(with("sesame"), &MemoryStore::new(), &["a"]).await;
    let counter = Counter::new(&inbox);
    host.broker
        .publish(message("a", "x"))
        .await
        .expect("it is published");
    counter.has_seen("x").await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_with_the_same_client_id_are_told() {
    let external = External::start().await;
    let settings = settings(external.address, "host");
    let (one, _) = Host::start(settings.clone(), &MemoryStore::new(), &["a"]).await;
    let other = Host::open(settings, &MemoryStore::new()).await.serve();
    eventually("it is known why", async || {
        let reasons = [&one, &other].map(|host| host.state().last_error);
        let is_told = |reason: &String| reason.contains("a copy of another");
        reasons.iter().flatten().any(is_told).then_some(())
    })
    .await;
    one.stop().await;
    other.stop().await;
    external.stop().await;
}
