//! Loading one function's component: one attempt at a time, whose end answers all events that wait for it.
//!
//! ```text
//!  not begun -> under way -> loaded
//!                ^    |
//!                |    v
//!                failed, for a while
//! ```
//!
//! An attempt is a task of its own: it may take longer than its event waits, and is not to begin anew with the next.
//! While the last one's failure stands, nothing is tried: a component that cannot be loaded must not keep the compiler
//! from all others.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::ready::LoadError;
use crate::limits::LOAD_RETRY_PAUSE_MIN;

/// The last attempt, if there was one.
#[derive(Default)]
pub(super) struct Attempts(Mutex<Option<watch::Receiver<Attempt>>>);

/// How far an attempt has come.
enum Attempt {
    UnderWay,
    Loaded,
    Failed {
        error: Arc<LoadError>,
        /// When it may be tried again.
        until: Instant,
    },
}

impl Attempts {
    /// Waits for the attempt that is under way, or for a new one; an error that still stands comes at once. Waiting may
    /// be given up, which the attempt takes no notice of.
    pub(super) async fn load<F>(
        &self,
        runtime: &Handle,
        load: impl FnOnce() -> F,
    ) -> Result<(), Arc<LoadError>>
    where
        F: Future<Output = Result<(), LoadError>> + Send + 'static,
    {
        let mut attempt = self.current_or(|| begin(runtime, load()));
        let ended = attempt.wait_for(|attempt| !matches!(attempt, Attempt::UnderWay));
        match ended.await.as_deref() {
            Ok(Attempt::Failed { error, .. }) => Err(error.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err(LoadError::BrokenOff.into()),
        }
    }

    fn current_or(
        &self,
        begin: impl FnOnce() -> watch::Receiver<Attempt>,
    ) -> watch::Receiver<Attempt> {
        let mut last = self.0.lock().expect("no holder of this lock panics");
        let current = last.take().filter(|last| {
            let is_under_way = last.has_changed().is_ok();
            is_under_way || last.borrow().stands(Instant::now())
        });
        last.insert(current.unwrap_or_else(begin)).clone()
    }
}

impl Attempt {
    fn of(result: Result<(), LoadError>, took: Duration) -> Attempt {
        match result {
            Ok(()) => Attempt::Loaded,
            Err(error) => Attempt::Failed {
                error: error.into(),
                // As long again as it took, so that it has half of the compiler's time at most.
                until: Instant::now() + took.max(LOAD_RETRY_PAUSE_MIN),
            },
        }
    }

    /// Whether this is how an attempt has ended, and nothing is to be tried at this time.
    fn stands(&self, now: Instant) -> bool {
        match self {
            // Nobody goes on with it.
            Attempt::UnderWay => false,
            Attempt::Loaded => true,
            Attempt::Failed { until, .. } => now < *until,
        }
    }
}

/// No guest, and nothing that a drain waits for: it ends with the runtime.
fn begin<F>(runtime: &Handle, load: F) -> watch::Receiver<Attempt>
where
    F: Future<Output = Result<(), LoadError>> + Send + 'static,
{
    let (ended, attempt) = watch::channel(Attempt::UnderWay);
    runtime.spawn(async move {
        let began = Instant::now();
        let result = load.await;
        ended.send_replace(Attempt::of(result, began.elapsed()));
    });
    attempt
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// An attempt that is counted, and fails as soon as it may.
    async fn fails(count: Arc<AtomicUsize>, may_end: Arc<Semaphore>) -> Result<(), LoadError> {
        count.fetch_add(1, Ordering::Relaxed);
        let _permit = may_end.acquire().await;
        Err(LoadError::Link("on purpose".to_owned()))
    }

    #[tokio::test]
    async fn one_attempt_answers_all_and_its_error_stands_for_a_while() {
        let attempts = Attempts::default();
        let (count, may_end) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let runtime = Handle::current();
        let load = || attempts.load(&runtime, || fails(Arc::clone(&count), may_end.clone()));
        let given_up = tokio::time::timeout(Duration::ZERO, load()).await;
        assert!(given_up.is_err(), "it is under way");
        let all = join_all((0..10).map(|_| load()));
        let (all, ()) = tokio::join!(all, async { may_end.add_permits(1) });
        let failed = |result: &Result<(), Arc<LoadError>>| {
            let error = result.as_ref().expect_err("it fails");
            matches!(**error, LoadError::Link(_))
        };
        assert!(all.iter().all(failed));
        assert!(failed(&load().await));
        assert_eq!(count.load(Ordering::Relaxed), 1);

        let long_ago = Attempt::Failed {
            error: LoadError::BrokenOff.into(),
            until: Instant::now(),
        };
        let (_, ended) = watch::channel(long_ago);
        *attempts.0.lock().expect("nobody panics") = Some(ended);
        assert!(failed(&load().await));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn an_attempt_that_panics_is_not_waited_for() {
        let attempts = Attempts::default();
        let runtime = Handle::current();
        let result = attempts.load(&runtime, || async { panic!("on purpose") });
        let error = result.await.expect_err("it panics");
        assert!(matches!(*error, LoadError::BrokenOff), "{error}");
        let result = attempts.load(&runtime, || async { Ok(()) });
        result.await.expect("it is tried again");
    }

    #[test]
    fn what_takes_long_to_fail_is_left_alone_for_as_long() {
        let failed = |took| Attempt::of(Err(LoadError::BrokenOff), took);
        let now = Instant::now();
        assert!(failed(Duration::ZERO).stands(now + LOAD_RETRY_PAUSE_MIN));
        let took = LOAD_RETRY_PAUSE_MIN * 10;
        assert!(failed(took).stands(now + took));
        assert!(!failed(took).stands(now + took * 2));
    }
}
