//! HTTP as components made for Spin see it: which of their routes takes a request, and the headers that tell about it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::RequestBuilder;
use tidegate_tests::{Reply, TestHost, sdks};

/// A component of Spin's SDK, which answers paths that end in `headers` with the headers of the request.
async fn deployed(routes: &[&str]) -> TestHost {
    let host = TestHost::start().await;
    let routes: String = routes
        .iter()
        .map(|route| format!("[[http]]\nroute = \"{route}\"\n"))
        .collect();
    let grants =
        "[grants]\nbuckets = [\"default\"]\ndatabases = [\"default\"]\npublish = [\"a\"]\n";
    let manifest = routes + grants;
    host.admin()
        .deployed_with("spin", sdks::spin(3), &manifest)
        .await;
    host
}

/// The headers that Spin defines, of those that a request arrived with.
async fn spin_headers(request: RequestBuilder) -> BTreeMap<String, String> {
    let text = Reply::of(request).await.expect(200).text();
    text.lines()
        .filter_map(|line| line.strip_prefix("spin-")?.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_of_a_request_are_those_that_spin_documents() {
    let host = deployed(&["/shop/{*rest}", "/users/{user_id}/headers", "/{*rest}"]).await;
    let cases: [(&str, &[(&str, &str)]); 4] = [
        (
            "/shop/a/headers?x=%201&y",
            &[
                ("component-route", "/shop"),
                ("matched-route", "/shop/..."),
                ("path-info", "/a/headers"),
                ("raw-component-route", "/shop/..."),
            ],
        ),
        (
            "/shop/headers",
            &[
                ("component-route", "/shop"),
                ("matched-route", "/shop/..."),
                ("path-info", "/headers"),
                ("raw-component-route", "/shop/..."),
            ],
        ),
        (
            "/users/4%2F2/headers",
            &[
                ("component-route", "/users/:user_id/headers"),
                ("matched-route", "/users/:user_id/headers"),
                ("path-info", ""),
                ("path-match-user-id", "4%2F2"),
                ("raw-component-route", "/users/:user_id/headers"),
            ],
        ),
        (
            "/else/where/headers",
            &[
                ("component-route", ""),
                ("matched-route", "/..."),
                ("path-info", "/else/where/headers"),
                ("raw-component-route", "/..."),
            ],
        ),
    ];
    for (path, expected) in cases {
        let mut found = spin_headers(host.function(path)).await;
        let client = found.remove("client-addr").expect("the client's address");
        let client: SocketAddr = client.parse().expect("an address with its port");
        assert!(client.ip().is_loopback(), "{client}");
        let url = format!("{}{path}", host.http);
        assert_eq!(found.remove("full-url"), Some(url));
        assert_eq!(found.remove("base-path").as_deref(), Some("/"));
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_tell_a_component_about_its_request() {
    let host = deployed(&["/spin/{*rest}"]).await;
    let request = host
        .function("/spin/headers")
        .header("spin-full-url", "http://bank.example/")
        .header("spin-client-addr", "192.0.2.1:1")
        .header("spin-path-match-admin", "yes");
    let found = spin_headers(request).await;
    assert_eq!(found["full-url"], format!("{}/spin/headers", host.http));
    assert!(found["client-addr"].starts_with("127.0.0.1:"), "{found:?}");
    assert_eq!(found.get("path-match-admin"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_spin_has_not_made_are_not_told_of_it() {
    let host = TestHost::start().await;
    host.admin().deployed("cgi", sdks::wagi(), "").await;
    let environment = Reply::of(host.function("/cgi")).await.expect(200).text();
    assert!(
        environment.contains("HTTP_TIDEGATE_ROUTE="),
        "{environment}"
    );
    assert!(!environment.contains("HTTP_SPIN_"), "{environment}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_particular_route_takes_the_request() {
    let host = deployed(&[
        "/headers",
        "/one/{*rest}",
        "/one/{id}/headers",
        "/one/two/{*rest}",
        "/deep/{a}/{b}/headers",
        "/{*rest}",
    ])
    .await;
    for (path, route) in [
        ("/headers", "/headers"),
        ("/one/headers", "/one/..."),
        ("/one/x/headers", "/one/:id/headers"),
        ("/one/x/y/headers", "/one/..."),
        ("/one/two/x/headers", "/one/two/..."),
        ("/deep/1/2/headers", "/deep/:a/:b/headers"),
        ("/deep/1/headers", "/..."),
        ("/onet/headers", "/..."),
    ] {
        let found = spin_headers(host.function(path)).await;
        assert_eq!(found["matched-route"], route, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_for_all_below_takes_its_beginning_with_and_without_a_slash() {
    let host = deployed(&["/users/{*rest}"]).await;
    for (path, status) in [
        ("/users", 200),
        ("/users/", 200),
        ("/users/1", 200),
        ("/users/1/", 200),
        ("/usersx", 404),
        ("/user", 404),
        ("/", 404),
    ] {
        Reply::of(host.function(path)).await.expect(status);
    }
}
