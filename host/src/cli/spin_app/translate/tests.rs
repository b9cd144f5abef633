//! Whole manifests: what becomes of them, and what is said of those that cannot be honoured.

use toml::Value;

use super::super::manifest;
use super::*;

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
    assert_eq!(routes(front), ["/users/{id}/{*rest}", "/front", "/front/"]);
    assert_eq!(routes(shop), ["/gone", "/gone/"]);
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
    assert_eq!(cart["grants"]["publish"][0].as_str(), Some("shop/#"));
    assert_eq!(cart["limits"]["memory"].as_str(), Some("8MiB"));
}

#[test]
fn what_is_left_out_is_said() {
    let app = translated(SHOP).expect("an app");
    assert_eq!(app.notes.len(), 1, "{:?}", app.notes);
    assert!(app.notes[0].contains("`unused`"), "{:?}", app.notes);
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

/// The beginning of a manifest that lacks nothing; five lines.
const BEGINNING: &str = r#"spin_manifest_version = 2
application = { name = "a", trigger = { mqtt = { address = "mqtt://localhost" } } }
variables = { empty = { default = "" } }
trigger.http = [{ route = "/x", component = "c" }]

"#;

#[test]
fn mistakes_name_their_line() {
    let component = "[component.c]\nsource = \"c.wasm\"\n";
    let cases: &[(&str, &str, usize)] = &[
        ("unknown = 1", "unknown", 8),
        (
            "source = { url = \"https://a\", digest = \"sha256:0\" }",
            "duplicate key",
            8,
        ),
        ("ai_models = [\"llama2-chat\"]", "language models", 8),
        ("allowed_http_hosts = [\"a\"]", "allowed_outbound_hosts", 8),
        (
            "key_value_stores = [\n\"default\",\n\"Not A Name\"]",
            "not a name",
            10,
        ),
        (
            "variables = { a = \"{{ missing }}\" }",
            "no variable `missing`",
            8,
        ),
        ("variables = { A = \"\" }", "`A` is not the name", 8),
        ("variables = { a = \"{{ empty\" }", "without `}}`", 8),
        ("environment = { \"a=b\" = \"c\" }", "`a=b` cannot be", 6),
        ("files = [\"nothing-like-this\"]", "no file", 8),
        ("dependencies = { \"a:b\" = \"1.0\" }", "compose", 8),
        (
            "tool.tidegate = { timeout = \"5s\",\n mory = \"1MiB\" }",
            "mory",
            9,
        ),
        ("tool.tidegate.timeout = \"soon\"", "soon", 8),
        (
            "tool.tidegate.timeout = \"2h\"",
            "outside of what this host allows",
            6,
        ),
        (
            "[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"c\"",
            "`redis` triggers are not served",
            8,
        ),
        ("[[trigger.sqs]]\n", "`sqs` triggers", 8),
        ("[[trigger.command]]\n", "`command` triggers", 8),
        ("[[trigger.kinesis]]\n", "`kinesis` triggers", 8),
    ];
    for (text, expected, line) in cases {
        // A trigger in one table and another in its own is not TOML.
        let beginning = match text.starts_with("[[trigger") {
            true => BEGINNING.replace("trigger.http =", "#"),
            false => BEGINNING.to_owned(),
        };
        check_mistake(&format!("{beginning}{component}{text}\n"), expected, *line);
    }
}

#[test]
fn mistakes_in_triggers_name_their_line() {
    let http = |text: &str| format!("[[trigger.http]]\ncomponent = \"c\"\n{text}");
    let mqtt = |text: &str| format!("[[trigger.mqtt]]\ncomponent = \"c\"\n{text}");
    let cases: &[(String, &str, usize)] = &[
        (http(""), "route", 8),
        (http("route = \"/a b\""), "`a b`", 10),
        (http("route = { private = false }"), "private = true", 10),
        (http("route = 1"), "a text or a table", 10),
        (
            http("route = \"/a\"\n[[trigger.http]]\nroute = \"/a/\"\ncomponent = \"c\""),
            "in line 10",
            12,
        ),
        (
            http("route = \"/a\"\nexecutor = { type = \"cgi\" }"),
            "`cgi`",
            11,
        ),
        (
            http("route = \"/a\"\nexecutor = { type = \"http\", argv = \"x\" }"),
            "wagi",
            11,
        ),
        (
            http("route = \"/a\"\nexecutor = { type = \"wagi\", entrypoint = \"x\" }"),
            "_start",
            11,
        ),
        (
            http("route = \"/a\"\nstatic_response = { body = \"x\" }"),
            "either",
            11,
        ),
        (
            http("route = \"/a\"\ndependencies = { middleware = [] }"),
            "middleware",
            11,
        ),
        (http("route = \"/a\"\nmethods = [\"GET\"]"), "methods", 11),
        (
            "[[trigger.http]]\ncomponent = \"d\"\nroute = \"/\"".to_owned(),
            "no component `d`",
            9,
        ),
        (
            "[[trigger.http]]\nroute = \"/\"".to_owned(),
            "needs a component",
            8,
        ),
        (
            "[[trigger.http]]\nroute = \"/\"\nstatic_response = { status_code = 99 }".to_owned(),
            "`99`",
            10,
        ),
        (
            mqtt("topic = \"a#\"\nqos = \"0\""),
            "`a#` is not a topic filter",
            10,
        ),
        (mqtt("topic = \"a\"\nqos = \"2\""), "QoS", 11),
        (mqtt("topic = \"a\"\nqos = 1"), "string", 11),
        (mqtt("topic = \"a\""), "qos", 8),
    ];
    for (text, expected, line) in cases {
        let beginning = BEGINNING.replace("trigger.http =", "#");
        let text = format!("{beginning}[component.c]\nsource = \"c.wasm\"\n{text}\n");
        check_mistake(&text, expected, *line);
    }
}

#[test]
fn mistakes_in_the_beginning_name_their_line() {
    let cases = [
        ("[application]\nname = \"a\"\n", "is missing", 1),
        ("spin_manifest_version = 1\n", "spin doctor", 1),
        ("\nspin_version = \"1\"\nname = \"a\"\n", "spin doctor", 2),
        (
            "spin_manifest_version = 2\napplication = { name = \"a b\" }\ntrigger = {}\n",
            "not a name",
            2,
        ),
        (
            "spin_manifest_version = 2\napplication = { nam = \"a\" }\n",
            "nam",
            2,
        ),
        (
            "spin_manifest_version = 2\n\napplication = { name = \"a\" \n",
            "",
            3,
        ),
        (
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n",
            "no triggers",
            1,
        ),
        (
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[application.trigger.redis]\naddress = \"x\"\n",
            "redis",
            4,
        ),
    ];
    for (text, expected, line) in cases {
        check_mistake(text, expected, line);
    }
    let remote = SHOP.replace("default = \"localhost\"", "default = \"10.0.0.1\"");
    check_mistake(&remote, "another machine's broker", 7);
    let without = SHOP.replace("[application.trigger.mqtt]", "[application.trigger.http]");
    check_mistake(&without, "[application.trigger.mqtt]", 27);
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

#[test]
fn the_own_broker_is_told_from_others() {
    for (address, own) in [
        ("mqtt://localhost:1883", true),
        ("mqtt://localhost", true),
        ("mqtt://127.0.0.1:18830?client_id=a", true),
        ("mqtt://[::1]:1883", true),
        ("mqtt://localhost.example.com", false),
        ("mqtt://10.0.0.1:1883", false),
        ("mqtts://localhost:8883", false),
        ("localhost:1883", false),
    ] {
        assert_eq!(is_own_broker(address), own, "{address}");
    }
}
