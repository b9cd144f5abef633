//! Where a manifest comes from: embedded in the component, a part of the upload, query parameters; later ones add to
//! and override earlier ones.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

use crate::limits::MANIFEST_BYTES_MAX;
use crate::model::manifest::{HttpTrigger, InvalidManifest, Manifest, MqttTrigger};
use crate::model::schedule::ScheduleTrigger;

/// Why the manifest was refused; the text names the part and the key.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("the manifest {origin} cannot be used: {reason}")]
    Syntax {
        /// Which part.
        origin: &'static str,
        /// The TOML reader's message, with line and key.
        reason: String,
    },
    /// More than [`MANIFEST_BYTES_MAX`].
    #[error("the manifest has {0} bytes; at most {MANIFEST_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// A query parameter that cannot be used.
    #[error("query parameter `{parameter}`: {reason}")]
    Parameter {
        /// Its name.
        parameter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It can be read, but not used.
    #[error(transparent)]
    Invalid(#[from] InvalidManifest),
}

/// The query parameters of an upload that are shorthand for the manifest's triggers and grants; each may be repeated.
pub const REPEATABLE: [&str; 7] = [
    "route", "topic", "schedule", "bucket", "database", "publish", "outbound",
];

/// Those that are shorthand for its limits.
pub const LIMITS: [&str; 5] = ["timeout", "cpu", "memory", "concurrency", "rate"];

/// The effective manifest of an upload, checked as far as it can be without its component.
pub fn merge(
    embedded: &[u8],
    part: Option<&str>,
    parameters: &[(String, String)],
) -> Result<Manifest, ManifestError> {
    let total = embedded.len() + part.map_or(0, str::len);
    if total > MANIFEST_BYTES_MAX {
        return Err(ManifestError::TooLarge(total));
    }
    let mut manifest = Manifest::default();
    // Each macro of the SDK writes a text of its own, ended by a NUL; the linker lays them one behind the other.
    for text in embedded
        .split(|byte| *byte == 0)
        .filter(|text| !text.is_empty())
    {
        let text = str::from_utf8(text).map_err(|error| ManifestError::Syntax {
            origin: EMBEDDED,
            reason: error.to_string(),
        })?;
        manifest.absorb(parse(EMBEDDED, text)?);
    }
    if let Some(text) = part {
        manifest.absorb(parse("in the part `manifest`", text)?);
    }
    manifest.absorb(from_parameters(parameters)?);
    manifest.check()?;
    let now = Timestamp::now();
    let never = |trigger: &&ScheduleTrigger| trigger.next_after(now).is_none();
    if let Some(trigger) = manifest.schedule.iter().find(never) {
        return Err(InvalidManifest::NeverRuns(trigger.cron.to_string()).into());
    }
    Ok(manifest)
}

const EMBEDDED: &str = "embedded in the component";

fn parse(origin: &'static str, text: &str) -> Result<Manifest, ManifestError> {
    let manifest: Manifest = toml::from_str(text).map_err(|error| ManifestError::Syntax {
        origin,
        reason: error.to_string(),
    })?;
    if !manifest.files.is_empty() {
        return Err(InvalidManifest::FilesWritten.into());
    }
    Ok(manifest)
}

fn from_parameters(parameters: &[(String, String)]) -> Result<Manifest, ManifestError> {
    let mut manifest = Manifest::default();
    for (parameter, value) in parameters {
        read_parameter(&mut manifest, parameter, value).map_err(|reason| {
            let parameter = parameter.clone();
            ManifestError::Parameter { parameter, reason }
        })?;
    }
    Ok(manifest)
}

/// Adds what one parameter says; or tells what is wrong with it.
fn read_parameter(manifest: &mut Manifest, parameter: &str, value: &str) -> Result<(), String> {
    let (grants, limits) = (&mut manifest.grants, &mut manifest.limits);
    match parameter {
        "route" => manifest.http.push(HttpTrigger::new(read(value)?)),
        "topic" => manifest.mqtt.push(MqttTrigger::new(read(value)?)),
        "schedule" => manifest.schedule.push(ScheduleTrigger::new(read(value)?)),
        "bucket" => grants.buckets.push(read(value)?),
        "database" => grants.databases.push(read(value)?),
        "publish" => grants.publish.push(read(value)?),
        "outbound" => grants.outbound.push(read(value)?),
        "timeout" => set(&mut limits.timeout, read(value)?)?,
        "cpu" => set(&mut limits.cpu, read(value)?)?,
        "memory" => set(&mut limits.memory, read(value)?)?,
        "concurrency" => set(&mut limits.concurrency, read_count(value)?)?,
        "rate" => set(&mut limits.rate, read(value)?)?,
        _ => {
            return Err(format!(
                "it is unknown; an upload takes {}, {}",
                REPEATABLE.join(", "),
                LIMITS.join(", ")
            ));
        }
    }
    Ok(())
}

fn read<T: FromStr<Err: Display>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|error| format!("{error}"))
}

