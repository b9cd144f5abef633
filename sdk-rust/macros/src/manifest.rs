//! Checks what can be checked while compiling, and writes the manifest's TOML. The host checks all of it again.

use syn::{Error, LitStr, Result};

use crate::attribute::Keys;

/// The manifest of an `#[http_handler]`; empty where the attribute says nothing.
pub(crate) fn of_http(mut keys: Keys) -> Result<String> {
    let routes = keys.take_strings("route")?;
    let methods = keys.take_strings("methods")?;
    let grants = grants(&mut keys)?;
    keys.finish("`route`, `methods`, `bucket`, `database`, `publish`")?;

    routes.iter().try_for_each(check_route)?;
    methods.iter().try_for_each(check_method)?;
    if let (true, Some(method)) = (routes.is_empty(), methods.first()) {
        return Err(Error::new(
            method.span(),
            "`methods` belongs to a `route`, and there is none",
        ));
    }

    let mut text = String::new();
    for route in routes {
        text += &format!("[[http]]\nroute = {}\n", quoted(&route));
        if !methods.is_empty() {
            text += &format!("methods = {}\n", list(&methods));
        }
    }
    Ok(text + &grants)
}

/// The manifest of an `#[mqtt_handler]`; empty where the attribute says nothing.
pub(crate) fn of_mqtt(mut keys: Keys) -> Result<String> {
    let topics = keys.take_strings("topic")?;
    let qos = keys.take_number("qos")?;
    let order = keys.take_string("order")?;
    let grants = grants(&mut keys)?;
    keys.finish("`topic`, `qos`, `order`, `bucket`, `database`, `publish`")?;

    topics.iter().try_for_each(check_topic_filter)?;
    let mut details = String::new();
    if let Some(qos) = qos {
        if !matches!(qos.base10_parse::<u32>(), Ok(0..=2)) {
            return Err(Error::new(qos.span(), "`qos` is 0, 1 or 2"));
        }
        if topics.is_empty() {
            return Err(Error::new(
                qos.span(),
                "`qos` belongs to a `topic`, and there is none",
            ));
        }
        details += &format!("qos = {}\n", qos.base10_digits());
    }
    if let Some(order) = order {
        if !matches!(order.value().as_str(), "per-topic" | "none") {
            return Err(Error::new(
                order.span(),
                "`order` is \"per-topic\" or \"none\"",
            ));
        }
        if topics.is_empty() {
            return Err(Error::new(
                order.span(),
                "`order` belongs to a `topic`, and there is none",
            ));
        }
        details += &format!("order = {}\n", quoted(&order));
    }

    let mut text = String::new();
    for topic in topics {
        text += &format!("[[mqtt]]\ntopic = {}\n{details}", quoted(&topic));
    }
    Ok(text + &grants)
}

/// The manifest of a `#[schedule_handler]`; empty where the attribute says nothing.
pub(crate) fn of_schedule(mut keys: Keys) -> Result<String> {
    let expressions = keys.take_strings("cron")?;
    let timezone = keys.take_string("timezone")?;
    let grants = grants(&mut keys)?;
    keys.finish("`cron`, `timezone`, `bucket`, `publish`")?;

    expressions.iter().try_for_each(check_cron)?;
    let mut details = String::new();
    if let Some(timezone) = timezone {
        if expressions.is_empty() {
            return Err(Error::new(
                timezone.span(),
                "`timezone` belongs to a `cron`, and there is none",
            ));
        }
        details += &format!("timezone = {}\n", quoted(&timezone));
    }

    let mut text = String::new();
    for expression in expressions {
        text += &format!("[[schedule]]\ncron = {}\n{details}", quoted(&expression));
    }
    Ok(text + &grants)
}

/// The text given to `manifest!`. A NUL would end the document early.
pub(crate) fn of_text(text: &LitStr) -> Result<String> {
    match text.value() {
        value if value.contains('\0') => Err(Error::new(
            text.span(),
            "a manifest is text, without NUL bytes",
        )),
        value if value.trim().is_empty() => Err(Error::new(text.span(), "the manifest is empty")),
        value => Ok(value),
    }
}

