//! Apps: functions that belong together and reach one another by the names of their components.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::Name;

/// The part of a host name that follows a component's name, where one function of an app calls another.
pub const INTERNAL_DOMAIN: &str = ".spin.internal";

/// Whether a host is named as a component is by the functions of its app.
pub fn is_component_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.ends_with(INTERNAL_DOMAIN)
}

/// `[app]`: which app a function belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AppMembership {
    /// The app.
    pub name: Name,
    /// What the app's other functions call this one: `http://{component}.spin.internal`. No name, no calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Name>,
    /// Whether only the app's other functions call it by HTTP: then it has no route of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub private: bool,
}

/// Whether a switch is off, and need not be written.
pub(super) fn is_false(switch: &bool) -> bool {
    !switch
}
