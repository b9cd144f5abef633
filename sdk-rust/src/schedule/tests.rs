//! Ticks, as unit tests of functions make them.

use std::time::{Duration, SystemTime};

use crate::{Tick, mqtt, schedule_handler, testing};

#[schedule_handler(
    cron = ["0 6 * * *", "0 18 * * *"],
    timezone = "Europe/Berlin",
    bucket = "default",
    publish = "reports/#"
)]
fn report(tick: Tick) -> Result<(), mqtt::Error> {
    mqtt::publish(format!("reports/{}", tick.local_date()), tick.cron)
}

#[test]
fn an_annotated_function_stays_a_function() {
    let tick = testing::tick("2026-03-29T03:00:00+02:00");
    assert_eq!(report(tick), Ok(()));
    assert_eq!(testing::published()[0].topic, "reports/2026-03-29");
}

#[test]
fn a_tick_is_due_when_its_text_says() {
    let since = |text| {
        let scheduled = testing::tick(text).scheduled;
        let since = scheduled.duration_since(SystemTime::UNIX_EPOCH);
        since.expect("after 1970")
    };
    assert_eq!(since("1970-01-01T00:00:00Z"), Duration::ZERO);
    assert_eq!(
        since("2000-02-29T12:00:01Z"),
        Duration::from_secs(951_825_601)
    );
    let berlin = since("2026-03-29T03:00:00+02:00");
    assert_eq!(berlin, since("2026-03-29T01:00:00Z"));
    assert_eq!(berlin, since("2026-03-28T20:30:00-04:30"));
    assert_eq!(testing::tick("2026-03-29T01:00:00Z").attempt, 1);
}

#[test]
#[should_panic(expected = "as in `2026-03-29T03:00:00+02:00`")]
fn a_tick_at_no_time_is_refused() {
    testing::tick("tomorrow");
}
