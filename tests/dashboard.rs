//! The dashboard's files as the admin listener serves them.

use tidegate_tests::{Reply, TestHost};

/// The policy of every page and file.
#[track_caller]
fn check_policy(reply: &Reply, path: &str) {
    let policy = reply.header("content-security-policy");
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.contains(directive), "{path}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{path}: {policy}"
    );
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
}

/// What a page loads, by its attributes.
fn references(html: &str) -> Vec<&str> {
    let of = |attribute| {
        let values = html.split(attribute).skip(1);
        values.map(|value: &str| value.split('"').next().expect("a closing quote"))
    };
    of(" src=\"").chain(of(" href=\"")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let host = TestHost::start().await;
    let stranger = host.stranger();
    let page = stranger.get("/").await.expect(200);
    check_policy(&page, "/");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let html = page.text();
    for reference in references(&html) {
        let is_local = reference.starts_with('/') && !reference.starts_with("//");
        assert!(is_local || reference.starts_with('#'), "{reference}");
        stranger.get(reference).await.expect(200);
    }
    for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
        assert!(
            !html.contains(inline),
            "{inline} would be blocked by the page's own policy"
        );
    }
    assert!(html.contains("<script"), "run `make web` first: {html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_compressed_for_those_who_take_it_and_kept_by_what_is_in_them() {
    let host = TestHost::start().await;
    let stranger = host.stranger();
    let html = stranger.get("/").await.expect(200).text();
    let files = references(&html);
    assert!(files.len() >= 2, "a script and a style sheet: {html}");
    for path in files.into_iter().chain(["/"]) {
        let get = |name, value: &str| {
            let request = stranger.request(reqwest::Method::GET, path);
            Reply::of(request.header(name, value))
        };
        let plain = stranger.get(path).await.expect(200);
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        check_policy(&plain, path);
        let compressed = get("accept-encoding", "gzip, br").await.expect(200);
        assert_eq!(compressed.header("content-encoding"), "gzip", "{path}");
        assert_eq!(compressed.body[..2], [0x1f, 0x8b], "{path}");
        assert_eq!(compressed.header("vary"), "accept-encoding");
        let etag = plain.header("etag");
        assert_eq!(compressed.header("etag"), etag);
        let known = get("if-none-match", etag).await.expect(304);
        assert_eq!(known.body, b"", "{path}");
        let caching = match path.starts_with("/assets/") {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        assert_eq!(plain.header("cache-control"), caching, "{path}");
        assert_eq!(known.header("cache-control"), caching, "{path}");
    }
}
