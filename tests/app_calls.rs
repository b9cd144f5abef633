//! What a function of an app reaches of its own app, and what it does not.

use tidegate_tests::{Reply, TestHost, artifacts, sdks};

/// The manifest of a component of the app `calls`, which may ask the app's own routes.
fn of_app(component: &str, more: &str) -> String {
    format!(
        "[app]\nname = \"calls\"\ncomponent = \"{component}\"\n\
         [grants]\noutbound = [\"https://self\", \"http://*.spin.internal\"]\n{more}"
    )
}

/// A host with the app: `/shows/…` for WASI 0.2 and `/asks/…` for 0.3; and `/other/…`, which is no part of it.
async fn app() -> TestHost {
    let host = TestHost::start().await;
    let admin = host.admin();
    let (shows, asks) = (artifacts::guest("app_shows"), sdks::wasi3("outbound"));
    let (of_shows, of_asks) = (
        of_app("shows", "[config]\nwho = \"shows\"\n"),
        of_app("asks", ""),
    );
    admin.deployed_with("shows", shows.clone(), &of_shows).await;
    admin.deployed_with("asks", asks, &of_asks).await;
    admin.deployed("other", shows, "").await;
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_a_host_leads_to_the_apps_own_routes() {
    let host = app().await;
    for own in [
        "/shows/x?config=who",
        "http://:80/shows/x?config=who",
        "https://:443/shows/x?config=who",
        "http://self/shows/x?config=who",
        "https://self.alt:8443/shows/x?config=who",
    ] {
        let asked = host.function("/shows").query(&[("call", own)]);
        let answer = Reply::of(asked).await.text();
        assert_eq!(answer, "200\nshows", "{own}");
        let asked = host.function(&format!("/asks?{own}"));
        assert_eq!(Reply::of(asked).await.text(), "shows", "{own}");
    }
    // Nobody's routes but the app's.
    let asked = host.function("/shows").query(&[("call", "/other")]);
    let answer = Reply::of(asked).await.expect(200).text();
    assert!(answer.starts_with("404\n"), "{answer}");
    let answer = Reply::of(host.function("/asks?/other")).await.text();
    assert!(answer.contains("\"no_route\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_a_host_needs_the_grant_of_the_own_app() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = of_app("shows", "").replace("https://self", "http://localhost");
    admin
        .deployed_with("shows", artifacts::guest("app_shows"), &manifest)
        .await;
    // What the client says of itself leads nowhere.
    let asked = host.function("/shows").query(&[("call", "/shows")]);
    let asked = asked.header("host", "localhost");
    let answer = Reply::of(asked).await.expect(500).text();
    assert!(answer.contains("HttpRequestDenied"), "{answer}");
    admin
        .await_log("shows", "`http://self` is not granted")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_handles_no_requests_is_not_found() {
    let host = app().await;
    let admin = host.admin();
    let mailer = of_app("mailer", "[[mqtt]]\ntopic = \"mails\"\n");
    admin
        .deployed_with("mailer", artifacts::guest("mqtt_fails"), &mailer)
        .await;
    let asked = host.function("/shows");
    let asked = asked.query(&[("call", "http://mailer.spin.internal/")]);
    let answer = Reply::of(asked).await.expect(200).text();
    assert!(answer.starts_with("404\n"), "{answer}");
    assert!(
        answer.contains("\"no_http_handler\"") && answer.contains("handles no HTTP requests"),
        "{answer}"
    );
    assert!(admin.invocations("mailer").await.is_empty());
}
