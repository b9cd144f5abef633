//! Whether a component and its manifest fit together: exports decide what may trigger it, imports what it must be
//! granted.

use std::fmt;

use super::inspect::Inspection;
use super::interfaces::{self, Import, Needs};
use crate::model::exports::{self, HttpExport};
use crate::model::manifest::{HttpTrigger, Manifest, ManifestGrants};
use crate::model::name::Name;

/// Why a component and its manifest do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misfit {
    /// It exports nothing that can be triggered.
    #[error(
        "the component exports nothing that can be triggered: it needs `wasi:http/incoming-handler@0.2`, \
         `wasi:http/handler@0.3` or `wasi:cli/run` (HTTP), `tidegate:mqtt/handler@0.1.0` (MQTT), or \
         `tidegate:schedule/handler@0.1.0` (schedules); it exports {0}"
    )]
    NothingToTrigger(String),
    /// Two exports for the same events.
    #[error(
        "the component exports {} for the same events: build it with one of them", .0.join(" and ")
    )]
    TwoHandlers(Vec<String>),
    /// A version of a served interface that is not the one.
    #[error(
        "the component imports {}; build it with a version of its SDK or bindings that imports this one",
        .0.iter().map(WrongVersion::to_string).collect::<Vec<_>>().join(", ")
    )]
    WrongVersions(Vec<WrongVersion>),
    /// A trigger without the export it needs.
    #[error("the manifest has {kind} triggers, but the component does not export `{export}`")]
    TriggerWithoutExport {
        /// `http`, `mqtt` or `schedule`.
        kind: &'static str,
        /// What is missing.
        export: &'static str,
    },
    /// A CGI program that is none.
    #[error(
        "the manifest says `cgi` (in spin.toml, `executor = {{ type = \"wagi\" }}`), but the component is no program: \
         it does not export `wasi:cli/run`, but {0}; take that out of the manifest"
    )]
    NoProgram(String),
    /// An MQTT function without a topic.
    #[error(
        "the component handles MQTT messages, but no topic starts it: add `?topic=sensors/%2B/temperature` to the \
        upload (`%2B` is `+`), or [[mqtt]] to its manifest"
    )]
    MqttWithoutTopic,
    /// A function for schedules without one.
    #[error(
        "the component runs on schedules, but has none: add `?schedule=*/5+*+*+*+*` to the upload (`+` is a space), or \
        [[schedule]] with `cron = \"*/5 * * * *\"` to its manifest"
    )]
    TicksWithoutSchedule,
    /// Imports beyond what the host serves.
    #[error("the component imports what this host does not have: {}; {ADVICE}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// Key-value state without a bucket.
    #[error(
        "the component uses key-value state (`{0}`), but is granted no bucket: add `?bucket=default` to the upload, or \
        `buckets = [\"default\"]` to [grants] in its manifest"
    )]
    NoBucket(String),
    /// SQL without a database.
    #[error(
        "the component uses SQL (`{0}`), but is granted no database: add `?database=default` to the upload, or \
        `databases = [\"default\"]` to [grants] in its manifest"
    )]
    NoDatabase(String),
    /// Publishing without a topic.
    #[error(
        "the component publishes MQTT messages (`{0}`), but is granted no topic: add `?publish=alerts/%23` to the \
        upload (`%23` is `#`), or `publish = [\"alerts/#\"]` to [grants] in its manifest"
    )]
    NoPublish(String),
    /// MQTT without a topic and without another broker.
    #[error(
        "the component publishes MQTT messages (`{0}`), but is granted no topic and no broker: add \
        `?publish=alerts/%23` (`%23` is `#`) for this host's own broker or `?outbound=mqtt://broker.local` for another \
        to the upload, or `publish` or `outbound` to [grants] in its manifest"
    )]
    NoBroker(String),
}

const ADVICE: &str = "it serves WASI 0.2 and 0.3 (cli, clocks, filesystem, http, io, random, sockets), wasi:keyvalue, \
    wasi:config, wasi:logging, tidegate:mqtt, SQL and what Spin has of these; build without the others, or compose the \
    component with one that provides them";

/// An import whose interface is served in other versions.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongVersion {
    import: String,
    served: Vec<&'static str>,
}

impl fmt::Display for WrongVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let served = self.served.join(", ");
        write!(f, "`{}`, of which this host has {served}", self.import)
    }
}

