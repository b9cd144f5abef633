//! What was published, what was acknowledged and what each taker got; and from that, what is wrong.
//!
//! A message is known by its publisher and number, which its payload begins with. A taker is a subscriber, a shared group
//! or a function. At the end every publisher has an acknowledgement for all that it published, so that every message is
//! due to every taker.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard};

/// A numbered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MessageId {
    pub(crate) publisher: usize,
    pub(crate) number: u32,
}

/// What a taker is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Each message at least once, in any order.
    AtLeastOnce,
    /// As above, and for the first time in the order in which it was published.
    InOrder,
    /// As above, and what was published at QoS 2 once only.
    ExactlyOnce,
}

/// One of the takers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakerIndex(usize);

/// The books of one run.
#[derive(Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    publishers: Vec<Publisher>,
    takers: Vec<Taker>,
    retained: BTreeMap<String, Retained>,
    faults: Vec<String>,
}

struct Publisher {
    qos: u8,
    published: u32,
    acknowledged: u32,
}

struct Taker {
    name: String,
    promise: Promise,
    /// How often each message came.
    counts: HashMap<MessageId, u32>,
    /// The highest number of each publisher and topic that came for the first time.
    newest: HashMap<(usize, Vec<u8>), u32>,
    out_of_order: Vec<String>,
}

/// A topic with a retained message: what it was set to, one after the other; nothing is a number that was cleared.
#[derive(Default)]
struct Retained {
    values: Vec<Option<u32>>,
    acknowledged: usize,
}

/// What is wrong, and how much there was.
pub(crate) struct Verdict {
    published: u32,
    acknowledged: u32,
    deliveries: u64,
    repeated: u64,
    /// Messages that a taker never got.
    pub(crate) lost: Vec<String>,
    /// Messages that a taker got twice and must not have.
    pub(crate) twice: Vec<String>,
    /// Anything else: order, sessions, retained messages, packets that should not have come.
    pub(crate) faults: Vec<String>,
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no panic")
    }

    /// One more publisher, of this QoS.
    pub(crate) fn add_publisher(&self, qos: u8) -> usize {
        let publishers = &mut self.books().publishers;
        publishers.push(Publisher {
            qos,
            published: 0,
            acknowledged: 0,
        });
        publishers.len() - 1
    }

    /// One more taker.
    pub(crate) fn add_taker(&self, name: &str, promise: Promise) -> TakerIndex {
        let takers = &mut self.books().takers;
        takers.push(Taker {
            name: name.to_owned(),
            promise,
            counts: HashMap::new(),
            newest: HashMap::new(),
            out_of_order: Vec::new(),
        });
        TakerIndex(takers.len() - 1)
    }

    /// A new message of this publisher.
    pub(crate) fn publish(&self, publisher: usize) -> MessageId {
        let published = &mut self.books().publishers[publisher].published;
        *published += 1;
        MessageId {
            publisher,
            number: *published,
        }
    }

    /// The broker has acknowledged this message.
    pub(crate) fn acknowledged(&self, id: MessageId) {
        self.books().publishers[id.publisher].acknowledged += 1;
    }

    /// This came to a subscriber.
    pub(crate) fn received(&self, taker: TakerIndex, topic: &[u8], payload: &[u8]) {
        let mut books = self.books();
        let id = std::str::from_utf8(payload)
            .ok()
            .and_then(|text| text.parse().ok());
        match id {
            Some(id) => books.takers[taker.0].received(topic, id),
            None => books.faults.push(format!(
                "`{}` is the payload of no message",
                String::from_utf8_lossy(payload)
            )),
        }
    }

    /// A function has handled this message, and perhaps others twice.
    pub(crate) fn handled(&self, taker: TakerIndex, id: MessageId) {
        *self.books().takers[taker.0].counts.entry(id).or_default() += 1;
    }

    /// A new value for a topic's retained message; none clears it. Gives the position among its values.
    pub(crate) fn retain(&self, topic: &str, value: Option<u32>) -> usize {
        let mut books = self.books();
        let retained = books.retained.entry(topic.to_owned()).or_default();
        retained.values.push(value);
        retained.values.len()
    }

    /// The broker has acknowledged the value at this position.
    pub(crate) fn retained_acknowledged(&self, topic: &str, position: usize) {
        let mut books = self.books();
        let retained = books.retained.get_mut(topic).expect("it was set");
        retained.acknowledged = position;
    }

    /// Something that must not happen has happened.
    pub(crate) fn fault(&self, what: String) {
        self.books().faults.push(what);
    }

    /// Compares what is retained with what was acknowledged: the last acknowledged value is there, or a later one.
    pub(crate) fn check_retained(&self, found: &BTreeMap<String, u32>) {
        let mut books = self.books();
        let mut wrong = Vec::new();
        for (topic, retained) in &books.retained {
            let found = found.get(topic).copied();
            let mut possible = retained.values.iter().skip(retained.acknowledged).copied();
            let acknowledged = retained.acknowledged.checked_sub(1);
            let acknowledged = acknowledged.and_then(|at| retained.values[at]);
            if found != acknowledged && !possible.any(|value| value == found) {
                wrong.push(format!(
                    "`{topic}` retains {found:?}, but {acknowledged:?} was acknowledged"
                ));
            }
        }
        books.faults.extend(wrong);
    }

    /// Whether every taker of these has had everything.
    pub(crate) fn is_complete(&self, takers: &[TakerIndex]) -> bool {
        let books = self.books();
        let published: u32 = books.publishers.iter().map(|from| from.published).sum();
        let complete = |taker: &TakerIndex| books.takers[taker.0].counts.len() as u32 == published;
        takers.iter().all(complete)
    }

    /// What has come, in all; grows as long as there is progress.
    pub(crate) fn deliveries(&self) -> u64 {
        let books = self.books();
        let counts = books.takers.iter().flat_map(|taker| taker.counts.values());
        counts.map(|count| u64::from(*count)).sum()
    }

    /// What is due to this taker and has not come.
    pub(crate) fn missing(&self, taker: TakerIndex) -> Vec<MessageId> {
        let books = self.books();
        let counts = &books.takers[taker.0].counts;
        let all = books.messages();
        all.filter(|id| !counts.contains_key(id)).collect()
    }

    /// What is wrong in the end.
    pub(crate) fn verdict(&self) -> Verdict {
        let books = self.books();
        let mut verdict = Verdict {
            published: books.publishers.iter().map(|from| from.published).sum(),
            acknowledged: books.publishers.iter().map(|from| from.acknowledged).sum(),
            deliveries: 0,
            repeated: 0,
            lost: Vec::new(),
            twice: Vec::new(),
            faults: books.faults.clone(),
        };
        for taker in &books.takers {
            for id in books.messages() {
                let count = taker.counts.get(&id).copied().unwrap_or(0);
                verdict.deliveries += u64::from(count);
                verdict.repeated += u64::from(count.saturating_sub(1));
                let must_be_once = taker.promise == Promise::ExactlyOnce
                    && books.publishers[id.publisher].qos == 2;
                match count {
                    0 => verdict.lost.push(format!("{id} for {}", taker.name)),
                    1 => {}
                    more if must_be_once => {
                        let twice = format!("{id} {more} times for {}", taker.name);
                        verdict.twice.push(twice);
                    }
                    _ => {}
                }
            }
            verdict.faults.extend(taker.out_of_order.iter().cloned());
        }
        verdict
    }
}

