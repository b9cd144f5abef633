//! Whole manifests: what becomes of them, and what is said of those that cannot be honoured.

use toml::Value;

use super::super::manifest;
use super::*;

mod mistakes;

fn translated(text: &str) -> Result<App, String> {
    let source = Source::of_text(text);
    let app = || {
        let spin = manifest::read(&source)?;
        let variables = Variables::resolve(&source, &spin.variables, &[], |_| None)?;
        translate(&source, &spin, &variables)
    };
    app().map_err(|mistake: Mistake| mistake.to_string())
}

/// The functions' names and manifests, as TOML.
fn functions(text: &str) -> Vec<(String, Value)> {
    let app = translated(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let shown = |function: &AppFunction| {
        let manifest = toml::to_string(&function.manifest).expect("written");
        let read: Manifest = toml::from_str(&manifest).expect("the host can read it");
        assert_eq!(read, function.manifest);
        let value = toml::from_str(&manifest).expect("TOML");
        (function.name.to_string(), value)
    };
    app.functions.iter().map(shown).collect()
}

const SHOP: &str = r#"spin_manifest_version = 2
[application]
name = "Shop"
version = "1.2.3"
authors = ["somebody"]
[application.trigger.mqtt]
address = "mqtt://{{ broker }}:1883"
username = "u"
password = "p"
keep_alive_interval = "30"
[application.tool.tidegate]
memory = "32MiB"
[variables]
broker = { default = "localhost" }
greeting = { default = "hello", description = "what is said" }
[[trigger.http]]
id = "front"
route = "/users/:id/..."
component = "front"
[[trigger.http]]
route = "/front"
component = "front"
executor = { type = "http" }
[[trigger.http]]
route = { private = true }
component = "cart"
[[trigger.mqtt]]
component = "cart"
topic = "shop/{{ greeting }}/+"
qos = "1"
[[trigger.http]]
route = "/gone"
static_response = { status_code = 410, headers = { a = "b" }, body = "gone" }
[component.front]
source = "front.wasm"
description = "The front"
key_value_stores = ["default", "other"]
environment = { MODE = "test" }
variables = { greeting = "{{ greeting }} world", fixed = "1" }
[component.front.build]
command = ["true", "false"]
workdir = "front"
watch = ["src"]
[component.front.tool.tidegate]
timeout = "2s"
[component.front.tool.other]
anything = [1, 2]
[component.cart]
source = "cart.wasm"
[component.cart.tool.tidegate]
attempts = 5
order = "none"
publish = ["shop/#"]
memory = "8MiB"
[component.unused]
source = "unused.wasm"
"#;

#[test]
fn an_app_becomes_functions() {
    let functions = functions(SHOP);
    let names: Vec<&str> = functions.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shop-cart", "shop-front", "shop"]);
    let [(_, cart), (_, front), (_, shop)] = &functions[..] else {
        panic!("{functions:?}")
    };
    let routes = |manifest: &Value| -> Vec<String> {
        let routes = manifest["http"].as_array().expect("routes").iter();
        routes
            .map(|trigger| trigger["route"].as_str().expect("a text").to_owned())
            .collect()
    };
    assert_eq!(routes(front), ["/users/{id}/{*rest}", "/front[/]"]);
    assert_eq!(routes(shop), ["/gone[/]"]);
    assert_eq!(
        shop["http"][0]["response"]["status"].as_integer(),
        Some(410)
    );
    assert_eq!(shop["http"][0]["response"]["body"].as_str(), Some("gone"));
    assert_eq!(front["grants"]["buckets"].as_array().map(Vec::len), Some(2));
    assert_eq!(front["config"]["greeting"].as_str(), Some("hello world"));
    assert_eq!(front["config"]["fixed"].as_str(), Some("1"));
    assert_eq!(front["environment"]["MODE"].as_str(), Some("test"));
    assert_eq!(front["limits"]["timeout"].as_str(), Some("2s"));
    assert_eq!(front["limits"]["memory"].as_str(), Some("32MiB"));
    assert_eq!(front["app"]["name"].as_str(), Some("shop"));
    assert_eq!(front["app"]["component"].as_str(), Some("front"));
    assert!(front["app"].get("private").is_none());
    assert_eq!(cart["app"]["private"].as_bool(), Some(true));
    assert!(cart.get("http").is_none());
    assert_eq!(cart["mqtt"][0]["topic"].as_str(), Some("shop/hello/+"));
    assert_eq!(cart["mqtt"][0]["order"].as_str(), Some("none"));
    assert_eq!(cart["mqtt"][0]["attempts"].as_integer(), Some(5));
    assert!(cart.get("cgi").is_none());
    assert_eq!(cart["grants"]["publish"][0].as_str(), Some("shop/#"));
    assert_eq!(cart["limits"]["memory"].as_str(), Some("8MiB"));
}

#[test]
fn what_is_left_out_is_said() {
    let app = translated(SHOP).expect("an app");
    let notes = [
        "the app `Shop` is called `shop` here",
        "the component `unused` has no trigger, so it is not deployed",
    ];
    assert_eq!(app.notes, notes);
    let front = &app.functions[1];
    let build: Vec<_> = front
        .build
        .iter()
        .map(|(command, _)| command.as_str())
        .collect();
    assert_eq!(build, ["true", "false"]);
    assert_eq!(front.build[0].1, PathBuf::from("./front"));
}

/// An app with a secret, and this written for it in a component of this name.
fn with_secret(component: &str, variables: &str) -> String {
    format!(
        "spin_manifest_version = 2\napplication = {{ name = \"a\" }}\n\
         variables = {{ token = {{ default = \"t\", secret = true }} }}\n\
         trigger.http = [{{ route = \"/x\", component = \"{component}\" }}]\n\
         [component.{component}]\nsource = \"x.wasm\"\nvariables = {{ {variables} }}\n"
    )
}

#[test]
fn what_is_secret_is_not_in_the_manifest() {
    let text = with_secret(
        "cart",
        "api_token = \"is {{ token }}\", plain = \"1\", z_token = \"{{ token }}\"",
    );
    let app = translated(&text).expect("an app");
    let secrets = app.secrets.iter();
    let secrets: Vec<_> = secrets
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    let expected = [("a-cart-api-token", "is t"), ("a-cart-z-token", "t")];
    assert_eq!(secrets, expected);
    let config = &functions(&text)[0].1["config"];
    assert_eq!(
        config["api_token"]["secret"].as_str(),
        Some("a-cart-api-token")
    );
    assert_eq!(config["plain"].as_str(), Some("1"));
    assert!(
        app.notes[0].contains("`a-cart-api-token`"),
        "{:?}",
        app.notes
    );
}

#[test]
fn what_cannot_be_a_secret_names_its_line() {
    let long = format!("{} = \"{{{{ token }}}}\"", "v".repeat(60));
    check_mistake(&with_secret("cart", &long), "longer than the 63 letters", 7);
    let large = with_secret("cart", "a = \"{{ token }}\"");
    let large = large.replace("\"t\"", &format!("\"{}\"", "t".repeat(65 * 1024)));
    check_mistake(&large, "a secret is text", 7);
    let two = with_secret("cart", "x_y = \"{{ token }}\"").replace(
        "trigger.http = [",
        "trigger.http = [{ route = \"/y\", component = \"cart-x\" }, ",
    ) + "[component.cart-x]\nsource = \"x.wasm\"\nvariables = { y = \"{{ token }}\" }\n";
    check_mistake(&two, "two variables would be the secret `a-cart-x-y`", 10);
}

#[test]
fn a_component_may_be_written_in_its_trigger() {
    let text = "spin_manifest_version = 2\napplication = { name = \"a\" }\n[[trigger.http]]\nroute = \"/...\"\n\
        component = { source = \"x.wasm\", key_value_stores = [\"default\"] }\n";
    let functions = functions(text);
    assert_eq!(functions[0].0, "a-inline-component1");
    assert_eq!(
        functions[0].1["http"][0]["route"].as_str(),
        Some("/{*rest}")
    );
}

#[test]
fn a_cron_trigger_means_what_it_means_to_spin() {
    let text = "spin_manifest_version = 2\napplication = { name = \"a\" }\n\
        [[trigger.cron]]\ncomponent = \"c\"\ncron_expression = \"0 1/2 11,12 5-10 * * *\"\n\
        [[trigger.cron]]\ncomponent = \"c\"\ncron_expression = \"0 0 0 13 * FRI\"\n\
        [component.c]\nsource = \"c.wasm\"\n";
    let schedules = |text: &str| -> Vec<(String, Option<i64>)> {
        let functions = functions(text);
        let schedules = functions[0].1["schedule"].as_array().expect("schedules");
        let shown = |trigger: &Value| {
            let cron = trigger["cron"].as_str().expect("a text").to_owned();
            let attempts = trigger.get("attempts").and_then(Value::as_integer);
            (cron, attempts)
        };
        schedules.iter().map(shown).collect()
    };
    let with = |attempts| {
        [
            ("0 1/2 11,12 5-10 * * *".to_owned(), Some(attempts)),
            ("0 0 0 13 * +FRI".to_owned(), Some(attempts)),
        ]
    };
    assert_eq!(schedules(text), with(1));
    let own = format!("{text}tool.tidegate.attempts = 4\n");
    assert_eq!(schedules(&own), with(4));
    let of_all = own.replace(
        "{ name = \"a\" }",
        "{ name = \"a\", tool = { tidegate = { attempts = 2 } } }",
    );
    assert_eq!(schedules(&of_all), with(4));
    let of_all = of_all.replace("tool.tidegate.attempts = 4\n", "");
    assert_eq!(schedules(&of_all), with(2));
}

#[test]
fn names_and_labels_of_a_wider_grammar_are_accepted() {
    let text = "spin_manifest_version = 2\napplication = { name = \"My_Shop 2.0\" }\n\
        [[trigger.http]]\nroute = \"/\"\ncomponent = \"cart_api\"\n\
        [component.cart_api]\nsource = \"c.wasm\"\n\
        key_value_stores = [\"user_sessions\", \"default\"]\nsqlite_databases = [\"past_orders\"]\n";
    let app = functions(text);
    let (name, manifest) = &app[0];
    assert_eq!(name, "my-shop-2-0-cart-api");
    assert_eq!(manifest["app"]["name"].as_str(), Some("my-shop-2-0"));
    assert_eq!(manifest["app"]["component"].as_str(), Some("cart-api"));
    let first = |kind: &str| manifest["grants"][kind][0].as_str().map(str::to_owned);
    assert_eq!(first("buckets").as_deref(), Some("user-sessions"));
    assert_eq!(first("databases").as_deref(), Some("past-orders"));
    let notes = [
        "the app `My_Shop 2.0` is called `my-shop-2-0` here",
        "the component `cart_api` is called `cart-api` here",
    ];
    assert_eq!(translated(text).expect("an app").notes, notes);

    let beginning = "spin_manifest_version = 2\napplication = { name = \"a\" }\n\
        [[trigger.http]]\nroute = \"/\"\ncomponent = \"b\"\n[component.b]\nsource = \"c.wasm\"\n";
    for (kind, labels) in [
        ("key_value_stores", "[\"a_b\",\n\"a-b\"]"),
        ("sqlite_databases", "[\"a-b_c\", \"x\",\n\"a_b_c\"]"),
    ] {
        check_mistake(
            &format!("{beginning}{kind} = {labels}\n"),
            "would both be",
            9,
        );
    }
    // The same label twice is no mistake.
    let twice = format!("{beginning}key_value_stores = [\"a_b\", \"a_b\"]\n");
    let manifest = &functions(&twice)[0].1;
    let buckets = manifest["grants"]["buckets"].as_array();
    assert_eq!(buckets.map(Vec::len), Some(1));
}

#[test]
fn components_that_would_be_one_function_are_refused() {
    let text = |other: &str, inline: &str| {
        format!(
            "spin_manifest_version = 2\napplication = {{ name = \"a\" }}\n\
             [[trigger.http]]\nroute = \"/x\"\ncomponent = \"{other}\"\n\
             [[trigger.http]]\nroute = \"/y\"\ncomponent = {inline}\n\
             [component.my-comp]\nsource = \"c.wasm\"\n\
             [component.My_Comp]\nsource = \"c.wasm\"\n\
             [component.inline-component1]\nsource = \"c.wasm\"\n"
        )
    };
    check_mistake(&text("my-comp", "\"My_Comp\""), "`a-my-comp`", 11);
    functions(&text("my-comp", "\"my-comp\""));
    functions(&text("my-comp", "{ source = \"c.wasm\" }"));
    let inline = text("inline-component1", "{ source = \"c.wasm\" }");
    let names: Vec<String> = functions(&inline)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a-inline-component1", "a-inline-component2"]);
    let long = text(&"x".repeat(62), "\"my-comp\"").replace(
        "component.My_Comp",
        &format!("component.{}", "x".repeat(62)),
    );
    check_mistake(&long, "is not a name", 11);
}

#[test]
fn a_component_has_one_executor() {
    let text = |first: &str, second: &str| {
        format!(
            "spin_manifest_version = 2\napplication = {{ name = \"a\" }}\n\
             [[trigger.http]]\nroute = \"/x\"\ncomponent = \"c\"\n{first}\n\
             [[trigger.http]]\nroute = \"/y\"\ncomponent = \"c\"\n{second}\n\
             [component.c]\nsource = \"c.wasm\"\n"
        )
    };
    let wagi = "executor = { type = \"wagi\", argv = \"${SCRIPT_NAME} ${ARGS}\", entrypoint = \"_start\" }";
    let http = "executor = { type = \"http\" }";
    let manifest = &functions(&text(wagi, wagi))[0].1;
    assert_eq!(manifest["cgi"].as_bool(), Some(true));
    let manifest = &functions(&text(http, ""))[0].1;
    assert_eq!(manifest.get("cgi"), None);
    check_mistake(&text(wagi, http), "another executor in line 6", 10);
    check_mistake(&text(wagi, ""), "another executor in line 6", 7);
}

#[test]
fn who_may_connect_to_the_own_broker_may_publish() {
    let text = |hosts: &str, more: &str| {
        format!(
            "spin_manifest_version = 2\napplication = {{ name = \"a\" }}\n\
             variables = {{ broker = {{ default = \"127.0.0.1\" }} }}\n\
             [[trigger.http]]\nroute = \"/x\"\ncomponent = \"c\"\n\
             [component.c]\nsource = \"c.wasm\"\nallowed_outbound_hosts = [{hosts}]\n{more}"
        )
    };
    let publish = |hosts: &str, more: &str| -> Vec<String> {
        let functions = functions(&text(hosts, more));
        let publish = functions[0].1["grants"].get("publish");
        let filters = publish.and_then(Value::as_array).into_iter().flatten();
        filters
            .map(|filter| filter.as_str().expect("a text").to_owned())
            .collect()
    };
    for hosts in [
        "\"mqtt://{{ broker }}:1883\"",
        "\"*://*:*\"",
        "\"mqtt://*\", \"mqtt://localhost\"",
    ] {
        assert_eq!(publish(hosts, ""), ["#"], "{hosts}");
    }
    let none: [&str; 0] = [];
    assert_eq!(publish("\"mqtt://10.0.0.7\", \"http://*\"", ""), none);
    let own = "tool.tidegate.publish = [\"a/#\"]\n";
    assert_eq!(publish("\"*://*:*\"", own), ["a/#"]);

    let elsewhere = "\"mqtt://{{ broker }}:1884\"";
    assert_eq!(publish(elsewhere, ""), none);
    let notes = translated(&text(elsewhere, "")).expect("an app").notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    let note = "`mqtt://127.0.0.1:1884` of `c` is taken for another broker";
    assert!(notes[0].starts_with(note), "{notes:?}");
    let notes = translated(&text(elsewhere, own)).expect("an app").notes;
    assert_eq!(notes, none);
}

#[test]
fn messages_of_another_port_are_noted() {
    let moved = SHOP.replace(":1883", ":1884");
    let notes = translated(&moved).expect("an app").notes;
    let note =
        "messages come from this host's own broker, which `mqtt://localhost:1884` is taken for";
    assert!(notes[1].starts_with(note), "{notes:?}");
    let internal = moved.replace("default = \"localhost\"", "default = \"tidegate.internal\"");
    assert_eq!(translated(&internal).expect("an app").notes.len(), 2);
}

#[test]
fn a_host_answers_hundreds_of_paths_by_itself() {
    let mut text = "spin_manifest_version = 2\napplication = { name = \"a\" }\n".to_owned();
    for page in 0..500 {
        text += &format!(
            "[[trigger.http]]\nroute = \"/old/{page}\"\n\
             static_response = {{ status_code = 301, headers = {{ location = \"/new/page/{page}\" }} }}\n"
        );
    }
    let functions = functions(&text);
    assert_eq!(functions[0].1["http"].as_array().map(Vec::len), Some(500));
    let written = toml::to_string(&functions[0].1).expect("written");
    assert!(
        written.len() < crate::limits::MANIFEST_BYTES_MAX,
        "{}",
        written.len()
    );
}

#[track_caller]
fn check_mistake(text: &str, expected: &str, line: usize) {
    let error = translated(text).map(|_| ()).expect_err(text);
    assert!(error.contains(expected), "{error}\n{text}");
    assert!(
        error.starts_with(&format!("spin.toml:{line}: ")),
        "{error}\n{text}"
    );
}
