//! Which times expressions name, across changes of clocks, and what is due of them.

use super::*;

fn trigger(cron: &str, timezone: &str) -> ScheduleTrigger {
    ScheduleTrigger {
        cron: cron.parse().expect("a cron expression"),
        timezone: timezone.parse().expect("a time zone"),
        attempts: None,
    }
}

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The next times after a moment in UTC are these, as the zone's clocks show them.
#[track_caller]
fn check(cron: &str, timezone: &str, after: &str, expected: &[&str]) {
    let schedule = trigger(cron, timezone);
    let times = schedule.times_after(moment(after)).take(expected.len());
    let times: Vec<String> = times.map(|time| rfc3339(&time)).collect();
    assert_eq!(times, expected, "`{cron}` in {timezone}");
}

#[test]
fn five_fields_begin_with_minutes_and_six_with_seconds() {
    let after = "2026-01-01T00:00:00Z";
    check(
        "*/20 * * * *",
        "UTC",
        after,
        &[
            "2026-01-01T00:20:00+00:00",
            "2026-01-01T00:40:00+00:00",
            "2026-01-01T01:00:00+00:00",
        ],
    );
    check(
        "*/20 * * * * *",
        "UTC",
        after,
        &[
            "2026-01-01T00:00:20+00:00",
            "2026-01-01T00:00:40+00:00",
            "2026-01-01T00:01:00+00:00",
        ],
    );
    check(
        "0 0 12 1 1 * 2030",
        "UTC",
        after,
        &["2030-01-01T12:00:00+00:00"],
    );
    check(
        "@daily",
        "UTC",
        after,
        &["2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00"],
    );
}

#[test]
fn a_step_goes_from_a_value_to_the_end_of_its_field() {
    let after = "2026-01-04T23:59:59Z";
    check(
        "0/15 * * * *",
        "UTC",
        after,
        &["2026-01-05T00:00:00+00:00", "2026-01-05T00:15:00+00:00"],
    );
    check(
        "1/29 * * * * *",
        "UTC",
        after,
        &[
            "2026-01-05T00:00:01+00:00",
            "2026-01-05T00:00:30+00:00",
            "2026-01-05T00:00:59+00:00",
            "2026-01-05T00:01:01+00:00",
        ],
    );
    check(
        "0 1/58 11,12 5-10 * * *",
        "UTC",
        after,
        &[
            "2026-01-05T11:01:00+00:00",
            "2026-01-05T11:59:00+00:00",
            "2026-01-05T12:01:00+00:00",
        ],
    );
    check(
        "0 /12 * * FRI/1",
        "UTC",
        after,
        &[
            "2026-01-09T00:00:00+00:00",
            "2026-01-09T12:00:00+00:00",
            "2026-01-10T00:00:00+00:00",
        ],
    );
    check(
        "0 0 0 1 1 ? 2027/2",
        "UTC",
        after,
        &["2027-01-01T00:00:00+00:00", "2029-01-01T00:00:00+00:00"],
    );
}

#[test]
fn a_day_of_the_month_and_a_weekday_are_alternatives_unless_a_plus_joins_them() {
    let after = "2026-01-01T00:00:00Z";
    check(
        "0 0 13 * FRI",
        "UTC",
        after,
        &["2026-01-02T00:00:00+00:00", "2026-01-09T00:00:00+00:00"],
    );
    check(
        "0 0 13 * +FRI",
        "UTC",
        after,
        &["2026-02-13T00:00:00+00:00", "2026-03-13T00:00:00+00:00"],
    );
    check("0 0 13 * +*", "UTC", after, &["2026-01-13T00:00:00+00:00"]);
}

#[test]
fn names_and_last_days_are_understood() {
    check(
        "0 6 * feb mon-tue",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2026-02-02T06:00:00+00:00", "2026-02-03T06:00:00+00:00"],
    );
    check(
        "0 0 L * *",
        "UTC",
        "2028-01-01T00:00:00Z",
        &[
            "2028-01-31T00:00:00+00:00",
            "2028-02-29T00:00:00+00:00",
            "2028-03-31T00:00:00+00:00",
        ],
    );
    check(
        "0 12 * * FRI#L",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2026-01-30T12:00:00+00:00", "2026-02-27T12:00:00+00:00"],
    );
    check(
        "0 0 29 2 *",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2028-02-29T00:00:00+00:00", "2032-02-29T00:00:00+00:00"],
    );
}

#[test]
fn the_clocks_of_the_zone_are_what_counts() {
    check(
        "30 6 * * *",
        "Asia/Kolkata",
        "2026-06-01T00:00:00Z",
        &["2026-06-01T06:30:00+05:30", "2026-06-02T06:30:00+05:30"],
    );
    check(
        "0 8 * * *",
        "america/new_york",
        "2026-03-07T00:00:00Z",
        &["2026-03-07T08:00:00-05:00", "2026-03-08T08:00:00-04:00"],
    );
}

