//! An external broker in the embedded one's place: with Mosquitto, with rumqttd and with a Tidegate that has one.

#[path = "upstream/delivery.rs"]
mod delivery;
#[path = "upstream/device.rs"]
mod device;
#[path = "upstream/host.rs"]
mod host;
#[path = "upstream/memory_store.rs"]
mod memory_store;
#[path = "upstream/mosquitto.rs"]
mod mosquitto;
#[path = "upstream/others.rs"]
mod others;
#[path = "upstream/publishing.rs"]
mod publishing;
#[path = "upstream/restarts.rs"]
mod restarts;
#[path = "upstream/retained.rs"]
mod retained;
#[path = "upstream/subscriptions.rs"]
mod subscriptions;
#[path = "upstream/tls.rs"]
mod tls;

use std::time::{Duration, Instant};

/// The longest that anything takes, on a machine that has other things to do.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits for what happens soon.
async fn soon<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TIMEOUT, awaited).await {
        Ok(result) => result,
        Err(_) => panic!("not within {TIMEOUT:?}: {what}"),
    }
}

/// Asks again and again until there is an answer.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    let mut interval = tokio::time::interval(Duration::from_millis(10));
    loop {
        interval.tick().await;
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
    }
}
