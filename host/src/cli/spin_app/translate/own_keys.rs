//! Tidegate's own keys, in the tables `tool.tidegate` that Spin ignores: limits, grants, and what triggers have of it.

use toml::{Spanned, Table};

use super::fragments::{insert_into_last, nested};
use super::{Part, Translation};
use crate::cli::spin_app::manifest::Component;
use crate::cli::spin_app::source::Mistake;
use crate::model::manifest::Manifest;

/// What can start a component.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Mqtt,
    Cron,
}

/// Keys that only matter where one of these starts the component, and what the triggers are called.
const OF_TRIGGERS: [(&str, &[Kind], &str); 5] = [
    ("attempts", &[Kind::Mqtt, Kind::Cron], "mqtt or cron"),
    ("order", &[Kind::Mqtt], "mqtt"),
    ("rate", &[Kind::Http], "http"),
    ("request-bytes", &[Kind::Http], "http"),
    ("response-bytes", &[Kind::Http], "http"),
];

impl Part<'_> {
    fn is_started_by(&self, kind: Kind) -> bool {
        match kind {
            Kind::Http => !self.http.is_empty(),
            Kind::Mqtt => !self.mqtt.is_empty(),
            Kind::Cron => !self.cron.is_empty(),
        }
    }
}

impl Translation<'_> {
    /// A key for all components must mean something to one of them.
    pub(super) fn check_keys_for_all(&self, parts: &[Part<'_>]) -> Result<(), Mistake> {
        let mut keys = self.spin.application.tool.tidegate.keys();
        keys.try_for_each(|key| self.check_key(key, parts))
    }

    fn check_key(&self, key: &Spanned<String>, parts: &[Part<'_>]) -> Result<(), Mistake> {
        let name = key.get_ref();
        let of_triggers = OF_TRIGGERS.iter().find(|(known, ..)| known == name);
        let Some((_, kinds, called)) = of_triggers else {
            return Ok(());
        };
        let is_used = |part: &Part<'_>| kinds.iter().any(|kind| part.is_started_by(*kind));
        if parts.iter().any(is_used) {
            return Ok(());
        }
        let text = format!("`{name}` is for {called} triggers, and there is none");
        Err(self.mistake(key, text))
    }

    /// Limits and grants. What triggers have of their own is added with them.
    pub(super) fn add_own_keys(
        &self,
        manifest: &mut Manifest,
        part: &Part<'_>,
    ) -> Result<(), Mistake> {
        let own = &part.component.tool.tidegate;
        for key in own.keys() {
            self.check_key(key, std::slice::from_ref(part))?;
        }
        for (key, value) in self.spin.application.tool.tidegate.iter().chain(own) {
            let table = match key.get_ref().as_str() {
                "attempts" | "order" => continue,
                "publish" | "secrets" => "grants",
                _ => "limits",
            };
            let small = nested(table, key.get_ref(), value.get_ref().clone());
            self.add(manifest, key, small)?;
        }
        Ok(())
    }

    /// Adds one of these keys to the trigger that was added last, written as it is in `table`.
    pub(super) fn add_key_of_trigger(
        &self,
        manifest: &mut Manifest,
        component: &Component,
        kind: &str,
        table: &mut Table,
        name: &str,
    ) -> Result<(), Mistake> {
        let tools = [&component.tool, &self.spin.application.tool];
        let mut written = tools
            .into_iter()
            .filter_map(|tool| tool.tidegate.get_key_value(name));
        let Some((key, value)) = written.next() else {
            return Ok(());
        };
        insert_into_last(table, kind, name, value.get_ref().clone());
        self.add(manifest, key, table.clone())
    }
}
