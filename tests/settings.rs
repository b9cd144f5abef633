//! How the host is told what to do: what `serve` says of itself, and its settings.

use serde_json::Value;
use tempfile::TempDir;
use tidegate_tests::command_line::{command, done, path_text};
use tidegate_tests::{SOON, TestHost, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn serve_says_where_it_listens_and_once_how_to_sign_in() {
    let mut host = TestHost::builder().lines().start().await;
    eventually("the link is printed", SOON, async || {
        let link = format!("  {}/#login=", host.admin);
        host.stdout().contains(&link).then_some(())
    })
    .await;
    let said = host.stdout();
    for (listener, url) in [
        ("functions", &host.http),
        ("admin", &host.admin),
        ("mqtt", &host.mqtt),
    ] {
        assert!(said.contains(&format!("{listener:10} {url}\n")), "{said}");
    }
    assert_eq!(host.stranger().get("/readyz").await.status, 200);
    host.restart().await;
    assert!(!host.stdout().contains("login"), "{}", host.stdout());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("tidegate.toml");
    std::fs::write(&file, "drain-timeout = \"of-file\"\n").expect("it can be written");
    let serve = |environment: &[(&str, &str)], flags: &[&str]| {
        let mut serve = command(&["serve", "--data-dir", path_text(directory.path())]);
        serve.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        serve.args(["--mqtt", "off", "--config", path_text(&file)]);
        serve.args(flags).envs(environment.iter().copied());
        done(serve)
    };
    // A value that means nothing shows which of them is looked at.
    let environment = [("TIDEGATE_DRAIN_TIMEOUT", "of-environment")];
    let of_file = serve(&[], &[]).await;
    of_file.failed(1, &["`drain-timeout`", "`of-file`"]);
    let of_environment = serve(&environment, &[]).await;
    of_environment.failed(1, &["`drain-timeout`", "`of-environment`"]);
    let of_flag = serve(&environment, &["--drain-timeout", "of-flag"]).await;
    of_flag.failed(1, &["`drain-timeout`", "`of-flag`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_settings_is_used() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("tidegate.toml");
    let data_dir = directory.path().join("elsewhere");
    std::fs::write(&file, "instances = 3\nlog-format = \"json\"\n").expect("it can be written");
    let host = TestHost::builder()
        .env("TIDEGATE_CONFIG", path_text(&file))
        .data_dir(&data_dir)
        .start()
        .await;
    assert!(host.data_dir().join("lock").exists());
    let first: Value = eventually("a line of the log", SOON, async || {
        let said = host.stderr();
        let line = said.lines().find(|line| line.contains("instance pool"))?;
        Some(serde_json::from_str(line).expect("the log is JSON"))
    })
    .await;
    assert!(first.to_string().contains("3 instances"), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_used_is_named() {
    let directory = TempDir::new().expect("a temporary directory");
    let data_dir = path_text(directory.path());
    let file = directory.path().join("tidegate.toml");
    let serve = |arguments: &[&str]| {
        let arguments = [&["serve", "--data-dir", data_dir], arguments].concat();
        done(command(&arguments))
    };
    std::fs::write(&file, "htpt = \"127.0.0.1:0\"\n").expect("it can be written");
    let unknown = serve(&["--config", path_text(&file)]).await;
    unknown.failed(1, &["htpt", "tidegate.toml", "http"]);
    let missing = serve(&["--config", "/nowhere/tidegate.toml"]).await;
    missing.failed(1, &["/nowhere/tidegate.toml", "No such file"]);
    let no_address = serve(&["--http", "3000"]).await;
    no_address.failed(1, &["`http`", "`3000`", "127.0.0.1:3000"]);
    let none = serve(&["--instances", "0"]).await;
    none.failed(1, &["`instances`", "`0`"]);
    serve(&["--htpt", "x"]).await.failed(2, &["--htpt"]);

    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("an address").to_string();
    let busy = serve(&["--http", &taken, "--admin", "127.0.0.1:0", "--mqtt", "off"]).await;
    busy.failed(1, &[&taken, "another program", "--http"]);
}
