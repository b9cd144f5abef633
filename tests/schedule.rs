//! Schedules: functions that run by the clock, each tick once, whatever happens to the host in between.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tidegate_tests::command_line::run;
use tidegate_tests::{AdminClient, SOON, TestHost, artifacts, eventually};

const EVERY_SECOND: &str = "schedule=*+*+*+*+*+*";

/// One run, as the guest `schedule_record` has written it down.
#[derive(Clone, Debug)]
struct Run {
    id: String,
    due: u64,
    missed: u64,
    /// Attempt, local time, time zone and expression.
    rest: String,
}

fn now() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970")
}

async fn value(admin: &AdminClient, key: &str) -> String {
    let reply = admin
        .get(&format!("/api/v1/buckets/default/keys/{key}"))
        .await;
    match reply.status {
        404 => String::new(),
        _ => reply.expect(200).text(),
    }
}

async fn runs(admin: &AdminClient) -> Vec<Run> {
    let text = value(admin, "lines").await;
    let run = |line: &str| {
        let fields: Vec<_> = line.splitn(5, ' ').collect();
        let [id, due, attempt, missed, rest] = fields[..] else {
            panic!("{line}")
        };
        Run {
            id: id.to_owned(),
            due: due.parse().expect("a number"),
            missed: missed.parse().expect("a number"),
            rest: format!("{attempt} {rest}"),
        }
    };
    text.lines().map(run).collect()
}

async fn await_runs(admin: &AdminClient, count: usize) -> Vec<Run> {
    eventually(&format!("{count} runs"), SOON, async || {
        let runs = runs(admin).await;
        (runs.len() >= count).then_some(runs)
    })
    .await
}

/// Each second has had its run, or is counted as missed by the run that came next.
#[track_caller]
fn assert_no_second_is_lost(runs: &[Run]) {
    for pair in runs.windows(2) {
        assert_eq!(pair[1].due - pair[0].due, pair[1].missed + 1, "{runs:#?}");
    }
}

/// Every tick that ran has run once.
async fn assert_each_ran_once(admin: &AdminClient) {
    let listed = admin
        .get("/api/v1/buckets/default/keys?prefix=ticks/")
        .await;
    let listed = listed.expect(200).json();
    let keys = listed["keys"].as_array().expect("a list");
    assert!(!keys.is_empty());
    for key in keys {
        let key = key.as_str().expect("text").replace('/', "%2F");
        assert_eq!(value(admin, &key).await, "1", "{key}");
    }
}

/// An expression for one second of the day, which comes when there was time to deploy what it starts.
fn soon() -> (String, u64) {
    let due = now().as_secs() + 10;
    let (second, minute, hour) = (due % 60, due / 60 % 60, due / 3600 % 24);
    (format!("{second} {minute} {hour} * * *"), due)
}

