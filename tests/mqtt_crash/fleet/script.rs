//! A fixed sequence of all that changes what a broker keeps, one step after the other: the same writes each time, as far as
//! the broker's own timing allows.

use tokio::time::timeout;

use super::Fleet;
use crate::mqtt_crash::device::Presence;
use tidegate_tests::SOON;

impl Fleet {
    /// Goes through the script. The broker may come and go meanwhile; what is not acknowledged in time is a fault.
    pub(crate) async fn script(&mut self) {
        self.arrive().await;
        for _ in 0..2 {
            // Takers that are there.
            for publisher in 0..self.publishers.len() {
                self.publish(publisher, 2);
                self.acknowledged().await;
            }
            for _ in 0..3 {
                self.retain();
                self.fickle.change(&mut self.chance);
                self.acknowledged().await;
            }
            // Takers that are away, so that all that they are to get is kept, and that come back.
            for subscriber in &self.subscribers {
                subscriber.be(Presence::Away);
            }
            for publisher in 0..self.publishers.len() {
                self.publish(publisher, 2);
                self.published().await;
            }
            self.arrive().await;
            self.received().await;
        }
    }

    async fn acknowledged(&self) {
        for device in self.devices() {
            if timeout(SOON, device.idle()).await.is_err() {
                let fault = "a step of the script is never acknowledged".to_owned();
                self.ledger.fault(fault);
            }
        }
    }

    /// As [`Fleet::acknowledged`], while subscribers are away.
    async fn published(&self) {
        for publisher in &self.publishers {
            if timeout(SOON, publisher.device.idle()).await.is_err() {
                let fault = "a message of the script is never acknowledged".to_owned();
                self.ledger.fault(fault);
            }
        }
    }
}
