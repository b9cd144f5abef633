//! What the attributes write, and what they refuse.

use super::{of_http, of_mqtt, of_schedule, of_text, quoted};

fn http(attribute: &str) -> Result<String, String> {
    of_http(syn::parse_str(attribute).expect("an attribute's list"))
        .map_err(|error| error.to_string())
}

fn mqtt(attribute: &str) -> Result<String, String> {
    of_mqtt(syn::parse_str(attribute).expect("an attribute's list"))
        .map_err(|error| error.to_string())
}

fn schedule(attribute: &str) -> Result<String, String> {
    of_schedule(syn::parse_str(attribute).expect("an attribute's list"))
        .map_err(|error| error.to_string())
}

#[test]
fn routes_and_grants_are_written() {
    assert_eq!(http(""), Ok(String::new()));
    assert_eq!(
        http(r#"route = "/""#).as_deref(),
        Ok("[[http]]\nroute = \"/\"\n")
    );
    assert_eq!(
        http(r#"route = "/a/{id}", route = ["/b/{*rest}"], methods = ["GET", "POST"], bucket = "x:ro", publish = "y/#""#)
            .as_deref(),
        Ok("[[http]]\nroute = \"/a/{id}\"\nmethods = [\"GET\", \"POST\"]\n\
            [[http]]\nroute = \"/b/{*rest}\"\nmethods = [\"GET\", \"POST\"]\n\
            [grants]\nbuckets = [\"x:ro\"]\npublish = [\"y/#\"]\n")
    );
}

#[test]
fn topics_and_grants_are_written() {
    assert_eq!(mqtt(""), Ok(String::new()));
    assert_eq!(
        mqtt(r#"topic = ["a/+", "b/#"], qos = 1, order = "none", bucket = ["x", "y"], database = "z:ro""#).as_deref(),
        Ok("[[mqtt]]\ntopic = \"a/+\"\nqos = 1\norder = \"none\"\n\
            [[mqtt]]\ntopic = \"b/#\"\nqos = 1\norder = \"none\"\n\
            [grants]\nbuckets = [\"x\", \"y\"]\ndatabases = [\"z:ro\"]\n")
    );
}

#[test]
fn schedules_and_grants_are_written() {
    assert_eq!(schedule(""), Ok(String::new()));
    assert_eq!(
        schedule(r#"cron = "@daily""#).as_deref(),
        Ok("[[schedule]]\ncron = \"@daily\"\n")
    );
    assert_eq!(
        schedule(
            r#"cron = ["0 6 * * *", "*/5 * * * * *"], timezone = "Europe/Berlin", bucket = "x""#
        )
        .as_deref(),
        Ok(
            "[[schedule]]\ncron = \"0 6 * * *\"\ntimezone = \"Europe/Berlin\"\n\
            [[schedule]]\ncron = \"*/5 * * * * *\"\ntimezone = \"Europe/Berlin\"\n\
            [grants]\nbuckets = [\"x\"]\n"
        )
    );
}

#[test]
fn mistakes_in_schedules_are_refused_with_a_reason() {
    let cases = [
        (
            schedule(r#"cron = "5 minutes""#),
            "cron expression `5 minutes` has 2 fields: write minute, hour, day of month, month and day of week, as in \
             \"*/5 * * * *\", or six fields with seconds first",
        ),
        (
            schedule(r#"timezone = "UTC""#),
            "`timezone` belongs to a `cron`, and there is none",
        ),
        (
            schedule(r#"topic = "a""#),
            "unknown key `topic`; known keys are `cron`, `timezone`, `bucket`, `publish`",
        ),
    ];
    for (refused, reason) in cases {
        assert_eq!(refused, Err(reason.to_owned()));
    }
}

#[test]
fn mistakes_are_refused_with_a_reason() {
    let cases = [
        (
            http(r#"route = "hello""#),
            "route `hello` does not begin with `/`",
        ),
        (
            http(r#"route = "/a?b""#),
            "route `/a?b` is a path: it has no query, fragment or space",
        ),
        (
            http(r#"route = "/a{b}""#),
            "route `/a{b}` has braces that do not enclose a whole segment",
        ),
        (
            http(r#"route = "/{}""#),
            "route `/{}` has braces without a name in them",
        ),
        (
            http(r#"route = "/{*a}/b""#),
            "route `/{*a}/b` goes on behind a segment that takes what is left",
        ),
        (
            http(r#"routes = "/a""#),
            "unknown key `routes`; known keys are `route`, `methods`, `bucket`, `database`, `publish`",
        ),
        (
            http(r#"methods = "GET""#),
            "`methods` belongs to a `route`, and there is none",
        ),
        (
            http(r#"route = 1"#),
            "`route` is a string, as in `route = \"…\"`",
        ),
        (
            http(r#"route = "/", methods = "get""#),
            "`get` is not a method; methods are written in capitals, as in \"GET\"",
        ),
        (
            http(r#"bucket = ":ro""#),
            "a bucket has a name, as in \"readings\" or \"readings:ro\"",
        ),
        (mqtt(r#"topic = """#), "the topic filter is empty"),
        (
            mqtt(r#"topic = "a/#/b""#),
            "topic filter `a/#/b` goes on behind `#`",
        ),
        (
            mqtt(r#"topic = "a+/b""#),
            "topic filter `a+/b` has a wildcard that does not stand alone between slashes",
        ),
        (mqtt(r#"topic = "a", qos = 3"#), "`qos` is 0, 1 or 2"),
        (
            mqtt(r#"topic = "a", qos = "1""#),
            "`qos` is a number, as in `qos = 1`",
        ),
        (
            mqtt(r#"qos = 1"#),
            "`qos` belongs to a `topic`, and there is none",
        ),
        (
            mqtt(r#"topic = "a", order = "strict""#),
            "`order` is \"per-topic\" or \"none\"",
        ),
        (
            mqtt(r#"topic = "a", order = "none", order = "none""#),
            "`order` is given twice",
        ),
        (
            mqtt(r#"route = "/""#),
            "unknown key `route`; known keys are `topic`, `qos`, `order`, `bucket`, `database`, `publish`",
        ),
    ];
    for (refused, reason) in cases {
        assert_eq!(refused, Err(reason.to_owned()));
    }
}

#[test]
fn strings_are_escaped_for_toml() {
    let text = syn::parse_str(r#""a\"b\\c\td""#).expect("a literal");
    assert_eq!(quoted(&text), r#""a\"b\\c\u0009d""#);
}

#[test]
fn a_manifest_is_kept_as_it_stands() {
    let text = |literal| {
        of_text(&syn::parse_str(literal).expect("a literal")).map_err(|error| error.to_string())
    };
    assert_eq!(
        text(r#""[limits]\ntimeout = \"2s\"""#).as_deref(),
        Ok("[limits]\ntimeout = \"2s\"")
    );
    assert_eq!(text(r#"" ""#), Err("the manifest is empty".to_owned()));
    assert_eq!(
        text(r#""a\0b""#),
        Err("a manifest is text, without NUL bytes".to_owned())
    );
}
