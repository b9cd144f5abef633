//! Programs that serve requests in the CGI manner: `fn main`, environment, standard input and output.

use std::collections::HashMap;

use reqwest::{Method, RequestBuilder};
use tidegate_tests::{Reply, TestHost, Wire, sdks};

async fn deployed(query: &str) -> TestHost {
    let host = TestHost::start().await;
    host.admin().deployed("cgi", sdks::wagi(), query).await;
    host
}

async fn environment(request: RequestBuilder) -> HashMap<String, String> {
    let text = Reply::of(request).await.expect(200).text();
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').expect("a line of the environment");
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_the_request() {
    let host = deployed("route=/shop/{section}/{*rest}").await;
    let request = host
        .request(Method::PUT, "/shop/tea/a%20b/c?x=%201&y")
        .header("host", "edge.example:8080")
        .header("content-type", "text/csv")
        .header("x-mine", "one")
        .header("x-mine", "two")
        .header("proxy", "http://bad.example")
        .header("authorization", "Bearer secret")
        .header("proxy-authorization", "Basic secret")
        .body("12345");
    let environment = environment(request).await;
    let expected = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "edge.example"),
        ("SERVER_PORT", "8080"),
        ("REQUEST_METHOD", "PUT"),
        ("SCRIPT_NAME", "/shop/tea"),
        ("PATH_INFO", "/a b/c"),
        ("X_RAW_PATH_INFO", "/a%20b/c"),
        ("QUERY_STRING", "x=%201&y"),
        (
            "X_FULL_URL",
            "http://edge.example:8080/shop/tea/a%20b/c?x=%201&y",
        ),
        ("X_MATCHED_ROUTE", "/shop/{section}/{*rest}"),
        ("X_PATH_MATCH_SECTION", "tea"),
        ("CONTENT_TYPE", "text/csv"),
        ("CONTENT_LENGTH", "5"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("HTTP_HOST", "edge.example:8080"),
        ("HTTP_X_MINE", "one, two"),
        ("arguments", "[\"/shop/tea\", \"x=%201\", \"y\"]"),
    ];
    for (name, value) in expected {
        let found = environment.get(name).map(String::as_str);
        assert_eq!(found, Some(value), "{name}: {environment:#?}");
    }
    for name in ["HTTP_PROXY", "HTTP_CONTENT_LENGTH", "HOME", "PATH"] {
        assert_eq!(environment.get(name), None, "{name}");
    }
    let secret = |value: &String| value.contains("secret");
    assert!(!environment.values().any(secret), "{environment:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_set_variables_of_the_host() {
    let host = deployed("route=/shop/{section}").await;
    let request = host
        .function("/shop/tea")
        .header("tidegate_client-address", "forged")
        .header("tidegate-client_address", "forged")
        .header("tidegate_param_section", "forged")
        .header("tidegate-route", "forged")
        .header("x_mine", "forged")
        .header("content_length", "forged")
        .header("spin-client-addr", "forged");
    let environment = environment(request).await;
    let forged = |value: &String| value.contains("forged");
    assert!(!environment.values().any(forged), "{environment:#?}");
    let address = &environment["HTTP_TIDEGATE_CLIENT_ADDRESS"];
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert_eq!(environment["HTTP_TIDEGATE_ROUTE"], "/shop/{section}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_spins_for_a_function_that_is_told_as_by_spin() {
    let host = TestHost::start().await;
    let manifest = "spin-headers = true\n[[http]]\nroute = \"/shop/{sectionId}/{*rest}\"\n\
        [[http]]\nroute = \"/about[/]\"\n";
    host.admin()
        .deployed_with("cgi", sdks::wagi(), manifest)
        .await;
    let request = host
        .function("/shop/t%20a/a%20b/c/?x=1")
        .header("host", "edge.example:8080")
        .header("spin-path-match-other", "forged")
        .header("x-mine", "one");
    let environment_of = environment;
    let environment = environment_of(request).await;
    for (name, value) in [
        ("X_MATCHED_ROUTE", "/shop/:sectionId/..."),
        ("X_RAW_COMPONENT_ROUTE", "/shop/:sectionId/..."),
        ("X_COMPONENT_ROUTE", "/shop/:sectionId"),
        ("X_BASE_PATH", "/"),
        (
            "X_FULL_URL",
            "http://edge.example:8080/shop/t%20a/a%20b/c/?x=1",
        ),
        ("X_PATH_MATCH_SECTIONID", "t%20a"),
        ("PATH_INFO", "/a%20b/c/"),
        ("PATH_TRANSLATED", "/a b/c/"),
        ("X_RAW_PATH_INFO", "/a%20b/c/"),
        ("AUTH_TYPE", ""),
        ("REMOTE_USER", ""),
        ("CONTENT_TYPE", ""),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("HTTP_X_MINE", "one"),
    ] {
        let found = environment.get(name).map(String::as_str);
        assert_eq!(found, Some(value), "{name}: {environment:#?}");
    }
    let address = &environment["X_CLIENT_ADDR"];
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let unexpected = |name: &&String| {
        name.starts_with("HTTP_SPIN_")
            || ["X_PATH_MATCH_REST", "X_PATH_MATCH_OTHER"].contains(&name.as_str())
    };
    let unexpected: Vec<_> = environment.keys().filter(unexpected).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");

    let environment = environment_of(host.function("/about/")).await;
    for (name, value) in [("X_MATCHED_ROUTE", "/about"), ("PATH_INFO", "")] {
        assert_eq!(environment[name], value, "{environment:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_writes_is_the_response() {
    let host = deployed("").await;
    let request = host.request(Method::POST, "/cgi?echo");
    let body = "round trip ".repeat(50_000);
    let request = request.header("content-type", "x/y").body(body.clone());
    let reply = Reply::of(request).await.expect(200);
    assert_eq!(reply.header("content-type"), "x/y");
    assert!(reply.text() == body, "{} bytes", reply.body.len());

    let reply = Reply::of(host.function("/cgi?status")).await.expect(418);
    let two = reply.headers.get_all("x-two").iter();
    assert!(two.eq(["a", "b"]), "{:?}", reply.headers);
    assert_eq!(reply.text(), "tea");
    assert_eq!(reply.header("status"), "", "it is no header of HTTP");

    let reply = Reply::of(host.function("/cgi?location")).await.expect(302);
    assert_eq!(reply.header("location"), "/elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_answers_while_it_still_reads() {
    let host = deployed("").await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("POST /cgi?stream HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    wire.read_until("text/plain").await;
    for part in ["four", "and eleven."] {
        wire.send(format!("{:x}\r\n{part}\r\n", part.len())).await;
        wire.read_until(&format!("{}\n", part.len())).await;
    }
    wire.send("0\r\n\r\n").await;
    wire.read_until("\r\n0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_writes_no_response_is_answered_for() {
    let host = deployed("").await;
    let cases = [
        ("no-headers", "guest_error", "empty line"),
        ("bad-header", "guest_error", "no colon here"),
        ("bad-status", "guest_error", "fine"),
        ("endless-header", "guest_error", "empty line"),
        ("nothing", "guest_error", "CGI"),
        ("error", "guest_error", "CGI"),
    ];
    for (what, code, reason) in cases {
        let reply = Reply::of(host.function(&format!("/cgi?{what}"))).await;
        reply.expect_problem(502, code);
        let invocations = host.admin().await_invocations("cgi", 1).await;
        assert_eq!(invocations[0]["blame"], "guest", "{what}");
        host.admin().await_log("cgi", reason).await;
    }
    host.admin().await_log("cgi", "on standard error").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_is_a_trap() {
    let host = deployed("").await;
    let reply = Reply::of(host.function("/cgi?panic")).await;
    reply.expect_problem(500, "trap");
    host.admin().await_log("cgi", "as asked").await;
}
