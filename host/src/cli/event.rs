//! The event that `tidegate invoke` and `tidegate test` run a function with: from flags, or from a file.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::input::read_file;

/// One event, of one kind.
#[derive(clap::Args)]
pub(super) struct EventArgs {
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    mqtt: MqttArgs,
    /// The event is a tick of a schedule that is due now
    #[arg(long, help_heading = "Tick of a schedule")]
    #[arg(conflicts_with_all = ["path", "method", "headers", "body", "body_file", "topic", "event"])]
    tick: bool,
    /// Read the whole event from this file, `-` is standard input: an HTTP request as it is sent (GET /a HTTP/1.1 …), or
    /// the JSON that the admin API takes, `{"http": {…}}`, `{"mqtt": {…}}` or `{"schedule": {…}}`
    #[arg(long, value_name = "FILE", help_heading = "Event from a file")]
    #[arg(conflicts_with_all = ["path", "method", "headers", "body", "body_file", "topic"])]
    event: Option<PathBuf>,
}

/// An HTTP request.
#[derive(clap::Args)]
#[command(next_help_heading = "HTTP request")]
struct HttpArgs {
    /// The path, with a query if there is one; the function's first route, where it is left out
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The method; GET, or POST with a body, where it is left out
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// A header
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// The body
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    body: Option<String>,
    /// Read the body from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
}

/// An MQTT message.
#[derive(clap::Args)]
#[command(next_help_heading = "MQTT message")]
struct MqttArgs {
    /// The topic: the event is a message instead of a request
    #[arg(long, value_name = "TOPIC", conflicts_with_all = ["path", "method", "headers", "body", "body_file"])]
    topic: Option<String>,
    /// The payload
    #[arg(
        long,
        value_name = "TEXT",
        requires = "topic",
        conflicts_with = "payload_file"
    )]
    payload: Option<String>,
    /// Read the payload from this file; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "topic")]
    payload_file: Option<PathBuf>,
    /// The quality of service that the message is published with
    #[arg(long, value_name = "0..2", requires = "topic", value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: Option<u8>,
    /// The message is a retained one
    #[arg(long, requires = "topic")]
    retain: bool,
}

impl EventArgs {
    /// The event, as the admin API takes it. A request without a path goes to `first_path`.
    pub(super) async fn event(
        &self,
        first_path: impl AsyncFnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<Value> {
        if let Some(file) = &self.event {
            let bytes = read_file(file)?;
            return parse_event(&bytes)
                .with_context(|| format!("the event in {} cannot be used", file.display()));
        }
        if self.tick {
            return Ok(json!({ "schedule": {} }));
        }
        match (&self.mqtt.topic, &self.http.path) {
            (Some(topic), _) => self.mqtt.event(topic),
            (None, Some(path)) => self.http.event(path),
            (None, None) => self.http.event(&first_path().await?),
        }
    }

    /// The topic, where one was given.
    pub(super) fn topic(&self) -> Option<&str> {
        self.mqtt.topic.as_deref()
    }
}

impl HttpArgs {
    fn event(&self, path: &str) -> anyhow::Result<Value> {
        let body = bytes_given(self.body.as_ref(), self.body_file.as_ref())?;
        let method = match (&self.method, &body) {
            (Some(method), _) => method,
            (None, None) => "GET",
            (None, Some(_)) => "POST",
        };
        Ok(http_event(
            method,
            path,
            &self.headers,
            &body.unwrap_or_default(),
        ))
    }
}

impl MqttArgs {
    fn event(&self, topic: &str) -> anyhow::Result<Value> {
        let payload = bytes_given(self.payload.as_ref(), self.payload_file.as_ref())?;
        let payload = payload.unwrap_or_default();
        Ok(mqtt_event(
            topic,
            &payload,
            self.qos.unwrap_or(0),
            self.retain,
        ))
    }
}

/// A message, as the admin API takes it.
pub(super) fn mqtt_event(topic: &str, payload: &[u8], qos: u8, retain: bool) -> Value {
    let mut mqtt = json!({ "topic": topic, "qos": qos, "retain": retain });
    put_bytes(&mut mqtt, "payload", payload);
    json!({ "mqtt": mqtt })
}

fn http_event(method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Value {
    let mut http = json!({ "method": method, "path": path, "headers": headers });
    if !body.is_empty() {
        put_bytes(&mut http, "body", body);
    }
    json!({ "http": http })
}

/// JSON, or else the text of an HTTP request: its line, its headers, an empty line, its body.
fn parse_event(bytes: &[u8]) -> anyhow::Result<Value> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(serde_json::from_slice(bytes)?);
    }
    let mut rest = bytes;
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = after;
        let line = str::from_utf8(line)
            .context("its head is not text")?
            .trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let words: Vec<_> = lines
        .first()
        .map_or_else(Vec::new, |line| line.split(' ').collect());
    let (method, path) = match words.as_slice() {
        [method, path] => (method, path),
        [method, path, version] if version.starts_with("HTTP/") => (method, path),
        _ => bail!("it begins neither with `{{` nor with a request line such as `GET /a HTTP/1.1`"),
    };
    let headers = lines[1..].iter().map(|line| {
        parse_header(line).map_err(|reason| anyhow::anyhow!("header `{line}`: {reason}"))
    });
    let headers = headers.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(http_event(method, path, &headers, rest))
}

fn bytes_given(text: Option<&String>, file: Option<&PathBuf>) -> anyhow::Result<Option<Bytes>> {
    match (text, file) {
        (Some(text), _) => Ok(Some(Bytes::from(text.clone()))),
        (None, Some(file)) => read_file(file).map(Some),
        (None, None) => Ok(None),
    }
}

/// JSON has no bytes: text stays text, anything else goes as base64 under a name that says so.
fn put_bytes(object: &mut Value, key: &str, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => object[key] = text.into(),
        Err(_) => object[format!("{key}_base64")] = BASE64_STANDARD.encode(bytes).into(),
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("write it as `name: value`".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_apart() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let parsed = parse_header(text).ok();
            let parsed = parsed
                .as_ref()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(parsed, expected, "{text}");
        };
        check("a: b", Some(("a", "b")));
        check("a:b:c ", Some(("a", "b:c")));
        check("a:", Some(("a", "")));
        check("a", None);
        check(": b", None);
        check("a b: c", None);
    }

    #[test]
    fn bytes_go_as_text_where_they_are() {
        let mut object = json!({});
        put_bytes(&mut object, "body", "ä".as_bytes());
        put_bytes(&mut object, "payload", &[0xff]);
        assert_eq!(object, json!({ "body": "ä", "payload_base64": "/w==" }));
    }

    #[test]
    fn an_event_is_json_or_a_request() {
        let check = |text: &str, expected: Option<Value>| {
            assert_eq!(parse_event(text.as_bytes()).ok(), expected, "{text}");
        };
        let event = json!({ "mqtt": { "topic": "a" } });
        check(&event.to_string(), Some(event));
        check(
            "POST /a?b HTTP/1.1\r\nX-Y: z\r\n\r\nbody\n",
            Some(http_event(
                "POST",
                "/a?b",
                &[("X-Y".to_owned(), "z".to_owned())],
                b"body\n",
            )),
        );
        check("GET /", Some(http_event("GET", "/", &[], b"")));
        check("", None);
        check("hello", None);
        check("GET / HTTP/1.1\nno header", None);
        check("{", None);
    }
}
