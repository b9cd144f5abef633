//! Deploying, redeploying, rolling back and deleting, as a client of the admin API sees it.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_tests::{AdminClient, Reply, SOON, TestHost, artifacts, eventually};

/// What a function answers to a `GET`.
async fn answer(host: &TestHost, path: &str) -> (u16, String) {
    let reply = Reply::of(host.function(path)).await;
    (reply.status, reply.text())
}

async fn revision_numbers(admin: &AdminClient, name: &str) -> Vec<u64> {
    let path = format!("/api/v1/functions/{name}/revisions");
    let reply = admin.get(&path).await.expect(200).json();
    let revisions = reply["revisions"].as_array().expect("a list");
    revisions
        .iter()
        .filter_map(|revision| revision["revision"].as_u64())
        .collect()
}

async fn active_revision(admin: &AdminClient, name: &str) -> u64 {
    let shown = admin.get(&format!("/api/v1/functions/{name}")).await;
    let shown = shown.expect(200).json();
    shown["revision"].as_u64().expect("a number")
}

async fn roll_back(admin: &AdminClient, name: &str, to: Value) -> Reply {
    admin
        .post(&format!("/api/v1/functions/{name}/rollback"), &to)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_upload_with_a_route_is_all_that_it_takes() {
    let host = TestHost::start().await;
    let component = artifacts::guest("http_version");
    let admin = host.admin();
    let reply = admin
        .deployed("one", component.clone(), "route=/a/{b}")
        .await;
    assert_eq!(
        (&reply["name"], &reply["revision"], &reply["created"]),
        (&json!("one"), &json!(1), &json!(true))
    );
    assert_eq!(reply["component_bytes"], json!(component.len()));
    assert_eq!(reply["triggers"]["http"], json!([{ "route": "/a/{b}" }]));
    assert_eq!(reply["urls"], json!([format!("{}/a/{{b}}", host.http)]));
    assert_eq!(answer(&host, "/a/x").await, (200, "v1".to_owned()));
    assert_eq!(answer(&host, "/a").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_was_not_made_for_this_host_runs() {
    let host = TestHost::start().await;
    let component = artifacts::guest("http_foreign");
    let manifest = b"tidegate:manifest";
    assert!(
        !component
            .windows(manifest.len())
            .any(|bytes| bytes == manifest),
        "the guest is meant to have no manifest"
    );
    host.admin()
        .deployed("foreign", component, "route=/foreign/{*rest}")
        .await;
    assert_eq!(
        answer(&host, "/foreign/a?b=c").await,
        (200, "asked for /foreign/a?b=c".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_a_route_gets_its_name_and_all_below() {
    let host = TestHost::start().await;
    let reply = host
        .admin()
        .deployed("door-bell", artifacts::guest("http_version"), "")
        .await;
    assert_eq!(reply["urls"], json!([format!("{}/door-bell", host.http)]));
    for path in ["/door-bell", "/door-bell/", "/door-bell/a/b"] {
        assert_eq!(answer(&host, path).await, (200, "v1".to_owned()), "{path}");
    }
    for path in ["/", "/door-bel", "/door-bells"] {
        assert_eq!(answer(&host, path).await.0, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_parts_of_the_manifest_add_to_and_override_earlier_ones() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("manifest_embedded");

    let alone = admin.deployed("embedded", component.clone(), "").await;
    assert_eq!(alone["triggers"]["http"], json!([{ "route": "/embedded" }]));
    let greeting = (200, "hello from the manifest".to_owned());
    assert_eq!(answer(&host, "/embedded").await, greeting);

    let part = "[[http]]\nroute = \"/part\"\n[limits]\ntimeout = \"3s\"\n[config]\ngreeting = \"from the part\"\n";
    let form = reqwest::multipart::Form::new()
        .part("component", reqwest::multipart::Part::bytes(component))
        .text("manifest", part);
    let path = "/api/v1/functions/embedded?route=/query&bucket=default:ro";
    let request = admin.request(Method::PUT, path).multipart(form);
    Reply::of(request).await.expect(201);

    let shown = admin.get("/api/v1/functions/embedded").await.expect(200);
    let manifest = &shown.json()["manifest"];
    let routes = manifest["http"].as_array().expect("a list").iter();
    let routes: Vec<_> = routes.map(|trigger| trigger["route"].clone()).collect();
    assert_eq!(routes, ["/embedded", "/part", "/query"]);
    assert_eq!(manifest["limits"]["timeout"], "3s");
    assert_eq!(manifest["limits"]["memory"], "32MiB");
    assert_eq!(manifest["grants"]["buckets"], json!(["default:ro"]));
    for path in ["/embedded", "/part", "/query"] {
        let greeting = (200, "from the part".to_owned());
        assert_eq!(answer(&host, path).await, greeting, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deploying_the_same_again_changes_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_version");
    admin.deployed("same", component.clone(), "route=/a").await;
    let again = admin.deploy("same", component.clone(), "route=/a").await;
    let again = again.expect(200).json();
    assert_eq!(
        (&again["revision"], &again["created"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(revision_numbers(&admin, "same").await, [1]);

    let other_route = admin.deployed("same", component, "route=/b").await;
    assert_eq!(other_route["revision"], 2);
    assert_eq!(answer(&host, "/a").await.0, 404);
    assert_eq!(answer(&host, "/b").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_a_function_is_deployed_again_and_again() {
    const DEPLOYMENTS: u64 = 20;
    let host = Arc::new(TestHost::start().await);
    let admin = host.admin();
    let components = [
        artifacts::guest("http_version"),
        artifacts::guest("http_version_two"),
    ];
    admin.deployed("busy", components[0].clone(), "").await;
    let done = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (host, done, answers) = (host.clone(), done.clone(), answers.clone());
            tokio::spawn(async move {
                let mut seen = BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    let (status, text) = answer(&host, "/busy").await;
                    assert_eq!(status, 200, "{text}");
                    seen.insert(text);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                seen
            })
        })
        .collect();
    for deployment in 1..=DEPLOYMENTS {
        let component = components[deployment as usize % 2].clone();
        let deployed = admin.deployed("busy", component, "").await;
        assert_eq!(deployed["revision"], deployment + 1);
        let expected = ["v1", "v2"][deployment as usize % 2];
        // What is asked for after a deployment was acknowledged gets the new revision.
        assert_eq!(answer(&host, "/busy").await.1, expected);
        let before = answers.load(Ordering::Relaxed);
        eventually("the clients get answers", SOON, async || {
            (answers.load(Ordering::Relaxed) >= before + 8).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        let seen = client.await.expect("every request was answered");
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["v1", "v2"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_at_the_same_time_end_with_one_of_them() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guests = ["http_version", "http_version_two"];
    let deployments = (0..6).map(|number| {
        let admin = admin.clone();
        let component = artifacts::guest(guests[number % 2]);
        async move { admin.deploy("contended", component, "").await.status }
    });
    let statuses = futures_util::future::join_all(deployments).await;
    assert!(
        statuses.iter().all(|status| [200, 201].contains(status)),
        "{statuses:?}"
    );
    let revisions = admin.get("/api/v1/functions/contended/revisions").await;
    let revisions = revisions.expect(200).json();
    let revisions = revisions["revisions"].as_array().expect("a list");
    let active: Vec<_> = revisions.iter().filter(|r| r["active"] == true).collect();
    assert_eq!(active.len(), 1, "{revisions:?}");
    let shown = admin.get("/api/v1/functions/contended").await.expect(200);
    assert_eq!(shown.json()["digest"], active[0]["digest"]);
    let first = admin
        .deployed("reference", artifacts::guest("http_version"), "")
        .await;
    let expected = if active[0]["digest"] == first["digest"] {
        "v1"
    } else {
        "v2"
    };
    let served = (200, expected.to_owned());
    assert_eq!(answer(&host, "/contended").await, served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_whose_client_goes_away_is_carried_through() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guests = ["http_version", "http_version_two"].map(artifacts::guest);
    admin.deployed("left", guests[0].clone(), "").await;
    for revision in 2..=9 {
        let deploying = admin.deploy("left", guests[(revision as usize + 1) % 2].clone(), "");
        let stored = async { while revision_numbers(&admin, "left").await[0] < revision {} };
        // As soon as it is stored, nobody waits for it any more.
        tokio::select! {
            _ = deploying => {}
            () = stored => {}
        }
        // There is one change at a time: the answer comes when that of the deployment has ended.
        admin
            .delete("/api/v1/functions/nobody")
            .await
            .expect_problem(404, "no_such_function");
        assert_eq!(active_revision(&admin, "left").await, revision);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_ends_on_the_revision_that_it_began_with() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let new = artifacts::guest("http_version");
    admin.deployed("elsewhere", new.clone(), "").await;
    admin
        .deployed("slow", artifacts::guest("http_stream_ticks"), "")
        .await;
    let mut running = host
        .function("/slow?chunks=60")
        .send()
        .await
        .expect("a head");
    let first = running.chunk().await.expect("a tick").expect("a tick");
    assert!(first.starts_with(b"tick 0"));

    admin.deployed("slow", new, "").await;
    assert_eq!(answer(&host, "/slow").await, (200, "v1".to_owned()));
    let rest = running.text().await.expect("the whole body");
    assert!(rest.ends_with("tick 59\n"), "{rest}");
    let invocations = admin.await_invocations("slow", 2).await;
    let old = invocations
        .iter()
        .find(|invocation| invocation["revision"] == 1);
    assert_eq!(old.expect("the old revision's")["outcome"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_back_to_the_revision_before_or_to_a_number() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let one = artifacts::guest("http_version");
    let two = artifacts::guest("http_version_two");
    admin.deployed("back", one, "").await;
    let reply = roll_back(&admin, "back", json!({})).await;
    reply.expect_problem(409, "nothing_to_roll_back_to");
    admin.deployed("back", two.clone(), "").await;
    admin.deployed("back", two, "route=/third").await;

    let to_two = roll_back(&admin, "back", json!({})).await.expect(200);
    assert_eq!(to_two.json()["revision"], 2);
    assert_eq!(answer(&host, "/back").await, (200, "v2".to_owned()));
    assert_eq!(answer(&host, "/third").await.0, 404);

    let to_one = roll_back(&admin, "back", json!({})).await.expect(200);
    assert_eq!(to_one.json()["revision"], 1);
    assert_eq!(answer(&host, "/back").await, (200, "v1".to_owned()));
    let reply = roll_back(&admin, "back", json!({})).await;
    reply.expect_problem(409, "nothing_to_roll_back_to");

    let forward = roll_back(&admin, "back", json!({ "revision": 3 })).await;
    assert_eq!(forward.expect(200).json()["revision"], 3);
    assert_eq!(answer(&host, "/third").await, (200, "v2".to_owned()));
    let unknown = roll_back(&admin, "back", json!({ "revision": 9 })).await;
    unknown.expect_problem(404, "no_such_revision");
    let misspelt = roll_back(&admin, "back", json!({ "revison": 1 })).await;
    assert_eq!(misspelt.status / 100, 4, "{}", misspelt.text());
    assert_eq!(active_revision(&admin, "back").await, 3);
    let reply = roll_back(&admin, "nobody", json!({})).await;
    reply.expect_problem(404, "no_such_function");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_compiles_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("back", artifacts::guest("http_version"), "")
        .await;
    let compiled = || {
        let files = std::fs::read_dir(host.data_dir().join("compiled")).expect("a directory");
        let files = files.map(|file| file.expect("a file").path());
        // A file that is written anew is another inode.
        files
            .map(|file| {
                let inode = std::fs::metadata(&file).expect("a file").ino();
                (file, inode)
            })
            .collect::<BTreeSet<_>>()
    };
    let of_one = compiled();
    admin
        .deployed("back", artifacts::guest("http_version_two"), "")
        .await;
    let of_both = compiled();
    assert_eq!((of_one.len(), of_both.len()), (1, 2));
    assert!(of_one.is_subset(&of_both));
    roll_back(&admin, "back", json!({})).await.expect(200);
    assert_eq!(answer(&host, "/back").await, (200, "v1".to_owned()));
    assert_eq!(compiled(), of_both);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_works_without_compiled_components() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for guest in ["http_version", "http_version_two"] {
        admin.deployed("back", artifacts::guest(guest), "").await;
    }
    std::fs::remove_dir_all(host.data_dir().join("compiled")).expect("it can be deleted");
    roll_back(&admin, "back", json!({})).await.expect(200);
    assert_eq!(answer(&host, "/back").await, (200, "v1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_a_route_that_another_function_has_meanwhile_is_refused() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_version");
    admin.deployed("one", component.clone(), "route=/a").await;
    admin.deployed("one", component, "route=/b").await;
    let other = artifacts::guest("http_version_two");
    admin.deployed("two", other, "route=/a").await;
    let reply = roll_back(&admin, "one", json!({})).await;
    reply.expect_problem(409, "route_clash");
    assert_eq!(answer(&host, "/a").await, (200, "v2".to_owned()));
    assert_eq!(answer(&host, "/b").await, (200, "v1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_ten_revisions_are_kept_and_the_active_one() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for number in 1..=13 {
        let component = artifacts::guest("http_version");
        let query = format!("route=/r{number}");
        admin.deployed("many", component, &query).await;
    }
    let newest_first: Vec<u64> = (4..=13).rev().collect();
    assert_eq!(revision_numbers(&admin, "many").await, newest_first);
    let reply = roll_back(&admin, "many", json!({ "revision": 3 })).await;
    reply.expect_problem(404, "no_such_revision");
    let oldest = roll_back(&admin, "many", json!({ "revision": 4 })).await;
    oldest.expect(200);
    assert_eq!(answer(&host, "/r4").await, (200, "v1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_function_is_gone_with_all_of_its_revisions() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for guest in ["http_version", "http_version_two"] {
        admin.deployed("gone", artifacts::guest(guest), "").await;
    }
    admin
        .deployed("stays", artifacts::guest("http_version"), "")
        .await;
    admin.delete("/api/v1/functions/gone").await.expect(204);
    for path in ["", "/revisions", "/logs", "/invocations"] {
        let path = format!("/api/v1/functions/gone{path}");
        let reply = admin.get(&path).await;
        reply.expect_problem(404, "no_such_function");
    }
    let again = admin.delete("/api/v1/functions/gone").await;
    again.expect_problem(404, "no_such_function");
    assert_eq!(answer(&host, "/gone").await.0, 404);
    assert_eq!(answer(&host, "/stays").await, (200, "v1".to_owned()));
    let compiled = std::fs::read_dir(host.data_dir().join("compiled")).expect("a directory");
    assert_eq!(compiled.count(), 1, "the other one's is in use");

    admin
        .deployed("gone", artifacts::guest("http_version_two"), "")
        .await;
    assert_eq!(answer(&host, "/gone").await, (200, "v2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_of_a_spin_trigger_with_another_type_is_refused() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for (export, query) in [
        ("handle-message", "topic=a"),
        ("handle-cron-event", "schedule=@hourly"),
    ] {
        let component = format!(
            "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))
               (func $f (canon lift (core func $i \"f\"))) (export \"{export}\" (func $f)))"
        );
        let component = wat::parse_str(component).expect("a component");
        let refused = admin.deploy("handler", component, query).await;
        let refused = refused.expect_problem(422, "export_mistyped").text();
        assert!(
            refused.contains(export) && refused.contains("build it with the SDK"),
            "{refused}"
        );
        admin.get("/api/v1/functions/handler").await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_take_a_slash_at_its_end() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = || artifacts::guest("http_version");
    let deployed = admin.deployed("one", component(), "route=/a[/]").await;
    let url = deployed["urls"][0].as_str().expect("a text");
    assert!(url.ends_with("/a"), "{url}");
    for path in ["/a", "/a/"] {
        assert_eq!(answer(&host, path).await, (200, "v1".to_owned()), "{path}");
    }
    for path in ["/a//", "/a/b", "/ab"] {
        assert_eq!(answer(&host, path).await.0, 404, "{path}");
    }
    for route in ["/a", "/a/", "/a[/]"] {
        let clash = admin
            .deploy("two", component(), &format!("route={route}"))
            .await;
        clash.expect_problem(409, "route_clash");
    }
    let two = artifacts::guest("http_version_two");
    admin.deployed("two", two, "route=/a/{*rest}").await;
    assert_eq!(answer(&host, "/a/").await.1, "v1");
    assert_eq!(answer(&host, "/a/b").await.1, "v2");
}
