//! Whether a component and its manifest fit together: exports decide what may trigger it, imports what it must be
//! granted.

use super::inspect::Inspection;
use crate::model::manifest::{HttpTrigger, Manifest};
use crate::model::name::Name;

/// The interface that HTTP routes trigger.
const HTTP_EXPORT: &str = "wasi:http/incoming-handler@0.2.";
/// The interface that MQTT topics trigger.
const MQTT_EXPORT: &str = "tidegate:mqtt/handler@0.1.0";

/// Interfaces that every function may import: WASI 0.2, of which what is not granted gives nothing away.
const WASI: [&str; 8] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Interfaces that need no grant: they show a function its own configuration and take its log.
const UNGRANTED: [&str; 3] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:logging/logging@0.1.0-draft",
    "tidegate:mqtt/types@0.1.0",
];

/// Interfaces that need a bucket.
const KEY_VALUE: [&str; 3] = [
    "wasi:keyvalue/store@0.2.0-draft2",
    "wasi:keyvalue/atomics@0.2.0-draft2",
    "wasi:keyvalue/batch@0.2.0-draft2",
];

/// The interface that needs a topic to publish to.
const MQTT_CLIENT: &str = "tidegate:mqtt/client@0.1.0";

/// Why a component and its manifest do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misfit {
    /// It exports nothing that can be triggered.
    #[error(
        "the component exports nothing that can be triggered: it needs `wasi:http/incoming-handler@0.2` (HTTP) or \
         `tidegate:mqtt/handler@0.1.0` (MQTT); it exports {0}"
    )]
    NothingToTrigger(String),
    /// A trigger without the export it needs.
    #[error("the manifest has {kind} triggers, but the component does not export `{export}`")]
    TriggerWithoutExport {
        /// `http` or `mqtt`.
        kind: &'static str,
        /// What is missing.
        export: &'static str,
    },
    /// An MQTT function without a topic.
    #[error(
        "the component handles MQTT messages, but no topic starts it: add `?topic=sensors/%2B/temperature` to the \
        upload (`%2B` is `+`), or [[mqtt]] to its manifest"
    )]
    MqttWithoutTopic,
    /// Imports beyond what the host serves.
    #[error("the component imports what this host does not have: {}; {ADVICE}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// Key-value state without a bucket.
    #[error(
        "the component uses key-value state (`{0}`), but is granted no bucket: add `?bucket=default` to the upload, or \
        `buckets = [\"default\"]` to [grants] in its manifest"
    )]
    NoBucket(String),
    /// Publishing without a topic.
    #[error(
        "the component publishes MQTT messages (`{0}`), but is granted no topic: add `?publish=alerts/%23` to the \
        upload (`%23` is `#`), or `publish = [\"alerts/#\"]` to [grants] in its manifest"
    )]
    NoPublish(String),
}

const ADVICE: &str = "it serves WASI 0.2 (cli, clocks, filesystem, http, io, random, sockets), wasi:keyvalue@0.2.0-draft2, \
    wasi:config@0.2.0-rc.1, wasi:logging@0.1.0-draft and tidegate:mqtt@0.1.0; build without the others, or \
    compose the component with one that provides them";