#[test]
fn a_fixed_time_in_the_hour_that_is_left_out_runs_right_after_it() {
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T00:00:00Z",
        &[
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ],
    );
    check(
        "30 2 * * *",
        "America/New_York",
        "2026-03-07T06:00:00Z",
        &[
            "2026-03-07T02:30:00-05:00",
            "2026-03-08T03:00:00-04:00",
            "2026-03-09T02:30:00-04:00",
        ],
    );
    // What comes often has no time in an hour that there is not.
    check(
        "*/30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        &["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00"],
    );
}

#[test]
fn a_fixed_time_in_the_hour_that_comes_twice_runs_once() {
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
    );
    check(
        "30 1 * * *",
        "America/New_York",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
    check(
        "30 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:00:00Z",
        &[
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:30:00+01:00",
        ],
    );
}

#[test]
fn times_are_in_order_and_a_second_apart_at_least() {
    for timezone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
        for cron in [
            "* * * * * *",
            "*/7 59 * * * *",
            "0 */10 * * * *",
            "30 2 * * *",
        ] {
            let schedule = trigger(cron, timezone);
            for from in [
                "2026-03-29T00:59:50Z",
                "2026-04-04T14:59:50Z",
                "2026-10-25T00:59:50Z",
                "2026-11-01T05:59:50Z",
            ] {
                let mut last = moment(from);
                for time in schedule.times_after(last).take(200) {
                    let apart = time.timestamp().duration_since(last);
                    assert!(
                        apart >= SignedDuration::from_secs(1),
                        "{cron} {timezone} {time}"
                    );
                    assert_eq!(time.timestamp().subsec_nanosecond(), 0);
                    last = time.timestamp();
                }
            }
        }
    }
}