impl Books {
    fn messages(&self) -> impl Iterator<Item = MessageId> {
        let publishers = self.publishers.iter().enumerate();
        publishers.flat_map(|(publisher, from)| {
            (1..=from.published).map(move |number| MessageId { publisher, number })
        })
    }
}

impl Taker {
    fn received(&mut self, topic: &[u8], id: MessageId) {
        let count = self.counts.entry(id).or_default();
        *count += 1;
        if *count > 1 || self.promise == Promise::AtLeastOnce {
            return;
        }
        let newest = self
            .newest
            .entry((id.publisher, topic.to_vec()))
            .or_default();
        if id.number < *newest {
            self.out_of_order.push(format!(
                "{id} came to {} after number {newest} of the same topic",
                self.name
            ));
        }
        *newest = id.number.max(*newest);
    }
}

impl Verdict {
    /// Fails with what is wrong, if anything is.
    #[track_caller]
    pub(crate) fn expect_none(&self, what: &str) {
        let is_right = self.lost.is_empty() && self.twice.is_empty() && self.faults.is_empty();
        assert!(is_right, "{what}: {self}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        write!(
            f,
            "{} messages, {} acknowledged, {} deliveries, {} of them repeated; {} lost, {} twice at QoS 2, {} other faults",
            self.published,
            self.acknowledged,
            self.deliveries,
            self.repeated,
            self.lost.len(),
            self.twice.len(),
            self.faults.len()
        )?;
        for (title, list) in [
            ("lost", &self.lost),
            ("twice", &self.twice),
            ("fault", &self.faults),
        ] {
            for line in list.iter().take(SHOWN) {
                write!(f, "\n  {title}: {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}/{}", self.publisher, self.number)
    }
}

impl FromStr for MessageId {
    type Err = ();

    /// Of a key or of a payload, which has the id before its first space.
    fn from_str(text: &str) -> Result<MessageId, ()> {
        let id = text.split(' ').next().and_then(|id| id.strip_prefix('p'));
        let (publisher, number) = id.and_then(|id| id.split_once('/')).ok_or(())?;
        Ok(MessageId {
            publisher: publisher.parse().map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}
