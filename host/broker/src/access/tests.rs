//! What permissions allow: against a reference that decides by trying topics, and for names that try to be more than names.

use super::*;

/// Topics of one to four levels. `c` is in no filter, so that what matches it has a wildcard there.
fn topics() -> Vec<Vec<&'static str>> {
    let mut topics = vec![vec!["a"], vec!["b"], vec!["c"], vec!["$s"]];
    let mut longest = topics.clone();
    for _ in 1..4 {
        let longer = |topic: &Vec<&'static str>| {
            ["a", "b", "c"].map(|level| [topic.as_slice(), &[level]].concat())
        };
        longest = longest.iter().flat_map(longer).collect();
        topics.extend(longest.iter().cloned());
    }
    topics
}

/// Filters of up to three levels, and those with a `#` behind them.
fn filters() -> Vec<Vec<&'static str>> {
    let mut filters = vec![vec!["#"]];
    let mut longest: Vec<Vec<&str>> = vec![vec![]];
    for length in 0..3 {
        let levels: &[&str] = if length == 0 {
            &["a", "b", "+", "$s"]
        } else {
            &["a", "b", "+"]
        };
        let longer = |filter: &Vec<&'static str>| {
            levels
                .iter()
                .map(|level| [filter.as_slice(), &[level]].concat())
                .collect::<Vec<_>>()
        };
        longest = longest.iter().flat_map(longer).collect();
        filters.extend(longest.iter().cloned());
        filters.extend(
            longest
                .iter()
                .map(|filter| [filter.as_slice(), &["#"]].concat()),
        );
    }
    filters
}

/// What the standard says (MQTT 5, section 4.7), in so many words.
fn matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["+" | "#", ..], [first, ..]) if first.starts_with('$') => false,
        _ => levels_match(filter, topic),
    }
}

fn levels_match(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) | ([], []) => true,
        (["+", filter @ ..], [_, topic @ ..]) => levels_match(filter, topic),
        ([wanted, filter @ ..], [level, topic @ ..]) => {
            wanted == level && levels_match(filter, topic)
        }
        _ => false,
    }
}

#[test]
fn a_filter_is_covered_where_each_of_its_topics_is() {
    let topics = topics();
    let matched = |filter: &Vec<&str>| -> Vec<bool> {
        topics.iter().map(|topic| matches(filter, topic)).collect()
    };
    let filters = filters();
    let filters: Vec<(TopicFilter, Vec<bool>)> = filters
        .iter()
        .map(|filter| (filter.join("/").parse().expect("a filter"), matched(filter)))
        .collect();
    let mut covered = 0;
    for (granted, granted_topics) in &filters {
        for (wanted, wanted_topics) in &filters {
            let mut both = granted_topics.iter().zip(wanted_topics);
            let expected = both.all(|(granted, wanted)| *granted || !wanted);
            assert_eq!(granted.covers(wanted), expected, "{granted} and {wanted}");
            covered += usize::from(expected);
        }
    }
    // Neither all nor nothing, of a number worth trying.
    assert!(
        filters.len() > 100 && covered > 400 && covered < filters.len() * 100,
        "{covered}"
    );
}

#[test]
fn filters_match_what_the_reference_matches() {
    for filter in filters() {
        let parsed: TopicFilter = filter.join("/").parse().expect("a filter");
        for topic in topics() {
            let text = topic.join("/");
            assert_eq!(
                parsed.matches(&text),
                matches(&filter, &topic),
                "{parsed} and {text}"
            );
        }
    }
}

fn permissions(publish: &[&str], subscribe: &[&str]) -> Permissions {
    let parsed = |filters: &[&str]| {
        filters
            .iter()
            .map(|filter| filter.parse().expect("a filter"))
            .collect()
    };
    Permissions {
        publish: parsed(publish),
        subscribe: parsed(subscribe),
    }
}

fn may_publish(resolved: &Resolved, topic: &str) -> bool {
    resolved.may_publish(&topic.parse().expect("a topic"))
}

fn may_subscribe(resolved: &Resolved, filter: &str) -> bool {
    resolved.may_subscribe(&filter.parse().expect("a filter"))
}

#[test]
fn nothing_is_allowed_unless_it_is_granted() {
    let nothing = Permissions::default().resolve("client", Some("name"));
    assert!(!may_publish(&nothing, "a") && !may_subscribe(&nothing, "a"));
    let granted = permissions(&["a/+"], &["b/#", "c"]).resolve("client", None);
    for (topic, expected) in [
        ("a/b", true),
        ("a", false),
        ("a/b/c", false),
        ("b/x", false),
    ] {
        assert_eq!(may_publish(&granted, topic), expected, "{topic}");
    }
    for (filter, expected) in [
        ("b", true),
        ("b/#", true),
        ("b/+/x", true),
        ("c", true),
        ("+", false),
        ("#", false),
        ("c/#", false),
        ("a/b", false),
    ] {
        assert_eq!(may_subscribe(&granted, filter), expected, "{filter}");
    }
}

