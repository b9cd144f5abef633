//! HTTP as functions and their clients see it: streaming, methods, headers, routing, versions, and bad manners.

use std::time::{Duration, Instant};

use futures_util::stream;
use reqwest::{Body, Method, StatusCode, Version};
use tidegate_tests::{Reply, SOON, TestHost, Wire, artifacts};
use tokio::sync::mpsc;

/// A host with the guest `http_echo` at `/echo` and below.
async fn echo_host() -> TestHost {
    let host = TestHost::start().await;
    host.admin()
        .deployed("echo", artifacts::guest("http_echo"), "")
        .await;
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways_at_once() {
    let host = echo_host().await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    let head = wire.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    for part in ["first part", "second part"] {
        wire.send(format!("{:x}\r\n{part}\r\n", part.len())).await;
        wire.read_until(part).await;
    }
    wire.send("0\r\n\r\n").await;
    wire.read_until("0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways_over_http_2() {
    let host = echo_host().await;
    let (sender, receiver) = mpsc::channel::<Vec<u8>>(1);
    let parts = stream::unfold(receiver, async |mut receiver| {
        let part = receiver.recv().await?;
        Some((Ok::<_, std::io::Error>(part), receiver))
    });
    let client = http2_client();
    let request = client
        .post(format!("{}/echo", host.http))
        .body(Body::wrap_stream(parts));
    let mut response = request
        .send()
        .await
        .expect("a head before the request's end");
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, Version::HTTP_2)
    );
    let mut text = String::new();
    for part in ["first part", "second part"] {
        sender.send(part.into()).await.expect("the request is read");
        while !text.contains(part) {
            let chunk = response
                .chunk()
                .await
                .expect("no error")
                .expect("not the end");
            text += &String::from_utf8_lossy(&chunk);
        }
    }
    drop(sender);
    let rest = response.bytes().await.expect("a clean end");
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_pass_both_ways() {
    let host = echo_host().await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send(
        "POST /echo HTTP/1.1\r\nhost: x\r\nte: trailers\r\ntrailer: x-checksum\r\ntransfer-encoding: chunked\r\n\r\n\
         4\r\nbody\r\n0\r\nx-checksum: abc123\r\n\r\n",
    )
    .await;
    let head = wire.read_until("\r\n\r\n").await;
    assert!(head.contains("trailer: x-checksum"), "{head}");
    let end = wire.read_until("x-checksum: abc123\r\n\r\n").await;
    assert!(
        end.contains("\r\n0\r\n"),
        "the trailer follows the last chunk: {end}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_reaches_the_function() {
    let host = echo_host().await;
    for name in [
        "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE", "M-SEARCH",
    ] {
        let method = Method::from_bytes(name.as_bytes()).expect("a method");
        let reply = Reply::of(host.request(method, "/echo")).await.expect(200);
        assert!(
            reply
                .text()
                .starts_with(&format!("{{\"method\":\"{name}\",")),
            "{}",
            reply.text()
        );
    }
    // Many: whether the guest has written its body when the head leaves is a matter of chance.
    for _ in 0..50 {
        let head = Reply::of(host.request(Method::HEAD, "/echo")).await;
        let head = head.expect(200);
        assert_eq!(
            (head.text().as_str(), head.header("content-type")),
            ("", "text/plain")
        );
    }
    let outcomes = host.admin().await_invocations("echo", 59).await;
    assert!(
        outcomes
            .iter()
            .all(|invocation| invocation["outcome"] == "ok"),
        "{outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn target_headers_and_body_arrive_as_they_were_sent() {
    let host = echo_host().await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send(
        "POST /echo//a/../b%2Fc;d?x=1&x=2&y=%20%2B+&z HTTP/1.1\r\nHost: example.test:81\r\nx-one: a\r\nx-one: b, c\r\n\
         cookie: d=1\r\ncontent-length: 9\r\nconnection: close\r\n\r\nsome body",
    )
    .await;
    let answer = wire.read_to_end(SOON).await;
    assert!(
        answer.contains("\"target\":\"/echo//a/../b%2Fc;d?x=1&x=2&y=%20%2B+&z\""),
        "{answer}"
    );
    assert!(
        answer.contains("\"authority\":\"example.test:81\",\"scheme\":\"HTTP\""),
        "{answer}"
    );
    for line in [
        "host: example.test:81\n",
        "x-one: a\n",
        "x-one: b, c\n",
        "cookie: d=1\n",
        "some body",
    ] {
        assert!(answer.contains(line), "{line:?} is not in {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_told_about_its_request_and_nobody_else_can_tell_it() {
    let host = TestHost::start().await;
    let manifest = "[[http]]\nroute = \"/doors/{door}/{*rest}\"";
    host.admin()
        .deployed_with("params", artifacts::guest("http_params"), manifest)
        .await;
    let request = host
        .function("/doors/caf%C3%A9/a/b%2Fc?door=query")
        .header("tidegate-client-address", "6.6.6.6:6")
        .header("Tidegate-Route", "/forged")
        .header("tidegate-invocation-id", "forged")
        .header("tidegate-param-door", "forged")
        .header("tidegate-param-other", "forged");
    let report = Reply::of(request).await.expect(200).text();
    assert!(report.contains("client: Some(127.0.0.1:"), "{report}");
    assert!(
        report.contains("route: Some(\"/doors/{door}/{*rest}\")"),
        "{report}"
    );
    assert!(report.contains("door: caf%C3%A9 \"café\"\n"), "{report}");
    assert!(report.contains("rest: a/b%2Fc \"a/b/c\"\n"), "{report}");
    assert!(
        !report.contains("forged") && !report.contains("6.6.6.6"),
        "{report}"
    );
    let id = host.admin().await_invocations("params", 1).await[0]["id"].clone();
    let id = id.as_str().expect("an id");
    assert!(
        report.contains(&format!("invocation: Some({id:?})")),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_more_specific_route_wins() {
    let host = TestHost::start().await;
    let admin = host.admin();
    // The least specific first: precedence does not come from the order of deployment.
    for (name, route) in [
        ("everything", "/{*all}"),
        ("rest", "/p/{*rest}"),
        ("parameter", "/p/{id}"),
        ("deeper", "/p/{id}/on"),
        ("exact", "/p/fixed"),
    ] {
        let manifest = format!("[[http]]\nroute = \"{route}\"");
        admin
            .deployed_with(name, artifacts::guest("http_params"), &manifest)
            .await;
    }
    for (path, route) in [
        ("/p/fixed", "/p/fixed"),
        ("/p/fix%65d", "/p/fixed"),
        ("/p/other", "/p/{id}"),
        ("/p/other/on", "/p/{id}/on"),
        ("/p/other/off", "/p/{*rest}"),
        ("/p/fixed/", "/p/{*rest}"),
        ("/p", "/p/{*rest}"),
        ("/", "/{*all}"),
        ("//p/fixed", "/{*all}"),
    ] {
        let report = Reply::of(host.function(path)).await.expect(200).text();
        assert!(
            report.contains(&format!("route: Some({route:?})")),
            "{path}: {report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_without_a_function_and_a_method_that_none_takes_are_problems() {
    let host = TestHost::start().await;
    let manifest = "[[http]]\nroute = \"/only\"\nmethods = [\"GET\", \"PURGE\"]";
    host.admin()
        .deployed_with("only", artifacts::guest("http_version"), manifest)
        .await;
    for path in [
        "/",
        "/only/",
        "/only/x",
        "/ONLY",
        "/api/v1/functions",
        "/healthz",
    ] {
        Reply::of(host.function(path))
            .await
            .expect_problem(404, "no_route");
    }
    let refused = Reply::of(host.request(Method::POST, "/only")).await;
    let refused = refused.expect_problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET, PURGE");
    let purge = Method::from_bytes(b"PURGE").expect("a method");
    assert_eq!(
        Reply::of(host.request(purge, "/only"))
            .await
            .expect(200)
            .text(),
        "v1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_clients_are_served() {
    let host = echo_host().await;
    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("GET /echo HTTP/1.0\r\n\r\n").await;
    let answer = wire.read_to_end(SOON).await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    assert!(
        !answer.to_ascii_lowercase().contains("transfer-encoding"),
        "{answer}"
    );
    assert!(answer.contains("\"authority\":\"localhost\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_without_tls_is_served() {
    let host = echo_host().await;
    let client = http2_client();
    let requests = (0..8).map(|number| {
        client
            .get(format!("{}/echo?number={number}", host.http))
            .send()
    });
    for (number, response) in futures_util::future::join_all(requests)
        .await
        .into_iter()
        .enumerate()
    {
        let response = response.expect("an answer");
        assert_eq!(response.version(), Version::HTTP_2);
        let text = response.text().await.expect("a whole body");
        assert!(
            text.contains(&format!("\"target\":\"/echo?number={number}\"")),
            "{text}"
        );
        assert!(
            text.contains(&format!("\"authority\":\"{}\"", host.http_address())),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_one_request_after_another() {
    let host = echo_host().await;
    let mut wire = Wire::connect(host.http_address()).await;
    for number in 0..3 {
        wire.send(format!("GET /echo?{number} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        wire.read_until(&format!("/echo?{number}\"")).await;
        wire.read_until("\r\n0\r\n\r\n").await;
    }
    // Two at once: answered in their order.
    wire.send("GET /echo?a HTTP/1.1\r\nhost: x\r\n\r\nGET /echo?b HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert!(!wire.read_until("/echo?a\"").await.contains("/echo?b\""));
    wire.read_until("/echo?b\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_cancels_its_invocation() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("ticks", artifacts::guest("http_stream_ticks"), "")
        .await;
    admin
        .deployed("sleeps", artifacts::guest("http_sleeps"), "")
        .await;

    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("GET /ticks?chunks=1000000 HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    wire.read_until("tick 2\n").await;
    drop(wire);
    let during_the_body = &admin.await_invocations("ticks", 1).await[0];
    assert_eq!(
        (&during_the_body["outcome"], &during_the_body["blame"]),
        (&"cancelled".into(), &"client".into())
    );

    Reply::of(host.function("/sleeps?ms=0")).await.expect(200);
    let impatient = host
        .function("/sleeps?ms=25000")
        .timeout(Duration::from_secs(1));
    assert!(
        impatient
            .send()
            .await
            .expect_err("no answer in time")
            .is_timeout()
    );
    let before_the_head = &admin.await_invocations("sleeps", 2).await[0];
    assert_eq!(before_the_head["outcome"], "cancelled");
    assert!(
        before_the_head["duration_ms"].as_f64() < Some(20_000.0),
        "{before_the_head}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_was_cut_short_does_not_look_complete() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("half", artifacts::guest("http_body_then_trap"), "")
        .await;

    let mut wire = Wire::connect(host.http_address()).await;
    wire.send("GET /half?later HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let answer = wire.read_to_end(SOON).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("first"),
        "{answer}"
    );
    assert!(
        !answer.contains("\r\n0\r\n"),
        "the last chunk was sent: {answer}"
    );

    let http_1_client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    for client in [http_1_client, http2_client()] {
        let response = client
            .get(format!("{}/half?later", host.http))
            .send()
            .await
            .expect("a head");
        assert_eq!(response.status(), StatusCode::OK);
        response
            .bytes()
            .await
            .expect_err("an error, not a clean end");
        // At once: there may be no time for the head.
        if let Ok(response) = client.get(format!("{}/half", host.http)).send().await {
            response
                .bytes()
                .await
                .expect_err("an error, not a clean end");
        }
    }
    let invocations = host.admin().await_invocations("half", 5).await;
    assert!(
        invocations
            .iter()
            .all(|invocation| invocation["outcome"] == "trap"),
        "{invocations:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_closed_while_others_are_served() {
    let host = echo_host().await;
    let mut slow = Vec::new();
    for beginning in [
        "",
        "GET /echo HTTP/1.1\r\nhost:",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PRI * HT",
    ] {
        let mut wire = Wire::connect(host.http_address()).await;
        wire.send(beginning).await;
        slow.push(wire);
    }
    let began = Instant::now();
    Reply::of(host.function("/echo")).await.expect(200);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    for mut wire in slow {
        wire.closed(Duration::from_secs(20).saturating_sub(began.elapsed()))
            .await;
    }
    Reply::of(host.function("/echo")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_head_that_is_too_large_is_refused() {
    let host = echo_host().await;
    let many = (0..101)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect::<String>();
    let long = format!("x-long: {}\r\n", "x".repeat(200 * 1024));
    for headers in [many, long] {
        let mut wire = Wire::connect(host.http_address()).await;
        // The host may close before it has read all of it.
        let _ = wire
            .try_send(format!("GET /echo HTTP/1.1\r\nhost: x\r\n{headers}\r\n"))
            .await;
        let answer = wire.read_to_end(SOON).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
            "{answer}"
        );
    }
    let fits = (0..90).fold(host.function("/echo"), |request, number| {
        request.header(format!("x-{number}"), "1")
    });
    assert!(
        Reply::of(fits)
            .await
            .expect(200)
            .text()
            .contains("x-89: 1\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_exactly_one_host() {
    let host = echo_host().await;
    for head in [
        "GET /echo HTTP/1.1\r\nhost: a\r\nhost: b\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\nhost: a\r\n",
        "GET /echo HTTP/1.1\r\n",
        "GET /echo HTTP/1.1\r\nhost: caf\u{e9}\r\n",
        // Names by which only functions of the same app call each other.
        "GET /echo HTTP/1.1\r\nhost: back.spin.internal\r\n",
        "GET /echo HTTP/1.1\r\nhost: Back.Spin.Internal.:80\r\n",
        "GET http://back.spin.internal:80/echo HTTP/1.1\r\nhost: a\r\n",
    ] {
        let mut wire = Wire::connect(host.http_address()).await;
        wire.send(format!("{head}connection: close\r\n\r\n")).await;
        let answer = wire.read_to_end(SOON).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"bad_host\""),
            "{head:?}: {answer}"
        );
    }
}

/// RFC 9112, section 6.3: what frames a body has to be unambiguous, or one request becomes two.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_cannot_smuggle_a_second_request() {
    let host = echo_host().await;
    let admin = host.admin();
    admin
        .deployed("smuggled", artifacts::guest("http_version"), "")
        .await;
    let inner = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let chunk = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let ended = format!("0\r\n\r\n{inner}");
    let attempts = [
        format!("content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"),
        format!("transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n{chunk}"),
        format!(
            "content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n{ended}",
            ended.len()
        ),
        format!(
            "content-length: {}\r\ntransfer-encoding : chunked\r\n\r\n{ended}",
            ended.len()
        ),
        format!(
            "content-length: {}\r\ntransfer-encoding: chunked, identity\r\n\r\n{ended}",
            ended.len()
        ),
        format!(
            "content-length: {}\r\ntransfer-encoding:\x0bchunked\r\n\r\n{ended}",
            ended.len()
        ),
        format!(
            "content-length: {}\r\ntransfer-encoding: xchunked\r\n\r\n{ended}",
            ended.len()
        ),
        format!(
            "content-length: 0\r\ncontent-length: {}\r\n\r\n{inner}",
            inner.len()
        ),
        format!(
            "content-length: {0}\r\ncontent-length: 0\r\n\r\n{inner}",
            inner.len()
        ),
        format!("content-length: +0\r\n\r\n{inner}"),
        format!("content-length: 0, {}\r\n\r\n{inner}", inner.len()),
        format!("transfer-encoding: chunked\r\n\r\n+0\r\n\r\n{inner}"),
        format!("transfer-encoding: chunked\r\n\r\n0x0\r\n\r\n{inner}"),
    ];
    for attempt in attempts {
        let mut wire = Wire::connect(host.http_address()).await;
        let _ = wire
            .try_send(format!("POST /echo HTTP/1.1\r\nhost: x\r\n{attempt}"))
            .await;
        let _ = wire
            .try_send("GET /echo?end HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        let answer = wire.read_to_end(SOON).await;
        let smuggled = admin.invocations("smuggled").await;
        assert!(
            smuggled.is_empty() && !answer.ends_with("v1"),
            "{attempt:?} became two requests: {answer}"
        );
    }
    Reply::of(host.function("/smuggled")).await.expect(200);
    assert_eq!(admin.await_invocations("smuggled", 1).await.len(), 1);
}

fn http2_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .expect("a client")
}
