//! What cannot be honoured is a mistake that names its line.

use super::{SHOP, check_mistake, functions};

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
        ("tool.tidegate.attempts = 2", "mqtt or cron triggers", 8),
        ("tool.tidegate = {\norder = \"none\" }", "mqtt triggers", 9),
        (
            "tool.tidegate.timeout = \"5s\"\ntool.tidegate.order = \"none\"",
            "mqtt triggers",
            9,
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
    check_triggers(&[
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
    ]);
}

#[test]
fn what_triggers_cannot_have_here_names_its_line() {
    check_triggers(&[
        (http("route = \"/report.:format\""), "whole one", 10),
        (http("route = \"/x/{y}\""), "`:name`", 10),
        (
            "[[trigger.cron]]\ncomponent = \"c\"\ncron_expression = \"5 minutes\"".to_owned(),
            "is not a cron expression",
            10,
        ),
        (
            mqtt("topic = \"a\"\nqos = \"1\"\n[component.c.tool.tidegate]\nrate = \"5/s\""),
            "http triggers",
            13,
        ),
        (
            mqtt("topic = \"a\"\nqos = \"1\"\n[component.c.tool.tidegate]\nattempts = \"5\""),
            "invalid type",
            13,
        ),
    ]);
}

fn http(text: &str) -> String {
    format!("[[trigger.http]]\ncomponent = \"c\"\n{text}")
}

fn mqtt(text: &str) -> String {
    format!("[[trigger.mqtt]]\ncomponent = \"c\"\n{text}")
}

/// Triggers behind seven lines that lack nothing; what is said of them, and of which line.
#[track_caller]
fn check_triggers(cases: &[(String, &str, usize)]) {
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
            "spin_manifest_version = 2\napplication = { name = \"_a\" }\ntrigger = {}\n",
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
    for key in ["attempts = 2", "order = \"none\"", "rate = \"5/s\""] {
        functions(&SHOP.replace("memory = \"32MiB\"", key));
    }
    let cron = "spin_manifest_version = 2\n[application]\nname = \"a\"\n[application.tool.tidegate]\n\
        attempts = 2\norder = \"none\"\n[[trigger.cron]]\ncomponent = \"c\"\ncron_expression = \"@daily\"\n\
        [component.c]\nsource = \"c.wasm\"\n";
    check_mistake(cron, "`order` is for mqtt triggers", 6);
}
