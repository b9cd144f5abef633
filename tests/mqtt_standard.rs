//! The standard: each normative statement of MQTT 3.1.1 and MQTT 5, and the test that shows that it holds.
//!
//! The statements are rows of two tables, by their numbers in the specifications' appendices B: [`table_a`] has what is about
//! packets in general, connections, sessions, errors and WebSocket, [`table_b`] what is about messages and subscriptions.
//! The tests are in the modules beside them; each speaks to a host of its own through
//! [`raw_mqtt`](tidegate_tests::raw_mqtt).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tidegate_tests::raw_mqtt::Version;

/// Rows of a table, one a line: version, clause, the statement in our words, and after `by` the tests that show it or after
/// `because` why none does.
macro_rules! rows {
    ($($version:ident $clause:literal $statement:literal $kind:ident [$($shown:expr),+];)*) => {
        &[$($crate::mqtt_standard::Row {
            version: tidegate_tests::raw_mqtt::Version::$version,
            clause: $clause,
            statement: $statement,
            shown_by: rows!(@ $kind $($shown),+),
        }),*]
    };
    (@ by $($test:expr),+) => { $crate::mqtt_standard::Shown::Tests(&[$($test),+]) };
    (@ because $reason:expr) => { $crate::mqtt_standard::Shown::ByNone($reason) };
}

mod acks;
mod admission;
mod agreed;
mod alias;
pub(crate) mod clients;
mod connect;
mod disconnect;
mod expiry;
mod flow_control;
mod format;
mod malformed;
mod options;
mod order;
mod publish;
mod qos;
mod redelivery;
mod refusal;
mod retain;
mod session;
mod shared;
mod subscribe;
mod table_a;
mod table_b;
mod tls;
mod topics;
mod unsubscribe;
mod web_socket;
mod will;

/// A normative statement.
struct Row {
    version: Version,
    /// As in `MQTT-3.1.0-1`.
    clause: &'static str,
    /// What it asks for, in a few words of ours.
    statement: &'static str,
    shown_by: Shown,
}

/// What shows that a statement holds.
enum Shown {
    /// These tests of the modules beside this one.
    Tests(&'static [&'static str]),
    /// None, for this reason: it is about clients, or is not honoured.
    ByNone(&'static str),
}

