//! Sessions of the dashboard: signing in and out, what the cookie is good for, and who else gets to see it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tidegate_tests::{AdminClient, Reply, Role, SOON, TestHost, artifacts, eventually};

const SESSION: &str = "/api/v1/session";
const FUNCTIONS: &str = "/api/v1/functions";
const KEY: &str = "/api/v1/buckets/default/keys/key";
const SECURE: &str = "__Host-tidegate";
const PLAIN: &str = "tidegate";

/// A request that no token comes with, and these headers do.
fn request(host: &TestHost, method: &str, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
    let method: Method = method.parse().expect("a method");
    let request = host.stranger().request(method, path);
    let add = |request: RequestBuilder, (name, value): &(&str, &str)| request.header(*name, *value);
    headers.iter().fold(request, add)
}

async fn ask(host: &TestHost, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    Reply::of(request(host, method, path, headers)).await
}

async fn sign_in(host: &TestHost, by: &Value, headers: &[(&str, &str)]) -> Reply {
    Reply::of(request(host, "POST", SESSION, headers).json(by)).await
}

/// The cookies that a reply sets: name, value and the rest.
fn cookies(reply: &Reply) -> Vec<(String, String, String)> {
    let set = reply.headers.get_all("set-cookie").iter();
    let parts = set.map(|cookie| {
        let cookie = cookie.to_str().expect("ASCII");
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        let (name, value) = pair.split_once('=').expect("a value");
        (name.to_owned(), value.to_owned(), attributes.to_owned())
    });
    parts.collect()
}

/// A session of this role, as a browser sends it.
async fn session(host: &TestHost, role: Role) -> String {
    let by = json!({ "token": host.token(role) });
    let signed_in = sign_in(host, &by, &[("origin", &host.admin)]).await;
    let [(name, value, _)] = &cookies(&signed_in.expect(200))[..] else {
        panic!("one cookie");
    };
    format!("{name}={value}")
}

/// The code of the link that a first start prints.
async fn code(host: &TestHost) -> String {
    let link = eventually("the link is printed", SOON, async || {
        let said = host.stdout();
        let (_, after) = said.split_once("/#login=")?;
        Some(after.split_once('\n')?.0.to_owned())
    });
    link.await
}

