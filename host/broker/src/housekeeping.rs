//! What happens by itself: sessions and retained messages expire, delayed wills are published, figures are told.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::broker::Inner;
use crate::delivery::Publication;
use crate::message::{Message, QoS};
use crate::store::Change;

const INTERVAL: Duration = Duration::from_secs(1);

/// Looks after sessions until the broker stops or is gone.
pub(crate) async fn run(inner: Weak<Inner>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0_u64;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        round += 1;
        inner.look_after_sessions();
        if round.is_multiple_of(10) {
            inner.expire_retained();
            inner.publish_figures();
            inner.router.topics.rest();
        }
    }
}

impl Inner {
    fn look_after_sessions(self: &Arc<Inner>) {
        let now = Instant::now();
        for session in self.registry.all() {
            let (will, is_over, is_waiting) = {
                let mut state = session.state();
                let will_is_due = state.will_due.is_some_and(|due| due <= now);
                let will = if will_is_due {
                    state.will_due = None;
                    state.will.take()
                } else {
                    None
                };
                let is_over = state.is_over(now);
                if is_over {
                    state.has_ended = true;
                } else if will.is_some() && session.is_stored() {
                    // It is published once, not once more after each start of the host.
                    let record = Change::Session(session.record(&state));
                    self.router.spool.change(record, None);
                }
                let is_waiting = state.is_stuck() || state.link.is_none();
                (will, is_over, is_waiting)
            };
            if is_waiting {
                self.pass_shared_on(&session);
            }
            if let Some(will) = will {
                self.publish_will(&session, will);
            }
            if is_over {
                self.end_session(&session);
            }
        }
    }

    fn expire_retained(&self) {
        // Under the lock, so that what is retained next on such a topic comes behind it.
        let mut retained = self.router.retained();
        for topic in retained.expire() {
            let cleared = Publication {
                id: 0,
                message: Message::new(topic, bytes::Bytes::new(), QoS::AtMostOnce),
                publisher: 0,
            };
            self.router.spool.retain(&Arc::new(cleared), None);
        }
    }
}
