//! Outbound connections that are not granted, however they are spelled, and what a guest may not write.

use std::net::TcpListener;

use tidegate_tests::{Reply, TestHost, Upstream, artifacts};

async fn ask(host: &TestHost, query: &[(&str, &str)], status: u16) -> String {
    let reply = Reply::of(host.function("/out").query(query)).await;
    reply.expect(status).text()
}

async fn host_with(grants: &[&str]) -> TestHost {
    let host = TestHost::start().await;
    let manifest = format!("[grants]\noutbound = {grants:?}\n");
    let guest = artifacts::guest("http_outgoing");
    host.admin().deployed_with("out", guest, &manifest).await;
    host
}

/// Listeners on one port of this machine's addresses that nobody is to reach.
fn canaries() -> (u16, Vec<TcpListener>) {
    let first = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = first.local_addr().expect("an address").port();
    let others = ["127.0.0.2", "127.1.2.3", "::1"];
    // Not every machine has IPv6.
    let others = others
        .iter()
        .filter_map(|address| TcpListener::bind((*address, port)).ok());
    let all: Vec<TcpListener> = std::iter::once(first).chain(others).collect();
    for listener in &all {
        listener.set_nonblocking(true).expect("a socket option");
    }
    (port, all)
}

#[track_caller]
fn assert_untouched(canaries: &[TcpListener]) {
    for canary in canaries {
        let error = canary.accept().expect_err("nobody has connected");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    }
}

