//! What a function did in the last hour, minute by minute: how often it ran, how often it failed, how long it took.
//!
//! Minutes without an invocation take no room.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::limits::ACTIVITY_MINUTES;

/// Upper bounds of the classes that times are counted in, in seconds. There is one more class beyond the last.
pub const LATENCY_BOUNDS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// Counts of one class each.
pub type Latencies = [u32; LATENCY_BOUNDS.len() + 1];

/// One minute in which something ran.
#[derive(Clone, Debug)]
pub struct Minute {
    /// Minutes since 1970.
    pub number: u64,
    /// Invocations that ended.
    pub invocations: u32,
    /// Those of them that did not end well.
    pub failures: u32,
    /// How long they took, by class.
    pub latencies: Latencies,
}

/// The last [`ACTIVITY_MINUTES`] minutes.
#[derive(Clone, Debug, Default)]
pub struct Activity(VecDeque<Minute>);

impl Activity {
    /// Counts an invocation that ended now.
    pub(super) fn add(&mut self, now: SystemTime, took: Duration, has_failed: bool) {
        let number = minute_of(now);
        // A clock that was far ahead is not believed any more.
        if self.0.back().is_some_and(|last| last.number > number + 1) {
            self.0.retain(|minute| minute.number <= number);
        }
        // One that was set back a little counts into the last minute there is.
        if self.0.back().is_none_or(|last| last.number < number) {
            self.0.push_back(Minute {
                number,
                invocations: 0,
                failures: 0,
                latencies: Latencies::default(),
            });
            let oldest = number.saturating_sub(ACTIVITY_MINUTES as u64 - 1);
            self.0.retain(|minute| minute.number >= oldest);
        }
        let minute = self.0.back_mut().expect("there is one now");
        minute.invocations = minute.invocations.saturating_add(1);
        minute.failures = minute.failures.saturating_add(has_failed.into());
        let count = &mut minute.latencies[class_of(took)];
        *count = count.saturating_add(1);
    }

    /// Minutes of the last hour in which something ran, oldest first.
    pub fn minutes(&self, now: SystemTime) -> impl Iterator<Item = &Minute> {
        let oldest = minute_of(now).saturating_sub(ACTIVITY_MINUTES as u64 - 1);
        self.0.iter().filter(move |minute| minute.number >= oldest)
    }

    /// A figure of each of the last minutes, oldest first; the last one is still running.
    pub fn series(&self, now: SystemTime, of: impl Fn(&Minute) -> u32) -> Vec<u32> {
        let mut series = vec![0; ACTIVITY_MINUTES];
        let this = minute_of(now);
        for minute in self.minutes(now) {
            let ago = usize::try_from(this.saturating_sub(minute.number)).unwrap_or(usize::MAX);
            if let Some(index) = (ACTIVITY_MINUTES - 1).checked_sub(ago) {
                series[index] = of(minute);
            }
        }
        series
    }

    /// The time that this share of the invocations of the last `minutes` took at most, about; nothing where there were
    /// none.
    pub fn quantile(&self, now: SystemTime, minutes: u64, share: f64) -> Option<Duration> {
        let oldest = minute_of(now).saturating_sub(minutes - 1);
        let recent = self.0.iter().filter(|minute| minute.number >= oldest);
        let mut counts = [0_u64; LATENCY_BOUNDS.len() + 1];
        for minute in recent {
            for (count, more) in counts.iter_mut().zip(minute.latencies) {
                *count += u64::from(more);
            }
        }
        quantile(&counts, share)
    }
}

/// Where in its class the wanted one lies is taken from how many there are, as Prometheus' `histogram_quantile` does.
fn quantile(counts: &[u64], share: f64) -> Option<Duration> {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return None;
    }
    let rank = share * all as f64;
    let mut before = 0_u64;
    for (class, count) in counts.iter().enumerate() {
        let within = before + count;
        if within as f64 >= rank && *count > 0 {
            let lower = class
                .checked_sub(1)
                .map_or(0.0, |below| LATENCY_BOUNDS[below]);
            let Some(upper) = LATENCY_BOUNDS.get(class) else {
                return Some(Duration::from_secs_f64(lower));
            };
            let part = (rank - before as f64) / *count as f64;
            return Some(Duration::from_secs_f64(lower + (upper - lower) * part));
        }
        before = within;
    }
    None
}

fn class_of(took: Duration) -> usize {
    let seconds = took.as_secs_f64();
    LATENCY_BOUNDS.partition_point(|bound| *bound < seconds)
}

fn minute_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
        / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const START: SystemTime = UNIX_EPOCH;

    #[test]
    fn minutes_are_counted_apart_and_forgotten_after_an_hour() {
        let mut activity = Activity::default();
        let now = START + 100 * MINUTE;
        activity.add(now, Duration::from_millis(3), false);
        activity.add(now, Duration::from_millis(3), true);
        activity.add(now + 2 * MINUTE, Duration::from_millis(3), false);
        let later = now + 2 * MINUTE;
        let series = activity.series(later, |minute| minute.invocations);
        assert_eq!(series.len(), ACTIVITY_MINUTES);
        assert_eq!(series[ACTIVITY_MINUTES - 3..], [2, 0, 1]);
        let failures = activity.series(later, |minute| minute.failures);
        assert_eq!(failures.iter().sum::<u32>(), 1);
        let much_later = now + 61 * MINUTE;
        assert_eq!(activity.minutes(much_later).count(), 1);
        activity.add(now + 1000 * MINUTE, Duration::ZERO, false);
        assert_eq!(activity.0.len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let mut activity = Activity::default();
        activity.add(START + 100 * MINUTE, Duration::ZERO, false);
        activity.add(START + 99 * MINUTE, Duration::ZERO, false);
        assert_eq!(activity.0.back().map(|minute| minute.invocations), Some(2));
    }

    #[test]
    fn minutes_of_a_clock_that_was_far_ahead_are_forgotten() {
        let mut activity = Activity::default();
        activity.add(START + 100_000 * MINUTE, Duration::ZERO, false);
        activity.add(START + 100 * MINUTE, Duration::ZERO, true);
        let numbers: Vec<u64> = activity.0.iter().map(|minute| minute.number).collect();
        assert_eq!(numbers, [100]);
    }

    #[test]
    fn quantiles_lie_within_the_class_of_what_they_stand_for() {
        let mut activity = Activity::default();
        let now = START + 100 * MINUTE;
        assert_eq!(activity.quantile(now, 15, 0.5), None);
        for _ in 0..99 {
            activity.add(now, Duration::from_micros(1500), false);
        }
        activity.add(now, Duration::from_secs(100), false);
        let half = activity.quantile(now, 15, 0.5).expect("there are some");
        assert!((1000..2500).contains(&half.as_micros()), "{half:?}");
        let last = activity.quantile(now, 15, 1.0).expect("there are some");
        assert_eq!(last, MINUTE, "as much as is known of it");
        assert_eq!(activity.quantile(now + 20 * MINUTE, 15, 0.5), None);
    }
}
