//! A real browser on the dashboard: scripts of `tests/browser`, which drive Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::{Role, TestHost, artifacts};

/// One browser at a time: each takes every core that there is.
static BROWSER: Mutex<()> = Mutex::const_new(());

/// Lets a script use the dashboard of a host, and fails with what it says if it does not like what it sees.
pub async fn look(host: &TestHost, script: &str) {
    look_with(host, script, json!({})).await;
}

/// The same with further settings.
pub async fn look_with(host: &TestHost, script: &str, more: Value) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let link = host.stdout();
    let link = link
        .split_whitespace()
        .find(|word| word.contains("/#login="));
    let mut settings = json!({
        "admin": host.admin,
        "http": host.http,
        "mqtt": host.mqtt,
        "adminToken": host.token(Role::Admin),
        "deployerToken": host.token(Role::Deployer),
        "viewerToken": host.token(Role::Viewer),
        "signInLink": link,
        "tidegate": artifacts::host_binary(),
        "dataDir": host.data_dir(),
        "guests": guests(),
        "directory": directory.path(),
    });
    let more = more.as_object().expect("settings").clone();
    settings.as_object_mut().expect("an object").extend(more);
    let _browser = BROWSER.lock().await;
    let mut command = Command::new("node");
    command
        .arg(scripts().join(script))
        .env("TIDEGATE_TEST", settings.to_string());
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    let ran = ran
        .expect("no panic")
        .expect("node is there: tests/setup installs it");
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !ran.status.success() {
        // What it saw last goes with the directory.
        let _kept = directory.keep();
        panic!("{script}: {said}");
    }
    println!("{said}");
}

/// The components of all guests, by their names.
fn guests() -> Map<String, Value> {
    let directory = artifacts::guest_path("http_version");
    let directory = directory.parent().expect("it is in a directory");
    let files = std::fs::read_dir(directory).expect("the guests were built");
    let paths = files.map(|file| file.expect("an entry").path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), json!(path))))
        .collect()
}

/// The scripts, beside the packages that they use: Node looks for these where a script is.
fn scripts() -> PathBuf {
    let installed = artifacts::installed("browser");
    let sources = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/browser"));
    for entry in std::fs::read_dir(sources).expect("the scripts") {
        let source = entry.expect("an entry").path();
        if source
            .extension()
            .is_some_and(|extension| extension == "mjs")
        {
            let name = source.file_name().expect("a name");
            let text = std::fs::read(&source).expect("a script");
            let copy = installed.join(name);
            if std::fs::read(&copy).is_ok_and(|before| before == text) {
                continue;
            }
            std::fs::write(copy, text).expect("the setup has made this directory");
        }
    }
    installed
}