/// The numbers that there are: a version's section, its first and its last statement.
const SECTIONS: &[(Version, &str, u32, u32)] = {
    use Version::{V5, V311};
    &[
        (V311, "1.5.3", 1, 3),
        (V311, "2.2.2", 1, 2),
        (V311, "2.3.1", 1, 7),
        (V311, "3.1.0", 1, 2),
        (V311, "3.1.2", 1, 24),
        (V311, "3.1.3", 1, 11),
        (V311, "3.1.4", 1, 5),
        (V311, "3.2.0", 1, 1),
        (V311, "3.2.2", 1, 6),
        (V311, "3.3.1", 1, 12),
        (V311, "3.3.2", 1, 3),
        (V311, "3.3.4", 1, 1),
        (V311, "3.3.5", 1, 2),
        (V311, "3.6.1", 1, 1),
        (V311, "3.8.1", 1, 1),
        (V311, "3.8.3", 1, 4),
        (V311, "3.8.4", 1, 6),
        (V311, "3.9.3", 1, 2),
        (V311, "3.10.1", 1, 1),
        (V311, "3.10.3", 1, 2),
        (V311, "3.10.4", 1, 6),
        (V311, "3.12.4", 1, 1),
        (V311, "3.14.1", 1, 1),
        (V311, "3.14.4", 1, 3),
        (V311, "4.1.0", 1, 2),
        (V311, "4.3.1", 1, 1),
        (V311, "4.3.2", 1, 2),
        (V311, "4.3.3", 1, 2),
        (V311, "4.4.0", 1, 1),
        (V311, "4.5.0", 1, 2),
        (V311, "4.6.0", 1, 6),
        (V311, "4.7.1", 1, 3),
        (V311, "4.7.2", 1, 1),
        (V311, "4.7.3", 1, 4),
        (V311, "4.8.0", 1, 2),
        (V311, "6.0.0", 1, 4),
        (V311, "7.0.0", 1, 2),
        (V311, "7.1.1", 1, 1),
        (V311, "7.1.2", 1, 1),
        (V5, "1.5.4", 1, 3),
        (V5, "1.5.5", 1, 1),
        (V5, "1.5.7", 1, 1),
        (V5, "2.1.3", 1, 1),
        // There is no 2.2.1-1.
        (V5, "2.2.1", 2, 6),
        (V5, "2.2.2", 1, 1),
        (V5, "3.1.0", 1, 2),
        (V5, "3.1.2", 1, 30),
        (V5, "3.1.3", 1, 12),
        (V5, "3.1.4", 1, 6),
        (V5, "3.2.0", 1, 2),
        (V5, "3.2.2", 1, 22),
        (V5, "3.3.1", 1, 13),
        (V5, "3.3.2", 1, 20),
        (V5, "3.3.4", 1, 10),
        (V5, "3.4.2", 1, 3),
        (V5, "3.5.2", 1, 3),
        (V5, "3.6.1", 1, 1),
        (V5, "3.6.2", 1, 3),
        (V5, "3.7.2", 1, 3),
        (V5, "3.8.1", 1, 1),
        (V5, "3.8.3", 1, 5),
        (V5, "3.8.4", 1, 8),
        (V5, "3.9.2", 1, 2),
        (V5, "3.9.3", 1, 2),
        (V5, "3.10.1", 1, 1),
        (V5, "3.10.3", 1, 2),
        (V5, "3.10.4", 1, 6),
        (V5, "3.11.2", 1, 2),
        (V5, "3.11.3", 1, 2),
        (V5, "3.12.4", 1, 1),
        (V5, "3.14.0", 1, 1),
        (V5, "3.14.1", 1, 1),
        (V5, "3.14.2", 1, 4),
        (V5, "3.14.4", 1, 3),
        (V5, "3.15.1", 1, 1),
        (V5, "3.15.2", 1, 3),
        (V5, "4.1.0", 1, 2),
        (V5, "4.2.0", 1, 1),
        (V5, "4.3.1", 1, 1),
        (V5, "4.3.2", 1, 5),
        (V5, "4.3.3", 1, 13),
        (V5, "4.4.0", 1, 2),
        (V5, "4.5.0", 1, 2),
        (V5, "4.6.0", 1, 6),
        (V5, "4.7.0", 1, 1),
        (V5, "4.7.1", 1, 2),
        (V5, "4.7.2", 1, 1),
        (V5, "4.7.3", 1, 4),
        (V5, "4.8.2", 1, 6),
        (V5, "4.9.0", 1, 3),
        (V5, "4.12.0", 1, 7),
        (V5, "4.12.1", 1, 2),
        (V5, "4.13.1", 1, 1),
        (V5, "4.13.2", 1, 1),
        (V5, "6.0.0", 1, 4),
    ]
};

fn rows() -> impl Iterator<Item = &'static Row> {
    table_a::ROWS.iter().chain(table_b::ROWS)
}

/// The names of all tests of the modules beside this one.
fn tests() -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("mqtt_standard");
    let files = fs::read_dir(directory).expect("the sources are there");
    let texts = files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"));
    texts.flat_map(|text| tests_of(&text)).collect()
}

fn tests_of(text: &str) -> Vec<String> {
    // The function follows its attributes.
    let after_attribute = text.split("#[tokio::test").skip(1);
    let names = after_attribute.filter_map(|text| {
        let (_, text) = text.split_once("async fn ")?;
        Some(text.split_once('(')?.0.to_owned())
    });
    names.collect()
}

#[test]
fn each_statement_of_the_standard_has_one_row() {
    let numbers = SECTIONS.iter().flat_map(|(version, section, first, last)| {
        (*first..=*last).map(move |number| (*version, format!("MQTT-{section}-{number}")))
    });
    let mut missing: BTreeSet<_> = numbers.collect();
    let mut wrong = Vec::new();
    for row in rows() {
        let number = (row.version, row.clause.to_owned());
        if !missing.remove(&number) {
            wrong.push(number);
        }
    }
    assert!(wrong.is_empty(), "unknown, or twice: {wrong:?}");
    assert!(missing.is_empty(), "without a row: {missing:?}");
}

#[test]
fn each_row_says_something_and_names_tests_that_there_are() {
    let tests = tests();
    let mut wrong = Vec::new();
    for row in rows() {
        let is_shown = match row.shown_by {
            Shown::Tests(names) => {
                !names.is_empty() && names.iter().all(|name| tests.contains(*name))
            }
            Shown::ByNone(reason) => !reason.is_empty(),
        };
        if !is_shown || row.statement.is_empty() {
            wrong.push((row.version, row.clause));
        }
    }
    assert!(wrong.is_empty(), "rows without a test: {wrong:?}");
}
