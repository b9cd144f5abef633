//! What starts a component: its triggers as a manifest has them.

use std::ops::Range;

use toml::{Spanned, Value};

use super::Translation;
use super::fragments::trigger_table;
use crate::cli::spin_app::manifest::{Component, CronTrigger, HttpTrigger, MqttTrigger, TextOr};
use crate::cli::spin_app::routes;
use crate::cli::spin_app::source::Mistake;
use crate::model::manifest::{self as model, Manifest};
use crate::model::route::RoutePattern;
use crate::model::schedule::CronExpression;

/// Runs of one tick: Spin tries none again.
const CRON_ATTEMPTS: i64 = 1;

impl Translation<'_> {
    pub(super) fn add_http(
        &self,
        manifest: &mut Manifest,
        trigger: &Spanned<HttpTrigger>,
    ) -> Result<(), Mistake> {
        if let Some(response) = &trigger.get_ref().static_response {
            let text = "a trigger has either a component or a static_response";
            return Err(self.mistake(response, text));
        }
        let route = self.route(trigger)?;
        manifest.http.extend(route.map(model::HttpTrigger::new));
        Ok(())
    }

    /// The pattern of a trigger: none where it is private.
    pub(super) fn route(
        &self,
        trigger: &Spanned<HttpTrigger>,
    ) -> Result<Option<RoutePattern>, Mistake> {
        let written = trigger.get_ref();
        let composed = [&written.components, &written.dependencies];
        if let Some(composed) = composed.into_iter().flatten().next() {
            let text = "middleware is not put together here: compose the components with `wac`, and name the result";
            return Err(self.mistake(composed, text));
        }
        match written.route.get_ref() {
            TextOr::Text(route) => routes::translate(route)
                .map(Some)
                .map_err(|error| self.mistake(&written.route, error)),
            TextOr::Table(route) if route.private => Ok(None),
            TextOr::Table(_) => {
                let text = "a route is a text, as in `/users/:id`, or `{ private = true }`";
                Err(self.mistake(&written.route, text))
            }
        }
    }

    /// Spin lets the last of two triggers with the same route win. Here it is a mistake.
    pub(super) fn check_routes(&self) -> Result<(), Mistake> {
        let mut taken: Vec<(RoutePattern, Range<usize>)> = Vec::new();
        for trigger in &self.spin.trigger.http {
            let route = &trigger.get_ref().route;
            let Some(pattern) = self.route(trigger)? else {
                continue;
            };
            if let Some((_, first)) = taken.iter().find(|(other, _)| other.same_paths(&pattern)) {
                let first = self.source.mistake(first.clone(), "");
                let text = format!(
                    "this route is taken by the trigger in line {}: a path starts one function",
                    first.line()
                );
                return Err(self.mistake(route, text));
            }
            taken.push((pattern, route.span()));
        }
        Ok(())
    }

    pub(super) fn add_mqtt(
        &self,
        manifest: &mut Manifest,
        component: &Component,
        trigger: &Spanned<MqttTrigger>,
    ) -> Result<(), Mistake> {
        let MqttTrigger { topic, qos, .. } = trigger.get_ref();
        let filled = self.variables.fill(self.source, topic)?.text;
        let level = match qos.get_ref().as_str() {
            "0" => 0,
            "1" => 1,
            _ => {
                let text =
                    "messages are delivered to functions with QoS \"0\" or \"1\" (at least once)";
                return Err(self.mistake(qos, text));
            }
        };
        let fields = [("topic", Value::from(filled)), ("qos", Value::from(level))];
        let mut table = trigger_table("mqtt", fields);
        self.add(manifest, topic, table.clone())?;
        for key in ["attempts", "order"] {
            self.add_key_of_trigger(manifest, component, "mqtt", &mut table, key)?;
        }
        Ok(())
    }

    pub(super) fn add_cron(
        &self,
        manifest: &mut Manifest,
        component: &Component,
        trigger: &Spanned<CronTrigger>,
    ) -> Result<(), Mistake> {
        let expression = &trigger.get_ref().cron_expression;
        let read: CronExpression = expression
            .get_ref()
            .parse()
            .map_err(|error| self.mistake(expression, error))?;
        let fields = [
            ("cron", Value::from(on_both_days(read.as_str()))),
            ("attempts", Value::from(CRON_ATTEMPTS)),
        ];
        let mut table = trigger_table("schedule", fields);
        self.add(manifest, expression, table.clone())?;
        self.add_key_of_trigger(manifest, component, "schedule", &mut table, "attempts")
    }
}

/// Where a day of the month and a weekday are given, Spin means days that are both. A schedule's are either, unless a
/// `+` says otherwise.
fn on_both_days(expression: &str) -> String {
    let fields: Vec<&str> = expression.split(' ').collect();
    let day_at = match fields.len() {
        5 => 2,
        6 | 7 => 3,
        _ => return expression.to_owned(),
    };
    let (day, weekday) = (fields[day_at], fields[day_at + 2]);
    let is_given = |field: &str| !["*", "?"].contains(&field);
    if !is_given(day) || !is_given(weekday) || weekday.starts_with('+') {
        return expression.to_owned();
    }
    let both = format!("+{weekday}");
    let fields = fields.iter().enumerate();
    let joined = fields.map(|(at, field)| match at == day_at + 2 {
        true => both.as_str(),
        false => field,
    });
    joined.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_a_weekday_are_both_meant() {
        for (expression, expected) in [
            ("0 0 0 13 * FRI", "0 0 0 13 * +FRI"),
            ("0 0 13 * 5", "0 0 13 * +5"),
            ("0 0 0 13 * FRI *", "0 0 0 13 * +FRI *"),
            ("0 0 0 1/2 * 1-5 2030", "0 0 0 1/2 * +1-5 2030"),
            ("0 0 0 13 * +FRI", "0 0 0 13 * +FRI"),
            ("0 0 0 13 * *", "0 0 0 13 * *"),
            ("0 0 0 ? * FRI", "0 0 0 ? * FRI"),
            ("0 0 0 * * FRI", "0 0 0 * * FRI"),
            ("1/2 * * * * *", "1/2 * * * * *"),
            ("@daily", "@daily"),
        ] {
            assert_eq!(on_both_days(expression), expected);
            expected.parse::<CronExpression>().expect(expected);
        }
    }
}