/// Adds the default route where an HTTP function has none, and checks that everything fits.
pub fn fit(name: &Name, inspection: &Inspection, manifest: &mut Manifest) -> Result<(), Misfit> {
    let handles_http = inspection
        .exports
        .iter()
        .any(|export| export.starts_with(HTTP_EXPORT));
    let handles_mqtt = inspection
        .exports
        .iter()
        .any(|export| export == MQTT_EXPORT);
    if !handles_http && !handles_mqtt {
        return Err(Misfit::NothingToTrigger(or_nothing(&inspection.exports)));
    }
    if !handles_http && !manifest.http.is_empty() {
        return Err(Misfit::TriggerWithoutExport {
            kind: "http",
            export: "wasi:http/incoming-handler@0.2",
        });
    }
    if !handles_mqtt && !manifest.mqtt.is_empty() {
        return Err(Misfit::TriggerWithoutExport {
            kind: "mqtt",
            export: MQTT_EXPORT,
        });
    }
    if handles_mqtt && manifest.mqtt.is_empty() {
        return Err(Misfit::MqttWithoutTopic);
    }
    check_imports(&inspection.imports, manifest)?;
    if handles_http && manifest.http.is_empty() {
        let route = format!("/{name}/{{*rest}}")
            .parse()
            .expect("a name is a path segment");
        manifest.http.push(HttpTrigger {
            route,
            methods: Vec::new(),
        });
    }
    Ok(())
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

fn check_imports(imports: &[String], manifest: &Manifest) -> Result<(), Misfit> {
    let key_value = |import: &&String| KEY_VALUE.contains(&import.as_str());
    let publishes = |import: &&String| *import == MQTT_CLIENT;
    let unknown = imports
        .iter()
        .filter(|import| !is_served(import) && !key_value(import) && !publishes(import));
    let unknown: Vec<String> = unknown.cloned().collect();
    if !unknown.is_empty() {
        return Err(Misfit::UnknownImports(unknown));
    }
    if let Some(import) = imports.iter().find(key_value)
        && manifest.grants.buckets.is_empty()
    {
        return Err(Misfit::NoBucket(import.clone()));
    }
    if let Some(import) = imports.iter().find(publishes)
        && manifest.grants.publish.is_empty()
    {
        return Err(Misfit::NoPublish(import.clone()));
    }
    Ok(())
}

fn is_served(import: &str) -> bool {
    let wasi = WASI.iter().any(|prefix| import.starts_with(prefix)) && import.contains("@0.2.");
    wasi || UNGRANTED.contains(&import)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exports: &[&str], imports: &[&str], manifest: &str) -> Result<Manifest, Misfit> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let inspection = Inspection {
            exports: owned(exports),
            imports: owned(imports),
            manifest: Vec::new(),
        };
        let mut manifest: Manifest = toml::from_str(manifest).expect("a manifest");
        fit(
            &"door-bell".parse().expect("a name"),
            &inspection,
            &mut manifest,
        )
        .map(|()| manifest)
    }

    const HTTP: &str = "wasi:http/incoming-handler@0.2.3";

    #[test]
    fn an_http_function_without_a_route_gets_its_name() {
        let manifest = check(&[HTTP], &["wasi:io/streams@0.2.9"], "").expect("fits");
        assert_eq!(manifest.http[0].route.as_str(), "/door-bell/{*rest}");
        let manifest = check(&[HTTP], &[], "[[http]]\nroute = \"/x\"").expect("fits");
        assert_eq!(manifest.http.len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mqtt = "[[mqtt]]\ntopic = \"a\"";
        assert!(matches!(
            check(&[], &[], ""),
            Err(Misfit::NothingToTrigger(_))
        ));
        assert!(matches!(
            check(&["wasi:cli/run@0.2.3"], &[], ""),
            Err(Misfit::NothingToTrigger(_))
        ));
        assert!(matches!(
            check(&[HTTP], &[], mqtt),
            Err(Misfit::TriggerWithoutExport { kind: "mqtt", .. })
        ));
        assert!(matches!(
            check(&[MQTT_EXPORT], &[], ""),
            Err(Misfit::MqttWithoutTopic)
        ));
        assert!(check(&[MQTT_EXPORT], &[], mqtt).is_ok());
        assert!(matches!(
            check(
                &[MQTT_EXPORT],
                &[],
                &format!("{mqtt}\n[[http]]\nroute = \"/x\"")
            ),
            Err(Misfit::TriggerWithoutExport { kind: "http", .. })
        ));
    }

    #[test]
    fn imports_need_their_grants() {
        let store = KEY_VALUE[0];
        assert!(matches!(
            check(&[HTTP], &[store], ""),
            Err(Misfit::NoBucket(_))
        ));
        assert!(check(&[HTTP], &[store], "[grants]\nbuckets = [\"default:ro\"]").is_ok());
        assert!(matches!(
            check(&[HTTP], &[MQTT_CLIENT], ""),
            Err(Misfit::NoPublish(_))
        ));
        assert!(check(&[HTTP], &[MQTT_CLIENT], "[grants]\npublish = [\"a/#\"]").is_ok());
        let unknown = check(
            &[HTTP],
            &[
                "acme:widgets/paint",
                "wasi:nn/graph@0.2.0-rc",
                "wasi:io/poll@0.3.0",
            ],
            "",
        );
        let Err(Misfit::UnknownImports(names)) = unknown else {
            panic!("{unknown:?}")
        };
        assert_eq!(names.len(), 3);
    }
}