fn read_count(value: &str) -> Result<u32, String> {
    let number = value.parse();
    number.map_err(|_| format!("`{value}` is not a number: write it in digits, such as `64`"))
}

fn set<T>(limit: &mut Option<T>, value: T) -> Result<(), String> {
    match limit.replace(value) {
        None => Ok(()),
        Some(_) => Err("it is given twice".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::ConfigValue;

    fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn later_parts_add_to_and_override_earlier_ones() {
        let embedded = b"[[http]]\nroute = \"/a\"\n[limits]\ntimeout = \"5s\"\n\0[[mqtt]]\ntopic = \"a/+\"\n\0";
        let part = "[limits]\ntimeout = \"7s\"\nmemory = \"8MiB\"\n[config]\nx = \"1\"\n";
        let merged = merge(
            embedded,
            Some(part),
            &parameters(&[("route", "/b"), ("bucket", "default:ro")]),
        )
        .expect("valid");
        assert_eq!(
            merged
                .http
                .iter()
                .map(|t| t.route.as_str())
                .collect::<Vec<_>>(),
            ["/a", "/b"]
        );
        assert_eq!(merged.mqtt[0].topic.as_str(), "a/+");
        let limits = merged.limits().expect("within bounds");
        assert_eq!(
            (limits.timeout.as_secs(), limits.memory_bytes),
            (7, 8 << 20)
        );
        assert_eq!(merged.grants.buckets[0].to_string(), "default:ro");
        assert_eq!(merged.config["x"], ConfigValue::Text("1".to_owned()));
    }

    #[test]
    fn limits_among_the_parameters_go_before_those_that_are_written() {
        let part = "[limits]\ntimeout = \"7s\"\nmemory = \"8MiB\"\nrate = \"5/h\"";
        let given = [
            ("timeout", "2s"),
            ("cpu", "100ms"),
            ("concurrency", "3"),
            ("rate", "10/m"),
        ];
        let merged = merge(b"", Some(part), &parameters(&given)).expect("valid");
        let limits = merged.limits().expect("within bounds");
        assert_eq!(
            (
                limits.timeout.as_secs(),
                limits.cpu.as_millis(),
                limits.memory_bytes,
                limits.concurrency,
                limits.rate.map(|rate| rate.to_string()).as_deref(),
            ),
            (2, 100, 8 << 20, 3, Some("10/m"))
        );
        for (given, expected) in [
            (vec![("timeout", "5")], "`timeout`: `5` is not a duration"),
            (vec![("cpu", "")], "`cpu`: `` is not a duration"),
            (vec![("memory", "64")], "`memory`: `64` is not a size"),
            (
                vec![("concurrency", "many")],
                "`concurrency`: `many` is not a number",
            ),
            (
                vec![("concurrency", "-1")],
                "`concurrency`: `-1` is not a number",
            ),
            (vec![("rate", "5")], "`rate`: `5` is not a rate"),
            (
                vec![("rate", "5/s"), ("rate", "5/s")],
                "`rate`: it is given twice",
            ),
            (vec![("timeout", "2h")], "limits.timeout: `2h` is outside"),
            (vec![("memory", "1GiB")], "limits.memory: `1GiB` is outside"),
            (
                vec![("concurrency", "0")],
                "limits.concurrency: `0` is outside",
            ),
            (
                vec![("queue", "5")],
                "`queue`: it is unknown; an upload takes route, ",
            ),
        ] {
            let error = merge(b"", None, &parameters(&given))
                .expect_err("refused")
                .to_string();
            assert!(error.contains(expected), "{given:?}: {error}");
        }
    }

    #[test]
    fn schedules_add_up_and_a_later_one_replaces_the_same() {
        let embedded =
            b"[[schedule]]\ncron = \"0 6 * * *\"\nattempts = 2\n\0[[schedule]]\ncron = \"0 7 * * *\"";
        let part = "[[schedule]]\ncron = \"0 6 * * *\"\n\
            [[schedule]]\ncron = \"0 6 * * *\"\ntimezone = \"Europe/Berlin\"";
        let merged = merge(
            embedded,
            Some(part),
            &parameters(&[("schedule", "@hourly")]),
        );
        let schedules = merged.expect("valid").schedule;
        let read: Vec<_> = schedules
            .iter()
            .map(|trigger| {
                (
                    trigger.cron.as_str(),
                    trigger.timezone.as_str(),
                    trigger.attempts,
                )
            })
            .collect();
        assert_eq!(
            read,
            [
                ("0 6 * * *", "UTC", None),
                ("0 7 * * *", "UTC", None),
                ("0 6 * * *", "Europe/Berlin", None),
                ("@hourly", "UTC", None),
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_a_schedule_is_named() {
        let cases = [
            (
                "[[mqtt]]\ntopic = \"a\"\nattempts = 11",
                "mqtt.attempts: `11`",
            ),
            ("[[schedule]]\ncron = \"5 minutes\"", "as in `*/5 * * * *`"),
            (
                "[[schedule]]\ncron = \"0 0 30 2 *\"",
                "`0 0 30 2 *` never runs",
            ),
            (
                "[[schedule]]\ncron = \"* * * * *\"\ntimezone = \"Berlin\"",
                "as in `Europe/Berlin`",
            ),
            (
                "[[schedule]]\ncron = \"* * * * *\"\ntz = \"UTC\"",
                "unknown field `tz`",
            ),
            (
                "[[schedule]]\ncron = \"* * * * *\"\nattempts = 0",
                "schedule.attempts: `0`",
            ),
        ];
        for (text, expected) in cases {
            let error = merge(b"", Some(text), &[]).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let auth = |destination: &str, header: &str| {
            format!(
                "[grants]\noutbound = [\"https://a\", \"tcp://a:1\"]\n[[grants.outbound-auth]]\n\
                 destination = \"{destination}\"\nheader = \"{header}\"\nsecret = \"key\""
            )
        };
        let cases: [(&str, &str); 20] = [
            ("nmae = \"x\"", "nmae"),
            ("[config]\na = 1", "expected a text, or `{ secret ="),
            ("[config]\na = { secret = \"A\" }", "`A` is not a name"),
            ("[config]\na = { secret = \"a\", b = \"\" }", "`b`"),
            ("[[http]]\nrout = \"/\"", "rout"),
            ("[[http]]\nroute = \"x\"", "does not begin with `/`"),
            (
                "[[http]]\nroute = \"/\"\nmethods = [\"get\"]",
                "`get` is not an HTTP method",
            ),
            ("[[mqtt]]\ntopic = \"a#\"", "`a#` is not a topic filter"),
            ("[[mqtt]]\ntopic = \"a\"\nqos = 3", "`3` is not a QoS level"),
            ("[[mqtt]]\ntopic = \"a\"\nqos = 2", "QoS 0 or 1"),
            (
                "[limits]\ntimeout = \"2h\"",
                "limits.timeout: `2h` is outside",
            ),
            ("[limits]\nmemory = \"64\"", "`64` is not a size"),
            ("[limits]\nconcurrency = 0", "limits.concurrency: `0`"),
            ("[grants]\nbuckets = [\"A\"]", "`A` is not a name"),
            (
                "[grants]\noutbound = [\"a.example.com\"]",
                "it has no scheme: write `https://…`",
            ),
            ("[grants]\nsecrets = [\"A\"]", "`A` is not a name"),
            (
                &auth("https://b", "authorization"),
                "add it to grants.outbound",
            ),
            (&auth("https://a", "host"), "not the name of a header"),
            (&auth("tcp://a:1", "authorization"), "only HTTP requests"),
            (
                &auth("https://*", "authorization"),
                "`https://*` is not a destination",
            ),
        ];
        for (text, expected) in cases {
            let error = merge(b"", Some(text), &[]).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let error = merge(b"", None, &parameters(&[("rout", "/")]))
            .expect_err("unknown")
            .to_string();
        assert!(
            error.contains("`rout`") && error.contains("route, topic, schedule, bucket"),
            "{error}"
        );
        assert!(matches!(
            merge(&[b'#'; MANIFEST_BYTES_MAX + 1], None, &[]),
            Err(ManifestError::TooLarge(_))
        ));
    }
}
