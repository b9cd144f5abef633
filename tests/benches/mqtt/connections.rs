//! How fast clients connect, and what one that does nothing costs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tidegate_tests::frames::{self, Lasting};
use tidegate_tests::{SOON, eventually, process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::flow::connect;

/// Clients that connect side by side.
const CONNECTING: usize = 16;
/// Clients that do nothing.
pub(crate) const IDLE: usize = 5000;
/// Memory is read until it has not changed by more than a hundredth between two looks.
const LOOKS_INTERVAL: Duration = Duration::from_millis(500);

/// Clients that connect, are accepted and disconnect again, in a second.
pub(crate) async fn rate(address: SocketAddr, span: Duration) -> f64 {
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..CONNECTING {
        clients.spawn(async move {
            let mut count = 0_u64;
            while start.elapsed() < span {
                come_and_go(address, &format!("passing-{number}")).await;
                count += 1;
            }
            count
        });
    }
    let counts = clients.join_all().await;
    counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64()
}

async fn come_and_go(address: SocketAddr, client_id: &str) {
    let mut stream = connect(address, client_id, Lasting::Clean).await;
    stream
        .write_all(&frames::DISCONNECT)
        .await
        .expect("the broker reads");
    // The broker closes first, so that no port of this side stays behind.
    let _ = stream.read(&mut [0; 16]).await;
}

/// Bytes of the process's memory for each client that is connected, subscribes to something and does nothing.
pub(crate) async fn idle_bytes(address: SocketAddr, process_id: u32) -> f64 {
    let before = settled_memory(process_id).await;
    let mut clients = Vec::with_capacity(IDLE);
    for number in 0..IDLE {
        clients.push(idle_client(address, number).await);
    }
    let after = settled_memory(process_id).await;
    after.saturating_sub(before) as f64 / IDLE as f64
}

async fn idle_client(address: SocketAddr, number: usize) -> TcpStream {
    let mut stream = connect(address, &format!("idle-{number}"), Lasting::Clean).await;
    let mut packet = Vec::new();
    let version = tidegate_tests::raw_mqtt::Version::V311;
    frames::subscribe(&mut packet, version, 1, &format!("idle/{number}/cmd"), 1);
    stream.write_all(&packet).await.expect("the broker reads");
    stream.read_exact(&mut [0; 5]).await.expect("SUBACK");
    stream
}

async fn settled_memory(process_id: u32) -> u64 {
    let mut last = 0;
    eventually("the memory settles", SOON, async || {
        tokio::time::sleep(LOOKS_INTERVAL).await;
        let now = process::memory_bytes(process_id);
        let is_settled = now.abs_diff(last) < now / 100;
        last = now;
        is_settled.then_some(now)
    })
    .await
}