/// Hosts that lead to what is not public, in all their spellings; each is asked for on the canaries' port.
const NOT_PUBLIC: [&str; 57] = [
    // This machine.
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "127.255.255.254",
    "127.1",
    "127.0.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.1",
    "2130706433",
    "017700000001",
    "127.0.0.01",
    "127.000.000.001",
    "0",
    "0.0.0.0",
    "0x0",
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2606:4700::5efe:7f00:1]",
    // Metadata services.
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "[fd00:ec2::254]",
    "[fe80::a9fe:a9fe]",
    // Networks that are not public.
    "10.0.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[ff02::1]",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_reaches_what_is_not_public() {
    let (port, canaries) = canaries();
    let host = host_with(&["*://*:*"]).await;
    for spelling in NOT_PUBLIC {
        let url = format!("http://{spelling}:{port}/");
        let answer = ask(&host, &[("url", &url)], 502).await;
        assert!(
            answer.contains("DestinationIpProhibited"),
            "{url}: {answer}"
        );
    }
    assert_untouched(&canaries);
    let said = "which a name or a `*` does not grant: add `http://127.0.0.1:";
    host.admin().await_log("out", said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_host_reaches_nothing() {
    let (port, canaries) = canaries();
    let host = host_with(&["*://*:*"]).await;
    for authority in [
        format!("granted@127.0.0.1:{port}"),
        format!("a:b@127.0.0.1:{port}"),
        format!("127.0.0.1:{port}@example.com"),
        format!("127.0.0.1:{port}#@example.com"),
        format!("127.0.0.1%00:{port}"),
        format!("127.0.0.1%20:{port}"),
        format!("127.0.0.1\\@example.com:{port}"),
        format!("[::1%25lo]:{port}"),
        format!("[::1%lo]:{port}"),
        format!("[::1].example.com:{port}"),
        format!("[127.0.0.1]:{port}"),
        format!("１２７.0.0.1:{port}"),
        format!("127。0。0。1:{port}"),
        format!("127.0.0.1:{}", u32::from(port) + 65_536),
        format!("127.0.0.1:+{port}"),
        format!("127.0.0.1:0{}", port),
        // Resolvers differ in whether this is a name.
        format!("localhost.:{port}"),
        "127.0.0.1:".to_owned(),
        ":80".to_owned(),
        String::new(),
    ] {
        for path in ["/", ""] {
            let url = format!("http://{authority}{path}");
            let answer = ask(&host, &[("url", &url)], 502).await;
            let refusals = [
                "refused",
                "HttpRequestUriInvalid",
                "HttpProtocolError",
                "DnsError",
                "DestinationIpProhibited",
            ];
            assert!(
                refusals.iter().any(|refusal| answer.contains(refusal)),
                "{url}: {answer}"
            );
        }
    }
    assert_untouched(&canaries);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_grant_covers_is_denied_and_the_log_says_what_to_add() {
    let (port, canaries) = canaries();
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin, "http://*.plant.local:8080"]).await;
    let admin = host.admin.clone();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://{}/", upstream.address),
        format!("http://localhost:{}/", upstream.address.port()),
        format!("{admin}/healthz"),
        "http://plant.local:8080/".to_owned(),
        "http://pump.plant.local/".to_owned(),
        "https://example.com/".to_owned(),
    ] {
        let answer = ask(&host, &[("url", &url)], 502).await;
        assert!(answer.contains("HttpRequestDenied"), "{url}: {answer}");
    }
    assert_eq!(upstream.connections(), 0);
    assert_untouched(&canaries);
    let said = format!("`http://127.0.0.1:{port}` is not granted: add it to grants.outbound");
    let line = host.admin().await_log("out", &said).await;
    assert_eq!(
        (&line["level"], &line["source"]),
        (&"warn".into(), &"host".into()),
        "{line}"
    );
    // Twin: the one that is granted.
    ask(&host, &[("url", &origin)], 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_writes_neither_the_host_nor_what_frames_a_message() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let host = host_with(&[&origin]).await;
    for name in [
        "host",
        "Host",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "http2-settings",
        "proxy-authorization",
        "proxy-connection",
        "Proxy-Anything",
    ] {
        let header = format!("{name}:example.com");
        let answer = ask(&host, &[("url", &origin), ("header", &header)], 502).await;
        assert!(answer.contains("Forbidden"), "{name}: {answer}");
    }
    for header in [
        "x:a\r\nhost: example.com",
        "x:a\nb",
        "x:a\0",
        "x y:a",
        "x\r\ny:a",
        ":a",
    ] {
        let answer = ask(&host, &[("url", &origin), ("header", header)], 502).await;
        assert!(answer.contains("InvalidSyntax"), "{header:?}: {answer}");
    }
    let length = [
        ("url", origin.as_str()),
        ("header", "content-length:5"),
        ("body", "123456789"),
    ];
    ask(&host, &length, 502).await;
    for (name, value) in [
        ("method", "CONNECT"),
        ("method", "GET / HTTP/1.1\r\nhost: example.com\r\n\r\n"),
        (
            "url",
            &format!("{origin}/ HTTP/1.1\r\nhost: example.com\r\n\r\n"),
        ),
        ("url", "ftp://127.0.0.1/"),
    ] {
        let mut query = vec![("url", origin.as_str())];
        query.retain(|(key, _)| *key != name);
        query.push((name, value));
        ask(&host, &query, 502).await;
    }
    let paths = upstream.paths();
    assert!(
        paths.iter().all(|path| path == "/") && paths.len() <= 1,
        "{paths:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_that_mean_nothing_are_refused_at_deploy() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for (grant, advice) in [
        ("example.com", "it has no scheme"),
        ("insecure:allow-all", "`*://*:*`"),
        ("http://{a,b}", "one grant for each"),
        ("tcp://10.0.0.7", "write one"),
        ("http://127.1", "four numbers"),
        ("https://user@example.com", "password"),
    ] {
        let manifest = format!("[grants]\noutbound = [\"{grant}\"]\n");
        let guest = artifacts::guest("http_outgoing");
        let refused = admin.deploy_with("out", guest, &manifest).await;
        let refused = refused.expect_problem(422, "manifest_invalid").text();
        assert!(refused.contains(advice), "{grant}: {refused}");
        let query = format!("outbound={}", grant.replace('{', "%7B").replace('}', "%7D"));
        let refused = admin
            .deploy("out", artifacts::guest("http_outgoing"), &query)
            .await;
        let refused = refused.expect_problem(400, "parameter_invalid").text();
        assert!(refused.contains(advice), "{grant}: {refused}");
    }
    let query = "outbound=https://example.com";
    admin
        .deployed("out", artifacts::guest("http_outgoing"), query)
        .await;
}