fn grants(keys: &mut Keys) -> Result<String> {
    let buckets = keys.take_strings("bucket")?;
    let databases = keys.take_strings("database")?;
    let topics = keys.take_strings("publish")?;
    for (kind, names) in [("bucket", &buckets), ("database", &databases)] {
        for name in names {
            let value = name.value();
            if value.strip_suffix(":ro").unwrap_or(&value).is_empty() {
                let text = format!("a {kind} has a name, as in \"readings\" or \"readings:ro\"");
                return Err(Error::new(name.span(), text));
            }
        }
    }
    topics.iter().try_for_each(check_topic_filter)?;

    let mut text = String::new();
    if !buckets.is_empty() {
        text += &format!("buckets = {}\n", list(&buckets));
    }
    if !databases.is_empty() {
        text += &format!("databases = {}\n", list(&databases));
    }
    if !topics.is_empty() {
        text += &format!("publish = {}\n", list(&topics));
    }
    Ok(if text.is_empty() {
        text
    } else {
        format!("[grants]\n{text}")
    })
}

fn check_route(route: &LitStr) -> Result<()> {
    let value = route.value();
    let refuse = |reason: &str| {
        Err(Error::new(
            route.span(),
            format!("route `{value}` {reason}"),
        ))
    };
    let Some(rest) = value.strip_prefix('/') else {
        return refuse("does not begin with `/`");
    };
    if rest.contains(['?', '#', ' ']) {
        return refuse("is a path: it has no query, fragment or space");
    }
    let segments: Vec<&str> = rest.split('/').collect();
    for (index, segment) in segments.iter().enumerate() {
        let name = segment
            .strip_prefix('{')
            .and_then(|segment| segment.strip_suffix('}'));
        match name.map(|name| name.strip_prefix('*').unwrap_or(name)) {
            None if segment.contains(['{', '}']) => {
                return refuse("has braces that do not enclose a whole segment");
            }
            Some(name) if name.is_empty() || name.contains(['{', '}', '*']) => {
                return refuse("has braces without a name in them");
            }
            Some(_) if segment.starts_with("{*") && index + 1 < segments.len() => {
                return refuse("goes on behind a segment that takes what is left");
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_method(method: &LitStr) -> Result<()> {
    let value = method.value();
    if !value.is_empty()
        && value
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
    {
        return Ok(());
    }
    Err(Error::new(
        method.span(),
        format!("`{value}` is not a method; methods are written in capitals, as in \"GET\""),
    ))
}

/// The rules of MQTT 3.1.1, section 4.7.1.
fn check_topic_filter(filter: &LitStr) -> Result<()> {
    let value = filter.value();
    let refuse = |reason: &str| {
        Err(Error::new(
            filter.span(),
            format!("topic filter `{value}` {reason}"),
        ))
    };
    if value.is_empty() {
        return Err(Error::new(filter.span(), "the topic filter is empty"));
    }
    if value.contains('\0') {
        return refuse("contains a NUL");
    }
    let levels: Vec<&str> = value.split('/').collect();
    for (index, level) in levels.iter().enumerate() {
        if level.contains(['+', '#']) && level.len() > 1 {
            return refuse("has a wildcard that does not stand alone between slashes");
        }
        if *level == "#" && index + 1 < levels.len() {
            return refuse("goes on behind `#`");
        }
    }
    Ok(())
}

/// Only the number of fields: the host knows what they may hold.
fn check_cron(expression: &LitStr) -> Result<()> {
    let value = expression.value();
    let fields = value.split_whitespace().count();
    if (5..=7).contains(&fields) || value.trim().starts_with('@') {
        return Ok(());
    }
    Err(Error::new(
        expression.span(),
        format!(
            "cron expression `{value}` has {fields} fields: write minute, hour, day of month, month and day of week, \
             as in \"*/5 * * * *\", or six fields with seconds first"
        ),
    ))
}

fn list(strings: &[LitStr]) -> String {
    let strings: Vec<String> = strings.iter().map(quoted).collect();
    format!("[{}]", strings.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &LitStr) -> String {
    let mut quoted = String::from("\"");
    for character in text.value().chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted += &format!("\\u{:04X}", u32::from(control)),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests;
