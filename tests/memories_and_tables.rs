//! What a guest may grow, with components written by hand: no toolchain has several memories, or grows its tables.

use futures_util::future::join_all;
use tidegate_tests::{Reply, TestHost, artifacts};

/// A component that handles HTTP requests by `body` alone, in a module with these definitions. It sets no response.
fn component(definitions: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (import "wasi:http/types@0.2.0" (instance $types
                (export "incoming-request" (type (sub resource)))
                (export "response-outparam" (type (sub resource)))))
            (alias export $types "incoming-request" (type $request))
            (alias export $types "response-outparam" (type $out))
            (core module $module
                {definitions}
                (func (export "handle") (param i32 i32) {body}))
            (core instance $instance (instantiate $module))
            (func $handle (param "request" (own $request)) (param "response-out" (own $out))
                (canon lift (core func $instance "handle")))
            (instance $handler (export "handle" (func $handle)))
            (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#
    );
    wat::parse_str(text).expect("a component")
}

/// The code of the answer, and the outcome in the list of invocations, of a guest under this limit on memory.
async fn outcome_of(
    host: &TestHost,
    name: &str,
    memory: &str,
    component: Vec<u8>,
) -> (u16, String) {
    let admin = host.admin();
    let manifest = format!("[limits]\nmemory = \"{memory}\"");
    admin.deployed_with(name, component, &manifest).await;
    let result = admin.invoke_http(name, "GET", "/", "").await;
    let outcome = result["invocation"]["outcome"].as_str();
    let answer = Reply::of(host.function(&format!("/{name}"))).await;
    (answer.status, outcome.expect("an outcome").to_owned())
}

/// Aborts where growing fails, as every allocator does in the end.
fn grow(instruction: &str) -> String {
    format!("(if (i32.eq {instruction} (i32.const -1)) (then unreachable))")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_memories_count_together() {
    let host = TestHost::start().await;
    let two = "(memory $a 1) (memory $b 1)";
    let pages = |a: u32, b: u32| {
        let first = grow(&format!("(memory.grow $a (i32.const {a}))"));
        let second = grow(&format!("(memory.grow $b (i32.const {b}))"));
        component(two, &format!("{first} {second}"))
    };
    // 8 MiB are 128 pages, of which both memories have one to begin with.
    let within = outcome_of(&host, "within", "8MiB", pages(63, 63)).await;
    assert_eq!(within, (502, "no_response".to_owned()));
    let beyond = outcome_of(&host, "beyond", "8MiB", pages(63, 64)).await;
    assert_eq!(beyond, (507, "memory_limit".to_owned()));
    let from_the_start = component("(memory 129)", "");
    let from_the_start = outcome_of(&host, "start", "8MiB", from_the_start).await;
    assert_eq!(from_the_start, (507, "memory_limit".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_a_guest_asks_for_and_does_not_get_is_not_counted() {
    let host = TestHost::start().await;
    // 300 times a page that the memory's own type does not have, then the 63 of another that do fit.
    let fails = "(loop (drop (memory.grow $fixed (i32.const 1)))
        (br_if 0 (i32.ne (i32.const 300) (local.tee 2 (i32.add (local.get 2) (i32.const 1))))))";
    let fits = grow("(memory.grow $free (i32.const 63))");
    let memories = "(memory $fixed 1 1) (memory $free 1)";
    let guest = component(memories, &format!("(local i32) {fails} {fits}"));
    let fixed = outcome_of(&host, "fixed", "8MiB", guest).await;
    assert_eq!(fixed, (502, "no_response".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_bounded() {
    let host = TestHost::start().await;
    let elements = |count: u32| {
        let grown = format!("(table.grow $table (ref.null func) (i32.const {count}))");
        component("(table $table 0 funcref)", &grow(&grown))
    };
    let within = outcome_of(&host, "within", "8MiB", elements(20_000)).await;
    assert_eq!(within, (502, "no_response".to_owned()));
    let beyond = outcome_of(&host, "beyond", "8MiB", elements(20_001)).await;
    assert_eq!(beyond, (507, "memory_limit".to_owned()));
}

const FOUR: &str = "(memory $a 1) (memory $b 1) (memory $c 1) (memory $d 1)";

#[tokio::test(flavor = "multi_thread")]
async fn several_memories_take_as_many_places_of_the_pool() {
    let host = TestHost::builder().arg("--instances").arg("4");
    let host = host.start().await;
    let admin = host.admin();
    let loops = component(FOUR, "(loop (br 0))");
    let manifest = "[limits]\ncpu = \"100ms\"\n";
    admin.deployed_with("greedy", loops, manifest).await;
    admin
        .deployed("plain", artifacts::guest("http_echo"), "")
        .await;
    let greedy = join_all((0..8).map(|_| Reply::of(host.function("/greedy"))));
    let plain = join_all((0..40).map(|_| Reply::of(host.function("/plain"))));
    let (greedy, plain) = tokio::join!(greedy, plain);
    for reply in plain {
        reply.expect(200);
    }
    for reply in greedy {
        reply.expect_problem(504, "cpu_limit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_with_more_memories_than_the_pool_is_refused() {
    let host = TestHost::builder().arg("--instances").arg("3");
    let host = host.start().await;
    let refused = host.admin().deploy("greedy", component(FOUR, ""), "").await;
    let problem = refused.expect_problem(422, "component_unlinkable").json();
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("takes 4 slots"), "{detail}");
}
