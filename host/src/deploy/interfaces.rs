//! Every interface that a function may import, with its versions and the grant it needs. What is not here is refused.

use crate::model::unserved::is_unserved;

/// What a function must be granted to import an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it gives nothing away, or shows a function only what is its own.
    Nothing,
    /// A bucket.
    Bucket,
    /// An SQL database.
    Database,
    /// A topic to publish to.
    Publish,
    /// A topic to publish to, or another broker.
    Broker,
}

/// An interface that is served.
struct Interface {
    /// Its name; one that ends in `/` stands for all interfaces of that package.
    name: &'static str,
    /// `0.2` stands for every release 0.2.x; any other version for itself alone.
    versions: &'static [&'static str],
    needs: Needs,
}

const fn interface(
    name: &'static str,
    versions: &'static [&'static str],
    needs: Needs,
) -> Interface {
    Interface {
        name,
        versions,
        needs,
    }
}

const WASI: &[&str] = &["0.2", "0.3"];
const KEY_VALUE: &[&str] = &["0.2.0-draft2", "0.2.0-draft"];

const SERVED: &[Interface] = &[
    interface("wasi:cli/", WASI, Needs::Nothing),
    interface("wasi:clocks/", WASI, Needs::Nothing),
    interface("wasi:filesystem/", WASI, Needs::Nothing),
    interface("wasi:http/types", WASI, Needs::Nothing),
    interface("wasi:http/outgoing-handler", &["0.2"], Needs::Nothing),
    interface("wasi:http/client", &["0.3"], Needs::Nothing),
    interface("wasi:io/", &["0.2"], Needs::Nothing),
    interface("wasi:random/", WASI, Needs::Nothing),
    interface("wasi:sockets/", WASI, Needs::Nothing),
    interface(
        "wasi:config/store",
        &["0.2.0-rc.1", "0.2.0-draft-2024-09-27"],
        Needs::Nothing,
    ),
    interface("wasi:config/runtime", &["0.2.0-draft"], Needs::Nothing),
    interface("fermyon:spin/config", &[""], Needs::Nothing),
    interface("fermyon:spin/variables", &["2.0.0"], Needs::Nothing),
    interface("spin:variables/variables", &["3.0.0"], Needs::Nothing),
    interface("wasi:keyvalue/store", KEY_VALUE, Needs::Bucket),
    interface("wasi:keyvalue/atomics", KEY_VALUE, Needs::Bucket),
    interface("wasi:keyvalue/batch", KEY_VALUE, Needs::Bucket),
    interface("fermyon:spin/key-value", &["", "2.0.0"], Needs::Bucket),
    interface("spin:key-value/key-value", &["3.0.0"], Needs::Bucket),
    interface("wasi:logging/logging", &["0.1.0-draft"], Needs::Nothing),
    interface("tidegate:mqtt/types", &["0.1.0"], Needs::Nothing),
    interface("tidegate:mqtt/client", &["0.1.0"], Needs::Publish),
    interface("fermyon:spin/sqlite", &["2.0.0"], Needs::Database),
    interface("spin:sqlite/sqlite", &["3.0.0", "3.1.0"], Needs::Database),
    interface("fermyon:spin/mqtt", &["2.0.0"], Needs::Broker),
    interface("spin:mqtt/mqtt", &["3.0.0"], Needs::Broker),
    // Only types: nothing to be linked.
    interface(
        "spin:mqtt-trigger/spin-mqtt-types",
        &["", "2.0.0", "3.0.0"],
        Needs::Nothing,
    ),
    interface("spin:cron/cron-types", &["3.0.0"], Needs::Nothing),
    interface(
        "fermyon:spin-cron/cron-types",
        &["", "2.0.0"],
        Needs::Nothing,
    ),
];

/// What is known about an import.
#[derive(Debug, PartialEq, Eq)]
pub enum Import {
    /// It is served.
    Served(Needs),
    /// Its interface is served in other versions.
    OtherVersions(Vec<&'static str>),
    /// It is known and not served: calling it answers with an error.
    Unserved,
    /// Nothing is known of it.
    Unknown,
}

/// Looks up an import by its name, such as `wasi:io/streams@0.2.3`.
pub fn look_up(import: &str) -> Import {
    if is_unserved(import) {
        return Import::Unserved;
    }
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let known = SERVED
        .iter()
        .filter(|known| match known.name.ends_with('/') {
            true => name.starts_with(known.name),
            false => name == known.name,
        });
    let mut others = Vec::new();
    for interface in known {
        if interface.versions.iter().any(|served| is(version, served)) {
            return Import::Served(interface.needs);
        }
        others.extend(interface.versions);
    }
    if others.is_empty() {
        Import::Unknown
    } else {
        Import::OtherVersions(others)
    }
}

/// Whether the imported version is the served one, or a release of the served minor version.
fn is(version: &str, served: &str) -> bool {
    let minor = served.split('.').count() == 2;
    match version.strip_prefix(served) {
        Some("") => true,
        Some(patch) if minor => patch.starts_with('.') && !patch.contains('-'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_by_name_and_version() {
        let served = |needs| Import::Served(needs);
        let cases = [
            ("wasi:io/streams@0.2.0", served(Needs::Nothing)),
            ("wasi:io/streams@0.2.12", served(Needs::Nothing)),
            ("wasi:io/streams@0.3.0", Import::OtherVersions(vec!["0.2"])),
            ("wasi:http/types@0.3.0", served(Needs::Nothing)),
            ("wasi:http/types@0.3.0-rc-2026-03-15", Import::Unserved),
            (
                "wasi:http/types@0.20.0",
                Import::OtherVersions(vec!["0.2", "0.3"]),
            ),
            ("wasi:keyvalue/store@0.2.0-draft2", served(Needs::Bucket)),
            (
                "wasi:keyvalue/store@0.2.0",
                Import::OtherVersions(vec!["0.2.0-draft2", "0.2.0-draft"]),
            ),
            ("spin:mqtt-trigger/spin-mqtt-types", served(Needs::Nothing)),
            ("fermyon:spin/key-value", served(Needs::Bucket)),
            ("fermyon:spin/redis@2.0.0", Import::Unserved),
            ("wasi:nn/graph@0.2.0-rc", Import::Unknown),
            ("paint", Import::Unknown),
        ];
        for (import, expected) in cases {
            assert_eq!(look_up(import), expected, "{import}");
        }
    }
}