fn seconds_left(session: &Value) -> i64 {
    let expires = session["expires_at"].as_str().expect("a time");
    let expires: Timestamp = expires.parse().expect("RFC 3339");
    expires.as_second() - Timestamp::now().as_second()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_the_first_start_signs_in_once() {
    let mut host = TestHost::builder().lines().start().await;
    let code = code(&host).await;
    for wrong in ["", &code[1..]] {
        let refused = sign_in(&host, &json!({ "code": wrong }), &[]).await;
        refused.expect_problem(401, "login_invalid");
    }
    let by = json!({ "code": code });
    let signed_in = sign_in(&host, &by, &[("origin", &host.admin)]).await;
    let signed_in = signed_in.expect(200);
    let shown = signed_in.json();
    assert_eq!(
        (&shown["subject"], &shown["role"]),
        (&json!("dashboard"), &json!("admin"))
    );
    let left = seconds_left(&shown);
    assert!((43_140..=43_200).contains(&left), "12 hours: {left} s");
    let cookies = cookies(&signed_in);
    let [(name, value, attributes)] = &cookies[..] else {
        panic!("one cookie: {cookies:?}");
    };
    assert_eq!(
        (name.as_str(), attributes.as_str()),
        (
            SECURE,
            "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
        )
    );
    let again = sign_in(&host, &by, &[("origin", &host.admin)]).await;
    again.expect_problem(401, "login_invalid");

    let cookie = format!("{name}={value}");
    host.restart().await;
    assert!(!host.stdout().contains("login"), "{}", host.stdout());
    let still = ask(&host, "GET", SESSION, &[("cookie", &cookie)]).await;
    assert_eq!(still.expect(200).json(), shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_a_session_of_its_own_role_and_time() {
    let host = TestHost::start().await;
    for (role, name, ttl, least, most) in [
        (Role::Viewer, "viewer", "10m", 540, 600),
        (Role::Deployer, "deployer", "30d", 43_140, 43_200),
    ] {
        let by = json!({ "token": host.token_for(role, ttl) });
        let signed_in = sign_in(&host, &by, &[]).await.expect(200);
        let shown = signed_in.json();
        assert_eq!(shown["role"], name);
        let left = seconds_left(&shown);
        assert!((least..=most).contains(&left), "{ttl}: {left} s");
        let (_, value, attributes) = &cookies(&signed_in)[0];
        let max_age = attributes.split("Max-Age=").nth(1).expect("one");
        let max_age: i64 = max_age
            .split(';')
            .next()
            .expect("a number")
            .parse()
            .expect("one");
        assert!((left - 2..=left + 2).contains(&max_age), "{attributes}");
        // Signing in by a session makes none that lasts longer.
        let again = sign_in(&host, &json!({ "token": value }), &[]).await;
        assert!(seconds_left(&again.expect(200).json()) <= left);
    }
    let admin = AdminClient::new(&host.admin, Some(&host.token(Role::Admin)));
    let shown = admin.get(SESSION).await.expect(200).json();
    assert_eq!(shown["role"], "admin", "a bearer token is shown as well");

    for token in ["", "nonsense", &TestHost::start().await.token(Role::Admin)] {
        let refused = sign_in(&host, &json!({ "token": token }), &[]).await;
        refused.expect_problem(401, "token_invalid");
    }
    for by in [
        json!({}),
        json!({ "code": "a", "token": "b" }),
        json!({ "code": 1 }),
        json!({ "password": "x" }),
        json!("code"),
    ] {
        let refused = sign_in(&host, &by, &[]).await;
        refused.expect_problem(400, "bad_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_secure_wherever_a_browser_keeps_such_a_one() {
    let host = TestHost::start().await;
    let by = json!({ "token": host.token(Role::Viewer) });
    for (name_and_port, origin, expected) in [
        ("127.0.0.1:3001", Some("http://127.0.0.1:3001"), SECURE),
        ("localhost:3001", Some("http://localhost:3001"), SECURE),
        ("[::1]:3001", Some("http://[::1]:3001"), SECURE),
        ("gate.example.com", Some("https://gate.example.com"), SECURE),
        (
            "gate.example.com:443",
            Some("https://gate.example.com"),
            SECURE,
        ),
        ("gate.local:3001", Some("http://gate.local:3001"), PLAIN),
        ("192.0.2.1:3001", Some("http://192.0.2.1:3001"), PLAIN),
        ("127.0.0.1:3001", None, PLAIN),
    ] {
        let mut headers = vec![("host", name_and_port)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let signed_in = sign_in(&host, &by, &headers).await.expect(200);
        let [(name, value, attributes)] = &cookies(&signed_in)[..] else {
            panic!("one cookie");
        };
        assert_eq!(name, expected, "{origin:?}");
        assert_eq!(attributes.contains("; Secure"), name == SECURE);
        for part in ["Path=/", "HttpOnly", "SameSite=Strict"] {
            assert!(attributes.contains(part), "{attributes}");
        }
        assert!(!attributes.contains("Domain"), "{attributes}");
        let cookie = format!("a=b; {name}={value}");
        let seen = ask(&host, "GET", FUNCTIONS, &[("cookie", &cookie)]).await;
        seen.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_may_do_what_its_token_may_for_pages_of_this_host() {
    let host = TestHost::start().await;
    let own = ("origin", host.admin.as_str());
    let (admin, viewer) = (
        session(&host, Role::Admin).await,
        session(&host, Role::Viewer).await,
    );
    ask(&host, "PUT", KEY, &[("cookie", &admin), own])
        .await
        .expect(204);
    ask(&host, "GET", KEY, &[("cookie", &admin)])
        .await
        .expect(200);
    ask(&host, "HEAD", FUNCTIONS, &[("cookie", &viewer)])
        .await
        .expect(200);
    for (method, path) in [("GET", KEY), ("PUT", KEY), ("DELETE", KEY)] {
        let refused = ask(&host, method, path, &[("cookie", &viewer), own]).await;
        refused.expect_problem(403, "role_insufficient");
    }
    // Somebody has put a cookie of the same name before it.
    for forged in ["tidegate=nonsense", "__Host-tidegate=nonsense", "tidegate="] {
        let both = format!("{forged}; {admin}");
        let seen = ask(&host, "PUT", KEY, &[("cookie", &both), own]).await;
        seen.expect(204);
        let refused = ask(&host, "GET", FUNCTIONS, &[("cookie", forged)]).await;
        refused.expect_problem(401, "token_invalid");
    }
    ask(&host, "GET", FUNCTIONS, &[("cookie", "tidegate")])
        .await
        .expect_problem(401, "token_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_goes_before_a_session() {
    let host = TestHost::start().await;
    let cookie = session(&host, Role::Admin).await;
    let bearer = |token: &str| format!("Bearer {token}");
    let (viewer, admin) = (
        bearer(&host.token(Role::Viewer)),
        bearer(&host.token(Role::Admin)),
    );
    let foreign = ("origin", "http://evil.example");
    let both = |authorization| {
        [
            ("authorization", authorization),
            ("cookie", cookie.as_str()),
            foreign,
        ]
    };
    ask(&host, "PUT", KEY, &both(&viewer))
        .await
        .expect_problem(403, "role_insufficient");
    ask(&host, "PUT", KEY, &both("Bearer nonsense"))
        .await
        .expect_problem(401, "token_invalid");
    ask(&host, "PUT", KEY, &both("Basic eA=="))
        .await
        .expect_problem(401, "token_missing");
    // A browser adds no bearer token by itself, so that its page may be anybody's.
    ask(&host, "PUT", KEY, &both(&admin)).await.expect(204);
}

/// Origins that are not that of `gate.local:3001`.
const FOREIGN: [&str; 25] = [
    "",
    "null",
    "http://evil.example",
    "https://evil.example",
    "http://evil.example:3001",
    "http://gate.local",
    "https://gate.local",
    "http://gate.local:3000",
    "http://gate.local:1883",
    "http://gate.local:30010",
    "http://gate.local:300",
    "http://gate.local:",
    "http://www.gate.local:3001",
    "http://gate.local.evil.example:3001",
    "http://evilgate.local:3001",
    "http://gate.local.:3001",
    "http://gate.local:3001@evil.example",
    "http://evil@gate.local:3001",
    "http://gate.local:3001/",
    "http://gate.local:3001#",
    "http://gate.local:3001 http://evil.example",
    "http://localhost:3001",
    "http://127.0.0.1:3001",
    "gate.local:3001",
    "chrome-extension://gate.local:3001",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_else_changes_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("http_version");
    admin.deployed("version", guest, "").await;
    let cookie = session(&host, Role::Admin).await;
    let there = ("host", "gate.local:3001");
    let with_cookie = ("cookie", cookie.as_str());
    for origin in FOREIGN {
        let headers = [there, with_cookie, ("origin", origin)];
        for (method, path) in [
            ("PUT", KEY),
            ("DELETE", "/api/v1/functions/version"),
            ("POST", "/api/v1/functions/version/rollback"),
            ("DELETE", SESSION),
        ] {
            let refused = ask(&host, method, path, &headers).await;
            refused.expect_problem(403, "origin_foreign");
        }
        // Signing somebody in as somebody else.
        let by = json!({ "token": host.token(Role::Viewer) });
        let refused = sign_in(&host, &by, &[there, ("origin", origin)]).await;
        assert!(cookies(&refused).is_empty(), "{origin}");
        refused.expect_problem(403, "origin_foreign");
    }
    for headers in [
        vec![there, with_cookie],
        vec![
            there,
            with_cookie,
            ("origin", "http://gate.local:3001"),
            ("origin", "null"),
        ],
        vec![there, with_cookie, ("referer", "http://gate.local:3001/")],
        vec![there, with_cookie, ("sec-fetch-site", "same-origin")],
        vec![
            there,
            with_cookie,
            ("x-forwarded-host", "gate.local:3000"),
            ("origin", "http://gate.local:3000"),
        ],
    ] {
        let refused = ask(&host, "PUT", KEY, &headers).await;
        refused.expect_problem(403, "origin_foreign");
    }
    // What a form or a `no-cors` request can send: JSON as text.
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let headers = [
            there,
            with_cookie,
            ("origin", "http://gate.local:3000"),
            ("content-type", content_type),
        ];
        let message = request(&host, "POST", "/api/v1/broker/publish", &headers);
        let refused = Reply::of(message.body(r#"{"topic":"a"}"#)).await;
        refused.expect_problem(403, "origin_foreign");
        let own = [
            there,
            ("origin", "http://gate.local:3001"),
            ("content-type", content_type),
        ];
        let by = json!({ "token": host.token(Role::Viewer) });
        let refused = Reply::of(request(&host, "POST", SESSION, &own).body(by.to_string())).await;
        refused.expect_problem(400, "bad_request");
    }
    admin.get("/api/v1/functions/version").await.expect(200);
    admin.get(KEY).await.expect_problem(404, "no_such_key");
    let own = [there, with_cookie, ("origin", "http://gate.local:3001")];
    ask(&host, "PUT", KEY, &own).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_has_the_browser_forget_both_cookies() {
    let host = TestHost::start().await;
    let cookie = session(&host, Role::Viewer).await;
    let own = ("origin", host.admin.as_str());
    for headers in [
        vec![("cookie", cookie.as_str()), own],
        vec![own],
        vec![],
        vec![("cookie", "a=b")],
    ] {
        let signed_out = ask(&host, "DELETE", SESSION, &headers).await.expect(204);
        let cleared = cookies(&signed_out);
        let names: Vec<_> = cleared
            .iter()
            .map(|(name, value, _)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(names, [(SECURE, ""), (PLAIN, "")]);
        for (_, _, attributes) in &cleared {
            assert!(attributes.contains("Path=/; Max-Age=0; "), "{attributes}");
        }
    }
    let without = ask(&host, "GET", SESSION, &[]).await;
    without.expect_problem(401, "token_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_token() {
    let host = TestHost::start().await;
    let by = json!({ "token": host.token_for(Role::Admin, "2s") });
    let signed_in = sign_in(&host, &by, &[]).await.expect(200);
    let (name, value, _) = &cookies(&signed_in)[0];
    let cookie = format!("{name}={value}");
    // One that is made of another does not carry it on.
    let renewed = eventually("it cannot be renewed", SOON, async || {
        let reply = sign_in(&host, &json!({ "token": value }), &[]).await;
        (reply.status != 200).then_some(reply)
    });
    renewed.await.expect_problem(401, "token_invalid");
    let ended = eventually("it ends", SOON + Duration::from_secs(5), async || {
        let reply = ask(&host, "GET", SESSION, &[("cookie", &cookie)]).await;
        (reply.status != 200).then_some(reply)
    });
    ended.await.expect_problem(401, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_never_sees_a_session_and_never_sets_one() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("echo", artifacts::guest("http_echo"), "route=/echo")
        .await;
    let cookie = session(&host, Role::Admin).await;
    let sent = host
        .function("/echo")
        .header("cookie", format!("own=1; {cookie}; tidegate=x; last=2"))
        .header("cookie", "tidegate=y")
        .header("cookie", "TideGate=z; alone=3");
    let echoed = Reply::of(sent).await.expect(200).text();
    let seen: Vec<&str> = echoed
        .lines()
        .filter_map(|line| line.strip_prefix("cookie: "))
        .collect();
    assert_eq!(seen, ["own=1; last=2", "alone=3"], "{echoed}");
    assert!(!echoed.contains("eyJ"), "{echoed}");
    let only = Reply::of(host.function("/echo").header("cookie", &cookie)).await;
    assert!(!only.expect(200).text().contains("cookie"));

    let guest = artifacts::guest("http_sets_cookies");
    admin.deployed("sets", guest, "route=/sets").await;
    let manifest = "[[http]]\nroute = \"/static\"\n\
        response = { body = \"x\", headers = { set-cookie = \"tidegate=forged\" } }\n";
    let guest = artifacts::guest("http_version");
    admin.deployed_with("static", guest, manifest).await;
    let set = Reply::of(host.function("/sets")).await.expect(200);
    assert_eq!(set.text(), "set");
    let set: Vec<_> = set.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["own=1; Path=/"]);
    let set = Reply::of(host.function("/static")).await.expect(200);
    assert!(!set.headers.contains_key("set-cookie"), "{:?}", set.headers);
}