/// Adds the default route where an HTTP function has none, and checks that everything fits.
pub fn fit(name: &Name, inspection: &Inspection, manifest: &mut Manifest) -> Result<(), Misfit> {
    check_imports(&inspection.imports)?;
    let exports: Vec<&str> = inspection.exports.iter().map(String::as_str).collect();
    for same in [
        exports::http_handlers(&exports),
        exports::mqtt_handlers(&exports),
        exports::schedule_handlers(&exports),
    ] {
        if same.len() > 1 {
            let names = same.into_iter().map(|name| format!("`{name}`")).collect();
            return Err(Misfit::TwoHandlers(names));
        }
    }
    let http = match manifest.cgi {
        true => exports::program(&exports),
        false => exports::http(&exports),
    };
    if manifest.cgi && http.is_none() {
        return Err(Misfit::NoProgram(or_nothing(&inspection.exports)));
    }
    let handles_http = http.is_some();
    let handles_mqtt = exports::mqtt(&exports).is_some();
    let needs_http = manifest
        .http
        .iter()
        .any(|trigger| trigger.response.is_none());
    let only_responses = !needs_http && !manifest.http.is_empty();
    let takes_ticks = exports::schedule(&exports).is_some();
    if !handles_http && !handles_mqtt && !takes_ticks && !only_responses {
        return Err(Misfit::NothingToTrigger(or_nothing(&inspection.exports)));
    }
    if !handles_http && needs_http {
        return Err(Misfit::TriggerWithoutExport {
            kind: "http",
            export: "wasi:http/incoming-handler@0.2` or `wasi:http/handler@0.3",
        });
    }
    if !handles_mqtt && !manifest.mqtt.is_empty() {
        return Err(Misfit::TriggerWithoutExport {
            kind: "mqtt",
            export: "tidegate:mqtt/handler@0.1.0",
        });
    }
    if handles_mqtt && manifest.mqtt.is_empty() {
        return Err(Misfit::MqttWithoutTopic);
    }
    if !takes_ticks && !manifest.schedule.is_empty() {
        return Err(Misfit::TriggerWithoutExport {
            kind: "schedule",
            export: "tidegate:schedule/handler@0.1.0",
        });
    }
    if takes_ticks && manifest.schedule.is_empty() {
        return Err(Misfit::TicksWithoutSchedule);
    }
    // Spin's SDKs bring all their imports along, used or not: there, a call without its grant is denied.
    if !inspection.spin
        && let Some(missing) = missing_grants(inspection, manifest).next()
    {
        return Err(missing);
    }
    let private = manifest.app.as_ref().is_some_and(|app| app.private);
    // Language runtimes export a program as well: where something else starts the component, requests are not meant to.
    let is_program = matches!(http, Some(HttpExport::Command | HttpExport::AsyncCommand));
    let is_meant = !is_program || manifest.cgi || !handles_mqtt && !takes_ticks;
    if handles_http && is_meant && manifest.http.is_empty() && !private {
        manifest.http.push(default_route(name));
    }
    Ok(())
}

