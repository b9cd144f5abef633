//! Who may start: the concurrency, queue and rate of one function.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::manifest::FunctionLimits;
use crate::model::quantity::Rate;

/// Why an event was turned away before it became an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All places are taken and the queue is full.
    QueueFull,
    /// It waited for its whole time limit.
    QueueTimeout,
    /// A call within an app found no room in the pool.
    PoolFull,
    /// More events than the function's rate.
    RateLimited {
        /// When one more will be taken.
        retry_after: Duration,
    },
}

impl Refusal {
    /// The stable word for metrics and problem documents.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::QueueFull | Refusal::QueueTimeout | Refusal::PoolFull => "overloaded",
            Refusal::RateLimited { .. } => "rate_limited",
        }
    }
}

/// Gives out the places of one function.
pub struct Admission {
    places: Arc<Semaphore>,
    concurrency: u32,
    waiting: AtomicU32,
    waiting_max: u32,
    rate: Option<Mutex<Pace>>,
}

/// A rate as a pace: each event takes a share of the period, and a whole period may be used up at once.
struct Pace {
    share: Duration,
    period: Duration,
    next: Instant,
}

/// One that waits, counted for as long as it does.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// The admission that these limits describe.
    pub fn new(limits: &FunctionLimits) -> Admission {
        Admission {
            places: Arc::new(Semaphore::new(limits.concurrency as usize)),
            concurrency: limits.concurrency,
            waiting: AtomicU32::new(0),
            waiting_max: limits.queue,
            rate: limits.rate.map(|rate| Mutex::new(Pace::new(rate))),
        }
    }

    /// A place, at once or after waiting in the queue until `deadline`.
    pub async fn enter(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Some(pace) = &self.rate {
            let taken = pace
                .lock()
                .expect("no holder of this lock panics")
                .take(Instant::now());
            taken.map_err(|retry_after| Refusal::RateLimited { retry_after })?;
        }
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.waiting_max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::QueueFull);
        }
        let _waiting = Waiting(&self.waiting);
        let place =
            tokio::time::timeout_at(deadline.into(), self.places.clone().acquire_owned()).await;
        Ok(place
            .map_err(|_| Refusal::QueueTimeout)?
            .expect("the semaphore is never closed"))
    }

    /// Invocations that have a place, and events that wait for one.
    pub fn figures(&self) -> (u32, u32) {
        let free = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        let in_flight = self.concurrency.saturating_sub(free);
        (in_flight, self.waiting.load(Ordering::Relaxed))
    }

    /// A place, however long it takes: for events that have waited in a queue of their own.
    pub async fn enter_patiently(&self) -> OwnedSemaphorePermit {
        self.places
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }
}

impl Pace {
    fn new(rate: Rate) -> Pace {
        Pace {
            share: rate.period / rate.events,
            period: rate.period,
            next: Instant::now(),
        }
    }

    /// Takes one event's share, or says how long it will be until there is one.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let next = self.next.max(now) + self.share;
        let ahead = next.duration_since(now);
        if ahead > self.period {
            return Err(ahead - self.period);
        }
        self.next = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_takes_one_period_at_once_and_then_its_rate() {
        let mut pace = Pace::new("10/s".parse().expect("a rate"));
        let start = Instant::now();
        assert_eq!((0..20).filter(|_| pace.take(start).is_ok()).count(), 10);
        let retry_after = pace.take(start).expect_err("used up");
        assert!(retry_after <= Duration::from_millis(101), "{retry_after:?}");
        let later = start + Duration::from_millis(350);
        assert_eq!((0..20).filter(|_| pace.take(later).is_ok()).count(), 3);
    }
}
