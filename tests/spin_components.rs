//! What the components of a Spin app get from their `spin.toml`: state by its labels, schedules, brokers, destinations,
//! executors, names.

use std::fmt::Write as _;
use std::fs;

use reqwest::Method;
use tidegate_tests::command_line::run;
use tidegate_tests::{MqttClient, QoS, Reply, TestHost, Upstream, sdks};

use crate::spin_toml::{AppDirectory, get};

const BEGINNING: &str = "spin_manifest_version = 2\napplication = { name = \"app\" }\n";

/// An app of one component, of this guest, that answers everything; these are its other settings.
fn app(guest: &str, settings: &str) -> AppDirectory {
    let manifest = format!(
        "{BEGINNING}[[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n[component.c]\nsource = \"c.wasm\"\n{settings}\n"
    );
    AppDirectory::new(&manifest, &[("c.wasm", guest)])
}

async fn deployed(host: &TestHost, app: &AppDirectory) {
    run(host, &["deploy", &app.text("spin.toml")]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_and_databases_are_opened_by_their_labels() {
    let host = TestHost::start().await;
    let admin = host.admin();
    deployed(
        &host,
        &app("kv_all", "key_value_stores = [\"user_sessions\"]"),
    )
    .await;
    let set = get(&host, "/?bucket=user_sessions&op=set&key=k&value=v").await;
    set.expect(200);
    let by_name = get(&host, "/?bucket=user-sessions&op=get&key=k").await;
    assert_eq!(by_name.expect(200).text(), "v");
    let kept = admin.get("/api/v1/buckets/user-sessions/keys/k").await;
    assert_eq!(kept.expect(200).text(), "v");
    for other in ["default", "user.sessions", "User_Sessions"] {
        let denied = get(&host, &format!("/?bucket={other}&op=get&key=k")).await;
        denied.expect(500);
    }

    deployed(
        &host,
        &app("sql_run", "sqlite_databases = [\"past_orders\"]"),
    )
    .await;
    let sql = async |database: &str, statement: &'static str| {
        let request = host.request(Method::POST, &format!("/?database={database}"));
        Reply::of(request.body(statement)).await.expect(200).text()
    };
    assert_eq!(sql("past_orders", "CREATE TABLE t (x)").await, "ok\n");
    assert_eq!(sql("past-orders", "SELECT count(*) FROM t").await, "0\n");
    let denied = sql("default", "SELECT 1").await;
    assert!(denied.starts_with("error: "), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_trigger_runs_its_component() {
    let host = TestHost::start().await;
    let manifest = format!(
        "{BEGINNING}[[trigger.cron]]\ncomponent = \"ticks\"\ncron_expression = \"0/1 * * * * *\"\n\
         [component.ticks]\nsource = \"cron.wasm\"\n"
    );
    deployed(
        &host,
        &AppDirectory::new(&manifest, &[("cron.wasm", "spin_cron")]),
    )
    .await;
    host.admin().await_log("app-ticks", "cron event at ").await;
    assert_eq!(get(&host, "/app-ticks").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_of_a_cron_trigger_runs_once_unless_it_is_said_otherwise() {
    let host = TestHost::start().await;
    let mut manifest = BEGINNING.to_owned();
    for (component, own) in [("once", ""), ("twice", "tool.tidegate.attempts = 2\n")] {
        write!(
            manifest,
            "[[trigger.cron]]\ncomponent = \"{component}\"\ncron_expression = \"* * * * * *\"\n\
             [component.{component}]\nsource = \"fails.wasm\"\nkey_value_stores = [\"default\"]\n{own}"
        )
        .expect("text");
    }
    deployed(
        &host,
        &AppDirectory::new(&manifest, &[("fails.wasm", "schedule_fails")]),
    )
    .await;
    let admin = host.admin();
    admin
        .await_log("app-once", "is given up after 1 attempt")
        .await;
    admin
        .await_log("app-twice", "is given up after 2 attempts")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_reach_the_own_broker_publishes_to_it() {
    let host = TestHost::start().await;
    let mut client = MqttClient::connect(host.mqtt_address(), "reader").await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    let path = "/?address=mqtt://tidegate.internal&topic=a/b&payload=hello";
    for (hosts, granted) in [
        ("\"mqtt://{{ broker }}:1883\"", true),
        ("\"*://*:*\"", true),
        ("\"mqtt://localhost:1884\"", false),
        ("\"mqtt://10.0.0.7\"", false),
    ] {
        let app = app(
            "foreign_mqtt",
            &format!("allowed_outbound_hosts = [{hosts}]"),
        );
        let manifest = fs::read_to_string(app.path("spin.toml")).expect("a manifest");
        let variables = "[variables]\nbroker = { default = \"localhost\" }\n";
        app.write("spin.toml", &format!("{manifest}{variables}"));
        deployed(&host, &app).await;
        let reply = get(&host, path).await;
        if granted {
            assert_eq!(reply.expect(200).text(), "published", "{hosts}");
            assert_eq!(client.next_message().await.topic, "a/b");
        } else {
            assert!(reply.expect(500).text().starts_with("publish: "), "{hosts}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_in_outbound_hosts_are_filled_in() {
    let host = TestHost::start().await;
    let upstream = Upstream::start().await;
    let settings = "allowed_outbound_hosts = [\"http://{{ upstream }}\"]\n[variables]\nupstream = { required = true }";
    let app = app("app_shows", settings);
    let file = app.text("spin.toml");
    let url = format!("http://{}/there", upstream.address);
    let call = async || {
        let request = host.function("/").query(&[("call", &url)]);
        let reply = Reply::of(request).await;
        (reply.status, reply.text())
    };
    for (value, reached) in [
        (upstream.address.to_string(), true),
        ("127.0.0.1:1".to_owned(), false),
    ] {
        let variable = format!("upstream={value}");
        run(&host, &["deploy", &file, "--variable", &variable])
            .await
            .ok();
        let (status, text) = call().await;
        match reached {
            true => assert!(text.starts_with("200\n"), "{status} {text}"),
            false => assert!(text.contains("HttpRequestDenied"), "{status} {text}"),
        }
    }
}

/// The same app, with an executor.
fn executed(component: &[u8], executor: &str) -> AppDirectory {
    let manifest = format!(
        "{BEGINNING}[[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n{executor}\n\
         [component.c]\nsource = \"c.wasm\"\n"
    );
    let app = AppDirectory::new(&manifest, &[]);
    fs::write(app.path("c.wasm"), component).expect("written");
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executor_says_what_serves_requests() {
    let host = TestHost::start().await;
    let wagi = "executor = { type = \"wagi\", argv = \"${SCRIPT_NAME} ${ARGS}\" }";
    let http = "executor = { type = \"http\" }";
    deployed(&host, &executed(&sdks::wagi(), wagi)).await;
    assert_eq!(get(&host, "/a?status").await.expect(418).text(), "tea");

    let both = tidegate_tests::artifacts::guest("http_or_cgi");
    for (executor, expected) in [("", "handler"), (wagi, "program"), (http, "handler")] {
        deployed(&host, &executed(&both, executor)).await;
        assert_eq!(
            get(&host, "/").await.expect(200).text(),
            expected,
            "{executor}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_a_component_is_not_made_for_is_refused() {
    let host = TestHost::start().await;
    let wagi = "executor = { type = \"wagi\" }";
    let http = "executor = { type = \"http\" }";
    let handler = tidegate_tests::artifacts::guest("app_shows");
    let program = sdks::wagi();
    for (component, executor, said) in [
        (
            &handler,
            wagi,
            ["spin.toml:6: ", "the component is no program"],
        ),
        (&program, http, ["spin.toml:6: ", "type = \"wagi\""]),
        (&program, "", ["spin.toml:3: ", "type = \"wagi\""]),
    ] {
        let app = executed(component, executor);
        let refused = run(&host, &["deploy", &app.text("spin.toml")]).await;
        refused.failed(1, &said);
    }
    let functions = host.admin().get("/api/v1/functions").await.json();
    assert_eq!(functions["functions"].as_array().map(Vec::len), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_called_by_the_names_that_they_have_in_the_manifest() {
    let host = TestHost::start().await;
    let manifest = "spin_manifest_version = 2\napplication = { name = \"My_App 1.0\" }\n\
        [[trigger.http]]\nroute = \"/front\"\ncomponent = \"front\"\n\
        [[trigger.http]]\nroute = { private = true }\ncomponent = \"my_comp\"\n\
        [component.front]\nsource = \"c.wasm\"\nallowed_outbound_hosts = [\"http://*.spin.internal\"]\n\
        [component.my_comp]\nsource = \"c.wasm\"\nenvironment = { WHO = \"my_comp\" }\n";
    let app = AppDirectory::new(manifest, &[("c.wasm", "app_shows")]);
    let done = run(&host, &["deploy", &app.text("spin.toml")]).await.ok();
    let done = done.says(&[
        "my-app-1-0-front: revision 1",
        "my-app-1-0-my-comp: revision 1",
    ]);
    done.noted(&[
        "the app `My_App 1.0` is called `my-app-1-0` here",
        "the component `my_comp` is called `my-comp` here",
    ]);
    for name in ["my_comp", "my-comp", "My_Comp"] {
        let url = format!("http://{name}.spin.internal/?env=WHO");
        let request = host.function("/front").query(&[("call", &url)]);
        assert_eq!(
            Reply::of(request).await.expect(200).text(),
            "200\nmy_comp",
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_redirects_from_hundreds_of_paths() {
    let host = TestHost::start().await;
    let mut manifest = BEGINNING.to_owned();
    for page in 0..300 {
        write!(
            manifest,
            "[[trigger.http]]\nroute = \"/old/page/{page}\"\n\
             static_response = {{ status_code = 301, headers = {{ location = \"/new/page/{page}\" }}, body = \"moved\" }}\n"
        )
        .expect("text");
    }
    deployed(&host, &AppDirectory::new(&manifest, &[])).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    for path in ["/old/page/0", "/old/page/299/"] {
        let url = format!("http://{}{path}", host.http_address());
        let reply = Reply::of(client.get(url)).await.expect(301);
        assert!(reply.header("location").starts_with("/new/page/"), "{path}");
    }
}
