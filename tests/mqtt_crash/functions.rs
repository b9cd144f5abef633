//! The functions of a run: each keeps every message that it has handled as a key of a bucket of its own. The second fails
//! at its first attempt at some messages, so that there is always something that waits.

use std::time::{Duration, Instant};

use tidegate_tests::{AdminClient, SOON, artifacts, eventually};

use crate::mqtt_crash::fleet::FILTER;
use crate::mqtt_crash::ledger::{Ledger, MessageId, Promise, TakerIndex};

const SETTINGS: [(&str, &str); 2] = [
    ("one", ""),
    ("two", "fails_every = \"23\"\nworks_ms = \"1\""),
];
/// Without any progress for this long, what is not handled is lost; longer than the longest wait for another attempt.
const STANDSTILL: Duration = Duration::from_secs(15);

/// The functions, as takers of the ledger.
pub(crate) struct Functions {
    takers: Vec<(&'static str, TakerIndex)>,
}

impl Functions {
    /// Enters them into the books, once.
    pub(crate) fn new(ledger: &Ledger) -> Functions {
        let taker = |(name, _)| (name, ledger.add_taker(name, Promise::AtLeastOnce));
        Functions {
            takers: SETTINGS.map(taker).into(),
        }
    }

    /// Deploys them.
    pub(crate) async fn deploy(admin: &AdminClient) {
        for (name, settings) in SETTINGS {
            let manifest = format!(
                "[[mqtt]]\ntopic = \"{FILTER}\"\nattempts = 10\n[grants]\nbuckets = [\"{name}\"]\n\
                 [config]\nbucket = \"{name}\"\n{settings}"
            );
            admin
                .deployed_with(name, artifacts::guest("mqtt_keeps"), &manifest)
                .await;
        }
    }

    /// Waits until they have handled everything, or nothing moves any more, and enters what they have handled. Says how
    /// often they have handled a message again.
    pub(crate) async fn settle(&self, admin: &AdminClient, ledger: &Ledger) -> u64 {
        let mut repeated = 0;
        for &(bucket, taker) in &self.takers {
            for key in all_keys(admin, bucket).await {
                if let Ok(id) = key.parse::<MessageId>() {
                    ledger.handled(taker, id);
                }
            }
            let mut missing = ledger.missing(taker);
            let mut progress = Instant::now();
            eventually("the rest is handled, or nothing", 10 * SOON, async || {
                let mut left = Vec::new();
                for id in &missing {
                    if admin.value(bucket, &id.to_string()).await.is_none() {
                        left.push(*id);
                        continue;
                    }
                    ledger.handled(taker, *id);
                    progress = Instant::now();
                }
                missing = left;
                let is_over = missing.is_empty() || progress.elapsed() > STANDSTILL;
                is_over.then_some(())
            })
            .await;
            let count = admin.value(bucket, "repeated").await;
            let count = count.map(|count| String::from_utf8(count).expect("text"));
            repeated += count.map_or(0, |count| count.parse().expect("a number"));
        }
        repeated
    }
}

async fn all_keys(admin: &AdminClient, bucket: &str) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/buckets/{bucket}/keys?prefix=p{cursor}");
        let page = admin.get(&path).await.expect(200).json();
        let listed = page["keys"].as_array().expect("a list").iter();
        keys.extend(listed.map(|key| key.as_str().expect("text").to_owned()));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace('/', "%2F")),
            None => return keys,
        }
    }
}