fn default_route(name: &Name) -> HttpTrigger {
    let route = format!("/{name}/{{*rest}}").parse();
    HttpTrigger::new(route.expect("a name is a path segment"))
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// Refuses what is not served.
fn check_imports(imports: &[String]) -> Result<(), Misfit> {
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for import in imports {
        match interfaces::look_up(import) {
            Import::Unknown => unknown.push(import.clone()),
            Import::Unserved | Import::Served(_) => {}
            Import::OtherVersions(served) => wrong.push(WrongVersion {
                import: import.clone(),
                served,
            }),
        }
    }
    if !unknown.is_empty() {
        return Err(Misfit::UnknownImports(unknown));
    }
    if !wrong.is_empty() {
        return Err(Misfit::WrongVersions(wrong));
    }
    Ok(())
}

/// What is needed, whether no such thing is granted, and what that is called.
type Kind = (Needs, bool, fn(String) -> Misfit);

/// What a component imports without a grant: for each kind of grant, its first import.
pub fn missing_grants(
    inspection: &Inspection,
    manifest: &Manifest,
) -> impl Iterator<Item = Misfit> {
    let grants = &manifest.grants;
    let no_broker = !may_reach_a_broker(grants);
    let kinds: [Kind; 4] = [
        (Needs::Bucket, grants.buckets.is_empty(), Misfit::NoBucket),
        (
            Needs::Database,
            grants.databases.is_empty(),
            Misfit::NoDatabase,
        ),
        (Needs::Publish, grants.publish.is_empty(), Misfit::NoPublish),
        (Needs::Broker, no_broker, Misfit::NoBroker),
    ];
    let missing = kinds
        .into_iter()
        .filter(|(_, none_granted, _)| *none_granted);
    missing.filter_map(|(needs, _, misfit)| {
        let mut imports = inspection.imports.iter();
        let import = imports.find(|import| interfaces::look_up(import) == Import::Served(needs));
        import.cloned().map(misfit)
    })
}

fn may_reach_a_broker(grants: &ManifestGrants) -> bool {
    let other = grants.outbound.iter().any(|grant| grant.has_scheme("mqtt"));
    other || !grants.publish.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::abi::Abi;

    const MQTT_EXPORT: &str = "tidegate:mqtt/handler@0.1.0";
    const MQTT_CLIENT: &str = "tidegate:mqtt/client@0.1.0";

    fn check(exports: &[&str], imports: &[&str], manifest: &str) -> Result<Manifest, Misfit> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let inspection = Inspection {
            exports: owned(exports),
            imports: owned(imports),
            abi: Abi::Sync,
            spin: false,
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
    fn a_program_gets_a_route_where_nothing_else_starts_it() {
        const RUN: &str = "wasi:cli/run@0.2.3";
        let mqtt = "[[mqtt]]\ntopic = \"a\"";
        let schedule = "[[schedule]]\ncron = \"* * * * *\"";
        let routes = |exports: &[&str], manifest: &str| {
            let fitted = check(exports, &[], manifest).expect("fits");
            fitted.http.len()
        };
        assert_eq!(routes(&[RUN], ""), 1);
        assert_eq!(routes(&[RUN, MQTT_EXPORT], mqtt), 0);
        assert_eq!(routes(&[RUN, "handle-cron-event"], schedule), 0);
        assert_eq!(routes(&[HTTP, MQTT_EXPORT], mqtt), 1);
        assert_eq!(routes(&[RUN, HTTP, MQTT_EXPORT], mqtt), 1);
        let meant = format!("{mqtt}\n[[http]]\nroute = \"/x\"");
        assert_eq!(routes(&[RUN, MQTT_EXPORT], &meant), 1);
        let cgi = format!("cgi = true\n{mqtt}");
        assert_eq!(routes(&[RUN, MQTT_EXPORT], &cgi), 1);
    }

    #[test]
    fn what_is_to_be_served_as_a_program_must_be_one() {
        assert!(check(&[HTTP, "wasi:cli/run@0.3.0"], &[], "cgi = true").is_ok());
        assert_eq!(
            check(&[HTTP], &[], "cgi = true").map(|_| ()),
            Err(Misfit::NoProgram(HTTP.to_owned()))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mqtt = "[[mqtt]]\ntopic = \"a\"";
        assert!(matches!(
            check(&[], &[], ""),
            Err(Misfit::NothingToTrigger(_))
        ));
        assert!(matches!(
            check(&["wasi:http/handler@0.3.0-rc-2026-03-15"], &[], ""),
            Err(Misfit::NothingToTrigger(_))
        ));
        assert!(matches!(
            check(&[HTTP, "wasi:http/handler@0.3.0"], &[], ""),
            Err(Misfit::TwoHandlers(_))
        ));
        assert!(check(&[HTTP, "wasi:cli/run@0.2.3"], &[], "").is_ok());
        assert!(check(&["wasi:cli/run@0.2.3"], &[], "").is_ok());
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
    fn what_takes_ticks_needs_a_schedule_and_the_other_way_round() {
        let schedule = "[[schedule]]\ncron = \"* * * * *\"";
        for export in ["tidegate:schedule/handler@0.1.0", "handle-cron-event"] {
            assert_eq!(
                check(&[export], &[], "").map(|_| ()),
                Err(Misfit::TicksWithoutSchedule)
            );
            let types = ["spin:cron/cron-types@3.0.0"];
            assert!(check(&[export], &types, schedule).is_ok());
        }
        assert!(matches!(
            check(&[HTTP], &[], schedule),
            Err(Misfit::TriggerWithoutExport {
                kind: "schedule",
                ..
            })
        ));
    }

    #[test]
    fn imports_need_their_grants() {
        let store = "wasi:keyvalue/store@0.2.0-draft2";
        assert!(matches!(
            check(&[HTTP], &[store], ""),
            Err(Misfit::NoBucket(_))
        ));
        assert!(check(&[HTTP], &[store], "[grants]\nbuckets = [\"default:ro\"]").is_ok());
        assert!(matches!(
            check(&[HTTP], &["spin:sqlite/sqlite@3.1.0"], ""),
            Err(Misfit::NoDatabase(_))
        ));
        assert!(matches!(
            check(&[HTTP], &[MQTT_CLIENT], ""),
            Err(Misfit::NoPublish(_))
        ));
        assert!(check(&[HTTP], &[MQTT_CLIENT], "[grants]\npublish = [\"a/#\"]").is_ok());
        let spin = "fermyon:spin/mqtt@2.0.0";
        assert!(matches!(
            check(
                &[HTTP],
                &[spin],
                "[grants]\noutbound = [\"https://a.example\"]"
            ),
            Err(Misfit::NoBroker(_))
        ));
        for grant in ["publish = [\"a\"]", "outbound = [\"mqtt://a.example\"]"] {
            assert!(check(&[HTTP], &[spin], &format!("[grants]\n{grant}")).is_ok());
        }
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
        assert_eq!(names.len(), 2);
        let wrong = check(&[HTTP], &["wasi:keyvalue/store@0.2.0"], "");
        let error = wrong.expect_err("the wrong version").to_string();
        assert!(error.contains("0.2.0-draft2"), "{error}");
    }
}
