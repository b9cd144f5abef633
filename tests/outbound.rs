//! Outbound connections that are granted: HTTP with and without TLS, and TCP.

use std::net::SocketAddr;

use futures_util::StreamExt as _;
use tidegate_tests::{Authority, Reply, TestHost, Upstream, address_of_nobody, artifacts, sdks};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// Asks a function to do something with these parameters, and expects this status.
async fn ask(host: &TestHost, path: &str, query: &[(&str, &str)], status: u16) -> String {
    let reply = Reply::of(host.function(path).query(query)).await;
    reply.expect(status).text()
}

/// A host with the function `out`, which may reach these destinations.
async fn host_with(grants: &[&str]) -> TestHost {
    let host = TestHost::start().await;
    deploy(&host, "out", grants).await;
    host
}

async fn deploy(host: &TestHost, name: &str, grants: &[&str]) {
    let manifest = format!("[grants]\noutbound = {grants:?}\n");
    let guest = artifacts::guest("http_outgoing");
    host.admin().deployed_with(name, guest, &manifest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_what_is_granted() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin]).await;
    let url = format!("{origin}/path?query=1");
    let sent = [
        ("url", url.as_str()),
        ("method", "POST"),
        ("body", "hello"),
        ("header", "x-mine:1"),
    ];
    let told = ask(&host, "/out", &sent, 200).await;
    assert!(told.starts_with("status 200\n"), "{told}");
    assert!(told.contains("HTTP/1.1 POST /path?query=1\n"), "{told}");
    assert!(
        told.contains(&format!("host: {}\n", upstream.address)),
        "{told}"
    );
    assert!(
        told.contains("x-mine: 1\n") && told.ends_with("\n\nhello"),
        "{told}"
    );
    assert_eq!(told.matches("host: ").count(), 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_reaches_an_address_that_is_granted_beside_it() {
    let upstream = Upstream::start().await;
    let port = upstream.address.port();
    let by_name = format!("http://localhost:{port}");
    let host = host_with(&[&by_name]).await;
    let told = ask(&host, "/out", &[("url", &by_name)], 200).await;
    assert!(
        told.contains(&format!("host: localhost:{port}\n")),
        "{told}"
    );
    // The same by the address is something else.
    let by_address = format!("http://127.0.0.1:{port}");
    let refused = ask(&host, "/out", &[("url", &by_address)], 502).await;
    assert!(refused.contains("HttpRequestDenied"), "{refused}");
    deploy(&host, "out", &[&format!("http://127.0.0.0/8:{port}")]).await;
    ask(&host, "/out", &[("url", &by_address)], 200).await;
    deploy(
        &host,
        "out",
        &[&format!("*://127.0.0.1:{}..{}", port, port + 1)],
    )
    .await;
    ask(&host, "/out", &[("url", &by_address)], 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_trusts_the_certificates_it_is_told_to_and_no_others() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &trusted.pem).expect("a file");
    let host = TestHost::builder()
        .env("TIDEGATE_OUTBOUND_CA", file.to_str().expect("UTF-8"))
        .start()
        .await;
    deploy(&host, "out", &["https://localhost:*"]).await;
    let of = |upstream: &Upstream| format!("https://localhost:{}/", upstream.address.port());

    let both = Upstream::start_tls(&trusted, "localhost", &["h2", "http/1.1"]).await;
    let told = ask(
        &host,
        "/out",
        &[("url", &of(&both)), ("body", "x"), ("method", "POST")],
        200,
    )
    .await;
    assert!(
        told.contains(&format!("HTTP/2.0 POST {}", of(&both))),
        "{told}"
    );
    let old = Upstream::start_tls(&trusted, "localhost", &[]).await;
    let told = ask(&host, "/out", &[("url", &of(&old))], 200).await;
    assert!(told.contains("HTTP/1.1 GET /"), "{told}");

    let unknown = Upstream::start_tls(&stranger, "localhost", &["h2"]).await;
    let misnamed = Upstream::start_tls(&trusted, "elsewhere.test", &["h2"]).await;
    let plain = Upstream::start().await;
    for (upstream, code) in [
        (&unknown, "TlsCertificateError"),
        (&misnamed, "TlsCertificateError"),
        (&plain, "TlsProtocolError"),
    ] {
        let refused = ask(&host, "/out", &[("url", &of(upstream))], 502).await;
        assert!(refused.contains(code), "{code}: {refused}");
        assert!(upstream.paths().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_certificates_that_is_none_keeps_the_host_from_starting() {
    let directory = tempfile::tempdir().expect("a directory");
    for (content, reason) in [
        (Some("no certificate"), "has no certificate"),
        (None, "cannot be read"),
    ] {
        let file = directory.path().join("ca.pem");
        let _ = std::fs::remove_file(&file);
        if let Some(content) = content {
            std::fs::write(&file, content).expect("a file");
        }
        let started = artifacts::host_command()
            .args([
                "serve",
                "--http",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--mqtt",
                "off",
                "--outbound-ca",
            ])
            .arg(&file)
            .arg("--data-dir")
            .arg(directory.path().join("data"))
            .output()
            .expect("the host's binary runs");
        let said = String::from_utf8_lossy(&started.stderr).into_owned();
        assert!(
            !started.status.success() && said.contains(reason) && said.contains("outbound-ca"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_for_the_function_that_opened_them() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin]).await;
    for earlier in 0..5 {
        host.admin().await_invocations("out", earlier).await;
        ask(&host, "/out", &[("url", &origin)], 200).await;
    }
    assert_eq!(upstream.connections(), 1);
    deploy(&host, "other", &[&origin]).await;
    ask(&host, "/other", &[("url", &origin)], 200).await;
    assert_eq!(upstream.connections(), 2, "the other function has its own");
    // A revision without the grant has nothing of what the last one has opened.
    deploy(&host, "out", &["http://example.com"]).await;
    let refused = ask(&host, "/out", &[("url", &origin)], 502).await;
    assert!(refused.contains("HttpRequestDenied"), "{refused}");
    assert_eq!(upstream.paths().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_streamed_both_ways() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin]).await;
    let url = format!("{origin}/stalls");
    let response = host
        .function("/out")
        .query(&[("url", &url)])
        .send()
        .await
        .expect("a head");
    let mut chunks = response.bytes_stream();
    let mut text = String::new();
    while !text.ends_with("begun ") {
        let chunk = chunks.next().await.expect("more").expect("a chunk");
        text += &String::from_utf8_lossy(&chunk);
    }
    upstream.go_on();
    while let Some(chunk) = chunks.next().await {
        text += &String::from_utf8_lossy(&chunk.expect("a chunk"));
    }
    assert!(text.ends_with("begun ended"), "{text}");
    let url = format!("{origin}/back");
    let halves = [
        ("url", url.as_str()),
        ("method", "POST"),
        ("duplex", "true"),
    ];
    assert_eq!(ask(&host, "/out", &halves, 200).await, "first, second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_wait_for_less_than_the_host_does() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin]).await;
    let (silent, stalls) = (format!("{origin}/silent"), format!("{origin}/stalls"));
    let late = ask(&host, "/out", &[("url", &silent), ("first", "100")], 502).await;
    assert!(late.contains("ConnectionReadTimeout"), "{late}");
    let cut = ask(&host, "/out", &[("url", &stalls), ("between", "100")], 200).await;
    assert!(cut.ends_with("begun \nbroken off"), "{cut}");
    let zeros = [
        ("url", silent.as_str()),
        ("connect", "0"),
        ("first", "0"),
        ("between", "0"),
    ];
    let at_once = ask(&host, "/out", &zeros, 502).await;
    assert!(at_once.contains("Timeout"), "{at_once}");
    // Longer than there are nanoseconds to count, and so as long as the host allows.
    ask(
        &host,
        "/out",
        &[
            ("url", &origin),
            ("first", "18000000000"),
            ("between", "18000000000"),
        ],
        200,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_the_guests_business() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin]).await;
    let told = ask(
        &host,
        "/out",
        &[("url", &format!("{origin}/redirect"))],
        200,
    )
    .await;
    assert!(
        told.starts_with("status 302\n") && told.contains("location: /redirected"),
        "{told}"
    );
    assert_eq!(upstream.paths(), ["/redirect"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_told_as_what_it_is() {
    let unused = address_of_nobody();
    let nobody = unused.local_addr().expect("an address");
    let host = host_with(&[&format!("http://{nobody}"), "http://does-not-exist.invalid"]).await;
    let refused = ask(&host, "/out", &[("url", &format!("http://{nobody}"))], 502).await;
    assert!(refused.contains("ConnectionRefused"), "{refused}");
    let unknown = ask(
        &host,
        "/out",
        &[("url", "http://does-not-exist.invalid")],
        502,
    )
    .await;
    assert!(unknown.contains("DnsError"), "{unknown}");
}

/// A listener that says each line back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let said_back = write.write_all(format!("{line}\n").as_bytes()).await;
                    if said_back.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_reaches_what_is_granted_and_nothing_else() {
    let (granted, other) = (echo().await, echo().await);
    let host = TestHost::start().await;
    let deploy = async |grant: &str| {
        let guest = artifacts::guest("tcp_exchange");
        let manifest = format!("[grants]\noutbound = [\"{grant}\"]\n");
        host.admin().deployed_with("tcp", guest, &manifest).await;
    };
    let say = async |to: &str, status: u16| {
        ask(&host, "/tcp", &[("to", to), ("say", "hello")], status).await
    };
    let port = granted.port();
    for grant in [
        format!("tcp://{granted}"),
        format!("*://127.0.0.0/8:{port}"),
    ] {
        deploy(&grant).await;
        assert_eq!(say(&granted.to_string(), 200).await, "hello\n", "{grant}");
        for refused in [
            other.to_string(),
            format!("localhost:{port}"),
            "1.1.1.1:53".to_owned(),
        ] {
            say(&refused, 502).await;
        }
    }
    // By name: the name, and the address that it has led to.
    deploy(&format!("tcp://localhost:{port}")).await;
    assert_eq!(say(&format!("localhost:{port}"), 200).await, "hello\n");
    for refused in [
        other.to_string(),
        format!("localhost:{}", other.port()),
        granted.to_string(),
    ] {
        say(&refused, 502).await;
    }
    for query in ["listen", "udp"] {
        ask(
            &host,
            "/tcp",
            &[("to", "127.0.0.1:0"), (query, "true")],
            502,
        )
        .await;
    }
    let lines = host
        .admin()
        .await_log("tcp", "is not granted: add it to grants.outbound")
        .await;
    assert_eq!(lines["level"], "warn", "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_tcp_connections_than_allowed_are_refused() {
    let address = echo().await;
    let host = TestHost::start().await;
    let manifest = format!("[grants]\noutbound = [\"tcp://{address}\"]\n");
    let guest = artifacts::guest("tcp_exchange");
    host.admin().deployed_with("tcp", guest, &manifest).await;
    let to = address.to_string();
    let many = [("to", to.as_str()), ("say", "x"), ("times", "200")];
    let refused = ask(&host, "/tcp", &many, 502).await;
    assert!(refused.starts_with("128 of 200"), "{refused}");
    host.admin().await_invocations("tcp", 1).await;
    let unconnected = ask(&host, "/tcp", &[("to", &to), ("make", "200")], 502).await;
    assert!(unconnected.starts_with("128 of 200") && unconnected.contains("new-socket-limit"));
    host.admin().await_invocations("tcp", 2).await;
    ask(&host, "/tcp", &[("to", &to), ("say", "x")], 200).await;
    host.admin()
        .await_log("tcp", "too many outbound connections")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_generation_of_interfaces_has_the_same_grants() {
    let (upstream, listener) = (Upstream::start().await, echo().await);
    let host = TestHost::start().await;
    let (http, tcp) = (upstream.address, listener.port());
    let manifest = format!("[grants]\noutbound = [\"http://{http}\", \"tcp://localhost:{tcp}\"]\n");
    let guest = sdks::wasi3("outbound");
    host.admin().deployed_with("new", guest, &manifest).await;
    let go = async |what: &str, status: u16| {
        let reply = Reply::of(host.function(&format!("/new?{what}"))).await;
        reply.expect(status).text()
    };
    for earlier in 0..3 {
        host.admin().await_invocations("new", earlier).await;
        let told = go(&format!("http://{http}/path"), 200).await;
        assert!(told.contains("HTTP/1.1 GET /path\n"), "{told}");
        assert!(told.contains(&format!("host: {http}\n")), "{told}");
    }
    assert_eq!(upstream.connections(), 1);
    assert_eq!(go(&format!("tcp:localhost:{tcp}"), 200).await, "connected");
    for (what, code) in [
        ("make:200".to_owned(), "too many sockets are open"),
        (format!("http://localhost:{tcp}/"), "HttpRequestDenied"),
        (format!("https://{http}/"), "HttpRequestDenied"),
        (format!("tcp:localhost:{}", http.port()), "AccessDenied"),
        (format!("tcp:127.0.0.1:{tcp}"), "AccessDenied"),
        ("tcp:example.com:443".to_owned(), "NameUnresolvable"),
    ] {
        let refused = go(&what, 502).await;
        assert!(refused.contains(code), "{what}: {refused}");
    }
}