async fn await_clock(time: Duration) {
    let passed = async || (now() >= time).then_some(());
    eventually("the time has come", SOON, passed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_runs_at_every_second_that_its_schedule_names() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    let deployed_at = now().as_secs();
    let reply = admin.deployed("record", component, EVERY_SECOND).await;
    let schedule = &reply["triggers"]["schedule"][0];
    assert_eq!(
        (&schedule["cron"], &schedule["timezone"]),
        (&json!("* * * * * *"), &json!("UTC"))
    );
    let runs = await_runs(&admin, 4).await;
    assert!(runs[0].due > deployed_at, "{runs:?}");
    assert!(runs[0].due <= now().as_secs());
    assert_no_second_is_lost(&runs);
    assert_each_ran_once(&admin).await;
    for run in &runs {
        assert!(run.rest.starts_with("1 20"), "{run:?}");
        assert!(run.rest.ends_with("+00:00 UTC * * * * * *"), "{run:?}");
    }
    let records = admin.await_invocations("record", 4).await;
    for record in &records {
        assert_eq!(
            (&record["trigger"], &record["outcome"]),
            (&json!("schedule"), &json!("ok"))
        );
    }
    let metrics = host.stranger().get("/metrics").await.expect(200).text();
    let counted = "tidegate_invocations_total{blame=\"\",function=\"record\",outcome=\"ok\",trigger=\"schedule\"}";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_missed_while_the_host_was_down_run_once_and_are_counted() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    admin.deployed("record", component, EVERY_SECOND).await;
    await_runs(&admin, 1).await;
    for _ in 0..2 {
        host.terminate().await;
        let stopped = now();
        await_clock(stopped + Duration::from_secs(3)).await;
        host.restart().await;
        let admin = host.admin();
        let catch_up = eventually("the catch-up", SOON, async || {
            let runs = runs(&admin).await;
            runs.into_iter().find(|run| run.due > stopped.as_secs())
        });
        let catch_up = catch_up.await;
        assert!(catch_up.missed >= 1, "{catch_up:?}");
        let before = runs(&admin).await.len();
        let all = await_runs(&admin, before + 2).await;
        assert_no_second_is_lost(&all);
        assert_each_ran_once(&admin).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_repeats_no_tick() {
    let mut host = TestHost::start().await;
    let component = artifacts::guest("schedule_record");
    host.admin()
        .deployed("record", component, EVERY_SECOND)
        .await;
    for round in 0..8 {
        let admin = host.admin();
        let before = runs(&admin).await.len();
        await_runs(&admin, before + 1).await;
        // Any part of a second, those around its beginning more often.
        let chance = RandomState::new().build_hasher().finish() % 1000;
        let part = if round % 2 == 0 { chance } else { chance / 20 };
        let whole = Duration::from_secs(now().as_secs() + 1);
        await_clock(whole + Duration::from_millis(part)).await;
        host.kill9();
        host.restart().await;
    }
    let admin = host.admin();
    let before = runs(&admin).await.len();
    let runs = await_runs(&admin, before + 2).await;
    assert_each_ran_once(&admin).await;
    let ids: BTreeSet<_> = runs.iter().map(|run| &run.id).collect();
    assert_eq!(ids.len(), runs.len(), "{runs:#?}");
    for pair in runs.windows(2) {
        // What a crash cut short before it was written down is in no line, and is not counted either.
        assert!(pair[1].due - pair[0].due > pair[1].missed, "{runs:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_goes_on_across_deployments_and_begins_anew_when_it_was_away() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    let manifest =
        |cron: &str, x: u32| format!("[[schedule]]\ncron = \"{cron}\"\n[config]\nx = \"{x}\"\n");
    let deploy = async |cron: &str, x: u32| {
        let manifest = manifest(cron, x);
        admin
            .deployed_with("record", component.clone(), &manifest)
            .await;
    };
    // The same seconds by another name.
    let (one, other) = ("* * * * * *", "*/1 * * * * *");
    for x in 0..3 {
        deploy(one, x).await;
        let before = runs(&admin).await.len();
        await_runs(&admin, before + 1).await;
    }
    let back = json!({ "revision": 1 });
    let path = "/api/v1/functions/record/rollback";
    admin.post(path, &back).await.expect(200);
    let before = runs(&admin).await.len();
    assert_no_second_is_lost(&await_runs(&admin, before + 2).await);

    let begins_anew = async |cron: &str, changed_at: u64| {
        let first = eventually("a run of the changed schedule", SOON, async || {
            let runs = runs(&admin).await;
            let is_new =
                |run: &Run| run.rest.ends_with(&format!(" {cron}")) && run.due > changed_at;
            runs.into_iter().find(is_new)
        });
        let first = first.await;
        assert!(first.due - changed_at > first.missed, "{first:?}");
    };
    let changed_at = now().as_secs();
    deploy(other, 4).await;
    begins_anew(other, changed_at).await;
    await_clock(Duration::from_secs(changed_at + 3)).await;
    let changed_at = now().as_secs();
    admin.post(path, &back).await.expect(200);
    begins_anew(one, changed_at).await;
    assert_each_ran_once(&admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_deleted_does_not_run_any_more() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    admin
        .deployed("gone", component.clone(), EVERY_SECOND)
        .await;
    await_runs(&admin, 1).await;
    admin.delete("/api/v1/functions/gone").await.expect(204);
    // What had begun by then ends.
    let deleted_at = now().as_secs();
    admin.deployed("stays", component, EVERY_SECOND).await;
    let runs = eventually("two runs of the other one", SOON, async || {
        let later: Vec<_> = runs(&admin).await;
        let later: Vec<_> = later
            .into_iter()
            .filter(|run| run.due > deleted_at)
            .collect();
        (later.len() >= 2).then_some(later)
    })
    .await;
    // Ids of one function end alike, and those of two differ.
    let endings: BTreeSet<_> = runs.iter().map(|run| run.id.split('-').nth(1)).collect();
    assert_eq!(endings.len(), 1, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_due_while_the_tick_before_runs_is_passed_over_and_counted() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    let manifest = "[[schedule]]\ncron = \"* * * * * *\"\n\
        [[schedule]]\ncron = \"* * * * * *\"\ntimezone = \"Asia/Kolkata\"\n\
        [config]\nsleep-ms = \"1700\"\n";
    admin.deployed_with("slow", component, manifest).await;
    let runs = await_runs(&admin, 6).await;
    for zone in ["+00:00 UTC", "+05:30 Asia/Kolkata"] {
        let of_zone = runs.iter().filter(|run| run.rest.contains(zone));
        let of_zone: Vec<Run> = of_zone.cloned().collect();
        assert!(of_zone.len() >= 2, "{runs:#?}");
        assert_no_second_is_lost(&of_zone);
    }
    assert!(runs.iter().any(|run| run.missed > 0), "{runs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_fails_is_tried_again_and_in_the_end_given_up() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let (cron, due) = soon();
    for (name, succeed_at) in [("fails", 99), ("recovers", 2)] {
        let manifest = format!(
            "[[schedule]]\ncron = \"{cron}\"\nattempts = 3\n[config]\nsucceed-at = \"{succeed_at}\"\n"
        );
        let component = artifacts::guest("schedule_fails");
        admin.deployed_with(name, component, &manifest).await;
    }
    let line = admin
        .await_log("fails", "is given up after 3 attempts")
        .await;
    let message = line["message"].as_str().expect("text");
    assert!(message.contains(&format!("tick {due}-")), "{line}");
    assert!(message.contains(&format!("`{cron}` (UTC)")), "{line}");
    let failed = admin.await_invocations("fails", 3).await;
    let recovered = admin.await_invocations("recovers", 2).await;
    let outcomes = |records: &[Value]| -> Vec<Value> {
        records
            .iter()
            .map(|record| record["outcome"].clone())
            .collect()
    };
    assert_eq!(outcomes(&failed), ["guest_error"; 3]);
    assert_eq!(outcomes(&recovered), ["ok", "guest_error"]);
    let attempts = value(&admin, "attempts").await;
    let mut attempts: Vec<&str> = attempts.lines().collect();
    attempts.sort_unstable();
    assert_eq!(attempts.len(), 5, "{attempts:?}");
    let ids: BTreeSet<_> = attempts.iter().map(|line| line.split(' ').next()).collect();
    assert_eq!(ids.len(), 2, "{attempts:?}");
    let metrics = host.stranger().get("/metrics").await.expect(200).text();
    let given_up = "tidegate_ticks_given_up_total{function=\"fails\"} 1";
    assert!(metrics.contains(given_up), "{metrics}");
    let logs = admin.logs("recovers").await;
    let gives_up = |line: &Value| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.contains("given up"))
    };
    assert!(!logs.iter().any(gives_up), "{logs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_waits_to_be_tried_again_is_left_to_the_next_start() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    let (cron, due) = soon();
    let manifest = format!("[[schedule]]\ncron = \"{cron}\"\nattempts = 10\n");
    let component = artifacts::guest("schedule_fails");
    admin.deployed_with("fails", component, &manifest).await;
    let first_attempts = async |admin: &AdminClient, at_least: usize| {
        eventually("attempts", SOON, async || {
            let attempts = value(admin, "attempts").await;
            (attempts.lines().count() >= at_least)
                .then(|| attempts.lines().filter(|line| line.ends_with(" 1")).count())
        })
        .await
    };
    assert_eq!(first_attempts(&admin, 5).await, 1);
    let status = host.terminate().await;
    assert!(status.success(), "{status}");
    host.restart().await;
    let admin = host.admin();
    let before = value(&admin, "attempts").await.lines().count();
    assert_eq!(first_attempts(&admin, before + 1).await, 2);
    let attempts = value(&admin, "attempts").await;
    let of_tick = |line: &str| line.starts_with(&format!("{due}-"));
    assert!(attempts.lines().all(of_tick), "{attempts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_times_are_shown() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    let manifest = "[[schedule]]\ncron = \"0 3 * * *\"\ntimezone = \"Europe/Berlin\"\n\
        [[schedule]]\ncron = \"0 0 29 2 *\"\n";
    admin.deployed_with("nightly", component, manifest).await;
    let shown = admin.get("/api/v1/functions/nightly").await;
    let shown = shown.expect(200).json();
    let times = |index: usize| -> Vec<String> {
        let times = shown["triggers"]["schedule"][index]["next_runs"].as_array();
        let times = times.expect("a list").iter();
        times
            .map(|time| time.as_str().expect("text").to_owned())
            .collect()
    };
    let nightly = times(0);
    assert_eq!(nightly.len(), 5);
    let is_at_three =
        |time: &String| time[10..] == *"T03:00:00+01:00" || time[10..] == *"T03:00:00+02:00";
    assert!(nightly.iter().all(is_at_three), "{nightly:?}");
    assert!(
        nightly.is_sorted() && nightly[0] < nightly[4],
        "{nightly:?}"
    );
    let leap_days = times(1);
    let is_leap_day = |time: &String| time[4..] == *"-02-29T00:00:00+00:00";
    assert!(
        leap_days.len() == 5 && leap_days.iter().all(is_leap_day),
        "{leap_days:?}"
    );

    let listed = run(&host, &["functions"]).await.ok();
    let next = format!("schedule 0 3 * * * (Europe/Berlin), next {}", nightly[0]);
    listed.says(&[&next]);
    let told = run(&host, &["functions", "show", "nightly"]).await.ok();
    told.says(&[&next, &nightly[4], &leap_days[4]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_scheduled_is_refused_with_what_to_write() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    let says = |reply: &tidegate_tests::Reply, texts: &[&str]| {
        let detail = reply.json()["detail"].to_string();
        for text in texts {
            assert!(detail.contains(text), "no `{text}` in {detail}");
        }
    };
    let reply = admin.deploy("a", component.clone(), "").await;
    says(
        &reply,
        &["?schedule=*/5+*+*+*+*", "[[schedule]]", "cron = "],
    );
    reply.expect_problem(422, "trigger_missing");
    for text in ["5+minutes", "*/5+*+*+*", "61+*+*+*+*", ",+*+*+*+*+*"] {
        let query = format!("schedule={text}");
        let reply = admin.deploy("a", component.clone(), &query).await;
        says(
            &reply,
            &["`schedule`", "is not a cron expression", "`*/5 * * * *`"],
        );
        reply.expect_problem(400, "parameter_invalid");
    }
    for (lines, texts) in [
        (
            "cron = \"* * * * *\"\ntimezone = \"Berlin\"",
            ["line 3", "`Berlin` is not a time zone", "`Europe/Berlin`"],
        ),
        (
            "cron = \"* * 32 * *\"",
            [
                "line 2",
                "`* * 32 * *` is not a cron expression",
                "`*/5 * * * *`",
            ],
        ),
        (
            "cron = \"0 0 30 2 *\"",
            [
                "schedule.cron",
                "`0 0 30 2 *` never runs",
                "no time to come",
            ],
        ),
        (
            "timezone = \"UTC\"",
            ["line 1", "missing field `cron`", "the part `manifest`"],
        ),
    ] {
        let manifest = format!("[[schedule]]\n{lines}\n");
        let reply = admin.deploy_with("a", component.clone(), &manifest).await;
        says(&reply, &texts);
        reply.expect_problem(422, "manifest_invalid");
    }
    let http = artifacts::guest("http_version");
    let reply = admin.deploy("a", http, EVERY_SECOND).await;
    says(
        &reply,
        &["schedule triggers", "tidegate:schedule/handler@0.1.0"],
    );
    reply.expect_problem(422, "export_missing");
    admin.get("/api/v1/functions/a").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_tried_out() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("schedule_record");
    let yearly = "schedule=0+0+1+1+*";
    admin.deployed("record", component, yearly).await;
    let trial = json!({ "schedule": { "scheduled": 951_782_400, "missed": 3 } });
    let path = "/api/v1/functions/record/invoke";
    let told = admin.post(path, &trial).await.expect(200).json();
    assert_eq!(told["invocation"]["outcome"], "ok");
    let told = run(&host, &["invoke", "record", "--tick"]).await.ok();
    told.says(&["ok after "]);
    let runs = runs(&admin).await;
    assert_eq!((runs[0].due, runs[0].missed), (951_782_400, 3));
    assert_eq!(runs[0].rest, "1 2000-02-29T00:00:00+00:00 UTC 0 0 1 1 *");
    assert_eq!((runs.len(), runs[1].missed), (2, 0));
    assert!(
        runs.iter().all(|run| run.id.starts_with("trial-")),
        "{runs:?}"
    );
    let wrong = json!({ "schedule": { "when": 1 } });
    assert!((400..500).contains(&admin.post(path, &wrong).await.status));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_for_spins_cron_trigger_runs_as_it_is() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("spin_cron");
    admin
        .deploy("spin", component.clone(), "")
        .await
        .expect_problem(422, "trigger_missing");
    admin.deployed("spin", component, EVERY_SECOND).await;
    let line = admin.await_log("spin", "cron event at ").await;
    let said = line["message"].as_str().expect("text");
    let at = said.trim_start_matches("cron event at ").parse::<u64>();
    let late = now().as_secs().checked_sub(at.expect("seconds since 1970"));
    assert!(late.is_some_and(|late| late < 60), "{said}: {late:?}");
    let trial = json!({ "schedule": { "scheduled": 1 } });
    let path = "/api/v1/functions/spin/invoke";
    let told = admin.post(path, &trial).await.expect(200).json();
    assert_eq!(told["invocation"]["outcome"], "guest_error");
    let reason = told["invocation"]["reason"].as_str().expect("text");
    assert!(reason.contains("that is long ago"), "{reason}");
}

/// The same for version 3 of that trigger, whose function is asynchronous.
const SPIN_CRON_3: &str = r#"(component
  (import "spin:cron/cron-types@3.0.0" (instance $types
    (type $m (record (field "timestamp" u64)))
    (export "metadata" (type (eq $m)))
    (type $e (variant (case "other" string)))
    (export "error" (type (eq $e)))))
  (alias export $types "metadata" (type $metadata))
  (alias export $types "error" (type $error))
  (core module $memory (memory (export "memory") 1) (data (i32.const 16) "that is long ago"))
  (core instance $memory (instantiate $memory))
  (core func $return (canon task.return
    (result (result (error $error))) (memory (core memory $memory "memory"))))
  (core module $code
    (import "host" "return" (func $return (param i32 i32 i32 i32)))
    (func (export "handle") (param $timestamp i64) (result i32)
      (call $return (i64.lt_u (local.get $timestamp) (i64.const 946684800))
        (i32.const 0) (i32.const 16) (i32.const 16))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $code (instantiate $code
    (with "host" (instance (export "return" (func $return))))))
  (type $handle (func async (param "metadata" $metadata) (result (result (error $error)))))
  (func (export "handle-cron-event") (type $handle) (canon lift (core func $code "handle")
    async (memory (core memory $memory "memory")) (callback (core func $code "callback")))))"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_component_for_spins_asynchronous_cron_trigger_runs_as_it_is() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = wat::parse_str(SPIN_CRON_3).expect("a component");
    admin.deployed("spin", component, EVERY_SECOND).await;
    let records = admin.await_invocations("spin", 2).await;
    for record in &records {
        assert_eq!(
            (&record["trigger"], &record["outcome"]),
            (&json!("schedule"), &json!("ok"))
        );
    }
    let trial = json!({ "schedule": { "scheduled": 1 } });
    let path = "/api/v1/functions/spin/invoke";
    let told = admin.post(path, &trial).await.expect(200).json();
    assert_eq!(told["invocation"]["outcome"], "guest_error");
    let reason = told["invocation"]["reason"].as_str().expect("text");
    assert!(reason.contains("that is long ago"), "{reason}");
}