#[test]
fn the_servers_own_topics_are_read_by_grant_and_written_by_nobody() {
    let all = Permissions::all().resolve("client", None);
    assert!(may_subscribe(&all, "$SYS/#") && may_subscribe(&all, "#"));
    let ordinary = permissions(&["#", "$SYS/#", "$other"], &["#", "+/#"]).resolve("client", None);
    for topic in ["$SYS/x", "$other", "$share/a/b"] {
        assert!(
            !may_publish(&all, topic) && !may_publish(&ordinary, topic),
            "{topic}"
        );
    }
    for filter in ["$SYS/#", "$SYS/x", "$SYS/+/x"] {
        assert!(!may_subscribe(&ordinary, filter), "{filter}");
    }
}

#[test]
fn placeholders_stand_for_the_clients_own_names() {
    let granted = permissions(&["up/%c/%u", "x-%c-%u/#"], &["down/%u/#"]);
    let resolved = granted.resolve("küche 1", Some("device"));
    assert!(may_publish(&resolved, "up/küche 1/device"));
    assert!(may_publish(&resolved, "x-küche 1-device/y"));
    assert!(may_subscribe(&resolved, "down/device/+"));
    for topic in ["up/%c/%u", "up/device/küche 1", "up/other/device"] {
        assert!(!may_publish(&resolved, topic), "{topic}");
    }
    let nameless = granted.resolve("client", None);
    assert!(!may_publish(&nameless, "up/client/") && !may_publish(&nameless, "up/client/%u"));
    assert!(!may_subscribe(&nameless, "down/%u/#"));
}

#[test]
fn names_that_would_be_more_than_names_are_granted_nothing() {
    let granted = permissions(
        &["up/%c", "%c/up", "up-%c/x", "fixed"],
        &["down/%c/#", "%c/#", "%c"],
    );
    let names = [
        "", "+", "#", "/", "a/b", "+/x", "a+", "a#", "$SYS", "$share", "a$", "%u", "%c", "100%",
        "a\u{1}",
    ];
    for name in names {
        for (client_id, identity) in [(name, Some("device")), (name, None)] {
            let resolved = granted.resolve(client_id, identity);
            let topics = [
                "up/a",
                "up/a/b",
                "up/device",
                "up/",
                "a/up",
                "device/up",
                "$SYS/up",
                "up-a/x",
                "up-/x",
            ];
            for topic in topics {
                assert!(!may_publish(&resolved, topic), "{name}: {topic}");
            }
            for filter in [
                "down/a/#",
                "down/#",
                "down/device/x",
                "$SYS/#",
                "#",
                "+",
                "a",
                "down//x",
            ] {
                assert!(!may_subscribe(&resolved, filter), "{name}: {filter}");
            }
            assert!(
                may_publish(&resolved, "fixed"),
                "{name}: the others are as they were"
            );
        }
    }
    // The same for the identity's name.
    let granted = permissions(&["%u/up"], &["%u/#"]);
    for name in names {
        let resolved = granted.resolve("client", Some(name));
        assert!(
            !may_publish(&resolved, "a/up") && !may_publish(&resolved, "client/up"),
            "{name}"
        );
        assert!(
            !may_subscribe(&resolved, "$SYS/#") && !may_subscribe(&resolved, "a/#"),
            "{name}"
        );
    }
    // What becomes too long is no topic any more.
    let long = "x".repeat(crate::limits::TOPIC_BYTES_MAX);
    assert!(!may_subscribe(
        &granted.resolve("client", Some(&long)),
        "x/#"
    ));
}

#[test]
fn permission_filters_are_read_and_written_as_text() {
    for text in ["#", "a/+/#", "%c", "a/%u/b", "x%cy%u/#", "$SYS/#", "a b/ä"] {
        let filter: PermissionFilter = text.parse().expect(text);
        assert_eq!((filter.as_str(), filter.to_string().as_str()), (text, text));
        let json = serde_json::to_string(&filter).expect("JSON");
        assert_eq!(
            serde_json::from_str::<PermissionFilter>(&json).expect("a filter"),
            filter
        );
    }
    for (text, hint) in [
        ("", "at least one character"),
        ("a#", "`#` stands alone"),
        ("%c+", "`+` takes a level of its own"),
        ("$share/g/a", "give the filter alone"),
        ("a/%", "`%c` is the client id"),
        ("%x/#", "`%u` the device's name"),
        ("%%c", "`%c` is the client id"),
        ("a\0b", "NUL character"),
    ] {
        let error = text
            .parse::<PermissionFilter>()
            .expect_err(text)
            .to_string();
        assert!(error.contains(hint), "{text:?}: {error}");
        let json = serde_json::to_string(text).expect("JSON");
        assert!(
            serde_json::from_str::<PermissionFilter>(&json).is_err(),
            "{text:?}"
        );
    }
}
