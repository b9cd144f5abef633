//! Where a manifest comes from: embedded in the component, a part of the upload, query parameters; later ones add to
//! and override earlier ones.

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

/// The query parameters of an upload that are shorthand for the manifest.
pub const PARAMETERS: [&str; 7] = [
    "route", "topic", "schedule", "bucket", "database", "publish", "outbound",
];

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
        let invalid = |reason: String| ManifestError::Parameter {
            parameter: parameter.clone(),
            reason,
        };
        match parameter.as_str() {
            "route" => {
                let route = value.parse().map_err(|error| invalid(format!("{error}")))?;
                manifest.http.push(HttpTrigger::new(route));
            }
            "topic" => manifest.mqtt.push(MqttTrigger::new(
                value.parse().map_err(|error| invalid(format!("{error}")))?,
            )),
            "schedule" => manifest.schedule.push(ScheduleTrigger::new(
                value.parse().map_err(|error| invalid(format!("{error}")))?,
            )),
            "bucket" => manifest
                .grants
                .buckets
                .push(value.parse().map_err(|error| invalid(format!("{error}")))?),
            "database" => manifest
                .grants
                .databases
                .push(value.parse().map_err(|error| invalid(format!("{error}")))?),
            "publish" => manifest
                .grants
                .publish
                .push(value.parse().map_err(|error| invalid(format!("{error}")))?),
            "outbound" => manifest
                .grants
                .outbound
                .push(value.parse().map_err(|error| invalid(format!("{error}")))?),
            _ => {
                return Err(invalid(format!(
                    "it is unknown; an upload takes {}",
                    PARAMETERS.join(", ")
                )));
            }
        }
    }
    Ok(manifest)
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