/// What a plan for this time says: the tick's time in UTC and how many were missed.
fn run(schedule: &ScheduleTrigger, last: &str, now: &str) -> (String, u32) {
    match schedule.plan(moment(last), moment(now)) {
        Plan::Run { at, missed } => (at.timestamp().to_string(), missed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tick_is_due_from_its_second_on() {
    let schedule = trigger("*/5 * * * *", "UTC");
    let last = "2026-01-01T00:00:00Z";
    let wait = Plan::Wait(moment("2026-01-01T00:05:00Z"));
    assert_eq!(schedule.plan(moment(last), moment(last)), wait);
    let before = moment("2026-01-01T00:04:59.999Z");
    assert_eq!(schedule.plan(moment(last), before), wait);
    let due = ("2026-01-01T00:05:00Z".to_owned(), 0);
    assert_eq!(run(&schedule, last, "2026-01-01T00:05:00Z"), due);
    assert_eq!(run(&schedule, last, "2026-01-01T00:09:59.9Z"), due);
}

#[test]
fn of_what_was_missed_the_latest_runs_and_the_others_are_counted() {
    let schedule = trigger("*/5 * * * *", "UTC");
    let last = "2026-01-01T00:00:00Z";
    assert_eq!(
        run(&schedule, last, "2026-01-01T00:21:00Z"),
        ("2026-01-01T00:20:00Z".to_owned(), 3)
    );
    let (at, missed) = run(&trigger("* * * * * *", "UTC"), last, "2027-01-01T00:00:00Z");
    assert_eq!(
        (at.as_str(), missed),
        ("2027-01-01T00:00:00Z", MISSED_TICKS_COUNTED)
    );
}

#[test]
fn catching_up_meets_the_last_of_all_times_whatever_the_clocks_did() {
    for timezone in [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
    ] {
        for cron in [
            "30 2 * * *",
            "*/13 * * * *",
            "0 1-4 * * *",
            "15,45 2 * * *",
            "0 0 2 * * *",
        ] {
            let schedule = trigger(cron, timezone);
            for from in [
                "2026-03-08T00:00:00Z",
                "2026-03-28T20:00:00Z",
                "2026-10-24T20:00:00Z",
                "2026-11-01T00:00:00Z",
            ] {
                let last = moment(from);
                for minutes in (1..48 * 60).step_by(41) {
                    let now = last + SignedDuration::from_mins(minutes);
                    let passed = schedule
                        .times_after(last)
                        .take_while(|time| time.timestamp() <= now);
                    let passed: Vec<Zoned> = passed.collect();
                    match schedule.plan(last, now) {
                        Plan::Run { at, missed } => {
                            assert_eq!(Some(&at), passed.last(), "{cron} {timezone} {now}");
                            assert_eq!(
                                missed as usize,
                                passed.len() - 1,
                                "{cron} {timezone} {now}"
                            );
                        }
                        other => assert!(passed.is_empty(), "{cron} {timezone} {now}: {other:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_clock_that_was_set_back_repeats_nothing_and_one_that_was_wrong_blocks_nothing() {
    let schedule = trigger("0 * * * *", "UTC");
    let last = moment("2026-01-01T12:00:00Z");
    // Set back by two hours: what has run does not run again.
    let now = moment("2026-01-01T10:30:00Z");
    assert_eq!(
        schedule.plan(last, now),
        Plan::Wait(moment("2026-01-01T13:00:00Z"))
    );
    let far_ahead = moment("2040-01-01T00:00:00Z");
    assert_eq!(schedule.plan(far_ahead, now), Plan::BeginAnew);
}

#[test]
fn what_has_no_more_times_is_over() {
    let now = moment("2026-01-01T00:00:00Z");
    for cron in [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 0 1 1 * 2020",
        "0 0 0 31 2 * *",
    ] {
        let schedule = trigger(cron, "Europe/Berlin");
        assert_eq!(schedule.next_after(now), None, "{cron}");
        assert_eq!(schedule.plan(now, now), Plan::Over, "{cron}");
    }
}

#[test]
fn what_is_not_a_cron_expression_is_explained() {
    for text in [
        "",
        " ",
        "*",
        "* * * *",
        "* * * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 * ",
        "* * * * 8",
        "a * * * *",
        "* * * * MOO",
        "*/0 * * * *",
        "5-1 * * * *",
        ", * * * *",
        "60/5 * * * *",
        "0/0 * * * *",
        "/ * * * *",
        "5/ * * * *",
        "L/2 * * * *",
        "* * 0/2 * *",
        "1/2/3 * * * *",
        "* * L,, * *",
        "* * , * *",
        "1,,2 * * * *",
        "@reboot",
        "@weekdays",
        "every 5 minutes",
        "*/5 * * * * # often",
        "-1 * * * *",
        "١ * * * *",
        &"1,".repeat(CRON_BYTES_MAX),
    ] {
        let error = text
            .parse::<CronExpression>()
            .map(|cron| cron.text)
            .expect_err(text)
            .to_string();
        assert!(error.contains("as in `*/5 * * * *`"), "{error}");
    }
    let error = "61 * * * *"
        .parse::<CronExpression>()
        .expect_err("no such minute");
    assert!(
        error
            .to_string()
            .starts_with("`61 * * * *` is not a cron expression"),
        "{error}"
    );
}

#[test]
fn what_is_not_a_time_zone_is_explained() {
    for text in [
        "",
        "Europe/Berln",
        "CEST",
        "+02:00",
        "../../etc/passwd",
        "Mars/Olympus",
    ] {
        let error = text
            .parse::<TimeZone>()
            .map(|zone| zone.name)
            .expect_err(text)
            .to_string();
        assert!(error.contains("as in `Europe/Berlin`"), "{error}");
    }
    assert_eq!(
        "europe/berlin"
            .parse::<TimeZone>()
            .expect("a zone")
            .as_str(),
        "Europe/Berlin"
    );
    assert_eq!("utc".parse::<TimeZone>().expect("a zone").as_str(), "UTC");
}

#[test]
fn a_trigger_is_read_and_written_in_one_form() {
    let read: ScheduleTrigger = toml::from_str("cron = \" */5   * * * *\"").expect("a trigger");
    assert_eq!(read.cron.as_str(), "*/5 * * * *");
    let written = serde_json::to_value(&read).expect("JSON");
    assert_eq!(
        written,
        serde_json::json!({ "cron": "*/5 * * * *", "timezone": "UTC" })
    );
    assert_eq!(
        serde_json::from_value::<ScheduleTrigger>(written).expect("a trigger"),
        read
    );
}

#[test]
fn ids_differ_between_ticks_and_schedules() {
    let key = |cron: &str| trigger(cron, "UTC").key(&"a".parse().expect("a name"));
    let at = |text: &str| moment(text).to_zoned(tz::TimeZone::UTC);
    let one = Tick::new(&key("* * * * *"), at("2026-01-01T00:00:00Z"), 0).id;
    assert_eq!(
        one,
        Tick::new(&key("* * * * *"), at("2026-01-01T00:00:00Z"), 7).id
    );
    assert_ne!(
        one,
        Tick::new(&key("* * * * *"), at("2026-01-01T00:01:00Z"), 0).id
    );
    assert_ne!(
        one,
        Tick::new(&key("0 * * * *"), at("2026-01-01T00:00:00Z"), 0).id
    );
}
