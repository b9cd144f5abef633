//! Accepting connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::Broker;
use crate::connection;
use crate::transport::Transport;

impl Broker {
    /// Serves clients that connect to this listener, until `stop`; then tells those that are connected, and waits for their
    /// connections' end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        transport: Transport,
        stop: CancellationToken,
    ) {
        if let Ok(address) = listener.local_addr() {
            self.0.connections.listens(address);
        }
        let transport = Arc::new(transport);
        let connections = TaskTracker::new();
        loop {
            let (socket, address) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "an MQTT connection could not be accepted");
                        // Out of file descriptors, most likely: give others time to close theirs.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            if !self.0.connections.has_room() {
                self.0
                    .connections
                    .count_refused(address, "too many are connected");
                tracing::warn!(%address, "an MQTT client was refused: too many are connected");
                continue;
            }
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            let inner = self.0.clone();
            let transport = transport.clone();
            connections.spawn(connection::serve(
                inner,
                socket,
                address,
                transport,
                stop.clone(),
            ));
        }
        connections.close();
        connections.wait().await;
    }
}
