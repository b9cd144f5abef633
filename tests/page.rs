//! The page of the admin listener, in a real browser.

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_tests::{SOON, TestHost, artifacts, eventually};
use tokio::process::Command;
use tokio::time::timeout;

/// Time for a browser to start, load the page and end, on a machine with a lot else to do.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(180);

/// The page as Chromium has it once its script has run.
async fn page(url: &str) -> String {
    let profile = TempDir::new().expect("a temporary directory");
    let browser = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .env("HOME", profile.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let done = timeout(BROWSER_TIMEOUT, browser).await;
    let done = done.expect("the browser ends").expect("it is installed");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).expect("text")
}

/// The element with this id: its opening tag, and what is in it up to the end of the page.
fn element<'a>(page: &'a str, id: &str) -> (&'a str, &'a str) {
    let at = page.find(&format!("id=\"{id}\""));
    let at = at.unwrap_or_else(|| panic!("no `{id}` in {page}"));
    let start = page[..at].rfind('<').expect("an opening tag");
    page[start..].split_once('>').expect("its end")
}

fn is_hidden(page: &str, id: &str) -> bool {
    element(page, id).0.contains(" hidden")
}

/// The link that the host prints at its first start.
async fn sign_in_link(host: &TestHost) -> String {
    eventually("the link is printed", SOON, async || {
        let said = host.stdout();
        let mut words = said.split_whitespace();
        words
            .find(|word| word.contains("/#login="))
            .map(str::to_owned)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_the_first_start_signs_in_once_and_shows_what_is_deployed() {
    let host = TestHost::builder().lines().start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_version");
    admin.deployed("door-bell", component, "route=/ring").await;
    let component = artifacts::guest("mqtt_record");
    admin
        .deployed("recorder", component, "topic=in/%2B/x&route=/read/{key}")
        .await;
    let link = sign_in_link(&host).await;

    let shown = page(&link).await;
    assert!(is_hidden(&shown, "sign-in"), "{shown}");
    assert!(!is_hidden(&shown, "functions"), "{shown}");
    let (_, rows) = element(&shown, "rows");
    let url = format!("<a href=\"{}/ring\">/ring</a>", host.http);
    for text in [
        "<th scope=\"row\">door-bell</th>",
        &url,
        "<th scope=\"row\">recorder</th>",
        "HTTP  <code>/read/{key}</code>",
        "MQTT <code>in/+/x</code>",
    ] {
        assert!(rows.contains(text), "no `{text}` in {rows}");
    }

    let again = page(&link).await;
    assert!(!is_hidden(&again, "sign-in"), "{again}");
    assert!(is_hidden(&again, "functions"), "{again}");
    let (_, state) = element(&again, "state");
    assert!(
        state.starts_with("the sign-in link has been used"),
        "{state}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_link_the_page_asks_for_a_token_and_shows_nothing() {
    let host = TestHost::start().await;
    let component = artifacts::guest("http_version");
    host.admin().deployed("door-bell", component, "").await;
    let shown = page(&host.admin).await;
    assert!(!is_hidden(&shown, "sign-in"), "{shown}");
    for id in ["functions", "upload", "sign-out"] {
        assert!(is_hidden(&shown, id), "{id}: {shown}");
    }
    assert!(!shown.contains("door-bell"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_markup_is_shown_as_text() {
    let host = TestHost::builder().lines().start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    let query = "route=/%3Cb%3Ebold%3C/b%3E/{x}&route=/%22onclick=%22x&topic=%3Cscript%3Ealert(1)%3C/script%3E";
    admin.deployed("markup", component, query).await;
    let shown = page(&sign_in_link(&host).await).await;
    let (_, rows) = element(&shown, "rows");
    for text in [
        "<code>/&lt;b&gt;bold&lt;/b&gt;/{x}</code>",
        "MQTT <code>&lt;script&gt;alert(1)&lt;/script&gt;</code>",
        ">/\"onclick=\"x</a>",
    ] {
        assert!(rows.contains(text), "no `{text}` in {rows}");
    }
    for markup in ["<b>", "<script>", "\" onclick", "\"onclick=\"x\""] {
        assert!(!rows.contains(markup), "`{markup}` in {rows}");
    }
}
