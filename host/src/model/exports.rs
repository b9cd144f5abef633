//! What can be triggered: a component's exports, by their names.

/// Exports that serve HTTP requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpExport {
    /// `wasi:http/incoming-handler@0.2.x`
    IncomingHandler,
    /// `wasi:http/handler@0.3.x`
    Handler,
    /// `wasi:cli/run@0.2.x`: a CGI program.
    Command,
    /// `wasi:cli/run@0.3.x`: a CGI program.
    AsyncCommand,
}

/// Exports that handle MQTT messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttExport {
    /// `tidegate:mqtt/handler@0.1.0`
    Tidegate,
    /// The function `handle-message` of Spin's MQTT trigger, synchronous or asynchronous.
    Spin,
}

/// Exports that take ticks of schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleExport {
    /// `tidegate:schedule/handler@0.1.0`
    Tidegate,
    /// The function `handle-cron-event` of Spin's cron trigger, synchronous or asynchronous.
    Spin,
}

/// Name and version, without the patch, of each export; what serves requests in its own right stands before programs.
const HTTP: [(&str, HttpExport); 4] = [
    (
        "wasi:http/incoming-handler@0.2.",
        HttpExport::IncomingHandler,
    ),
    ("wasi:http/handler@0.3.", HttpExport::Handler),
    ("wasi:cli/run@0.2.", HttpExport::Command),
    ("wasi:cli/run@0.3.", HttpExport::AsyncCommand),
];

const MQTT: [(&str, MqttExport); 2] = [
    ("tidegate:mqtt/handler@0.1.", MqttExport::Tidegate),
    ("handle-message", MqttExport::Spin),
];

const SCHEDULE: [(&str, ScheduleExport); 2] = [
    ("tidegate:schedule/handler@0.1.", ScheduleExport::Tidegate),
    ("handle-cron-event", ScheduleExport::Spin),
];

/// The names of the exports that serve HTTP requests. Programs are left out where there is something made for it:
/// language runtimes export both.
pub fn http_handlers<'a>(exports: &[&'a str]) -> Vec<&'a str> {
    let handlers = names(exports, &HTTP[..2]);
    if handlers.is_empty() {
        names(exports, &HTTP[2..])
    } else {
        handlers
    }
}

/// The names of the exports that handle MQTT messages.
pub fn mqtt_handlers<'a>(exports: &[&'a str]) -> Vec<&'a str> {
    names(exports, &MQTT)
}

/// The names of the exports that take ticks of schedules.
pub fn schedule_handlers<'a>(exports: &[&'a str]) -> Vec<&'a str> {
    names(exports, &SCHEDULE)
}

/// The export that HTTP requests go to.
pub fn http(exports: &[&str]) -> Option<HttpExport> {
    first(exports, &HTTP)
}

/// The export of a program that serves HTTP requests in the CGI manner, also beside one that is made for them.
pub fn program(exports: &[&str]) -> Option<HttpExport> {
    first(exports, &HTTP[2..])
}

/// The export that MQTT messages go to.
pub fn mqtt(exports: &[&str]) -> Option<MqttExport> {
    first(exports, &MQTT)
}

/// The export that ticks of schedules go to.
pub fn schedule(exports: &[&str]) -> Option<ScheduleExport> {
    first(exports, &SCHEDULE)
}

fn first<T: Copy>(exports: &[&str], known: &[(&str, T)]) -> Option<T> {
    let exported = |name: &str| exports.iter().any(|export| is(export, name));
    let found = known.iter().find(|(name, _)| exported(name));
    found.map(|(_, kind)| *kind)
}

fn names<'a, T>(exports: &[&'a str], known: &[(&str, T)]) -> Vec<&'a str> {
    let is_known = |export: &&&str| known.iter().any(|(name, _)| is(export, name));
    exports.iter().filter(is_known).copied().collect()
}

/// Names with a version end in a dot, behind which the patch level may be any; but nothing may be before its release.
fn is(export: &str, name: &str) -> bool {
    match name.ends_with('.') {
        true => export
            .strip_prefix(name)
            .is_some_and(|patch| !patch.contains('-')),
        false => export == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_a_minor_version_are_alike_and_what_was_before_is_not() {
        assert_eq!(
            http(&["wasi:http/incoming-handler@0.2.9"]),
            Some(HttpExport::IncomingHandler)
        );
        assert_eq!(
            http(&["wasi:http/handler@0.3.0"]),
            Some(HttpExport::Handler)
        );
        assert_eq!(http(&["wasi:http/handler@0.3.0-rc-2026-03-15"]), None);
        assert_eq!(http(&["wasi:http/incoming-handler@0.20.0"]), None);
        assert_eq!(mqtt(&["handle-message"]), Some(MqttExport::Spin));
        assert_eq!(mqtt(&["handle-messages"]), None);
        assert_eq!(schedule(&["handle-cron-event"]), Some(ScheduleExport::Spin));
    }

    #[test]
    fn a_program_that_handles_requests_is_no_cgi_program() {
        let exports = ["wasi:cli/run@0.2.3", "wasi:http/incoming-handler@0.2.3"];
        assert_eq!(http(&exports), Some(HttpExport::IncomingHandler));
        assert_eq!(program(&exports), Some(HttpExport::Command));
        assert_eq!(
            http_handlers(&exports),
            ["wasi:http/incoming-handler@0.2.3"]
        );
    }
}
