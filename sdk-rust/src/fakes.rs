//! In-memory stand-ins for the host's interfaces, of the same shape as the generated bindings. Each thread has its own,
//! so that tests that run side by side do not see each other; [`testing`](crate::testing) sets and reads them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidegate::mqtt::types;

type Entries = BTreeMap<String, Vec<u8>>;

/// All that a function can see or touch of its host.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) buckets: BTreeMap<String, Entries>,
    pub(crate) denied_buckets: BTreeSet<String>,
    pub(crate) published: Vec<types::Message>,
    pub(crate) publish_errors: VecDeque<types::Error>,
    pub(crate) log_lines: Vec<(wasi::logging::logging::Level, String, String)>,
    pub(crate) before_next_swap: Option<Box<dyn FnOnce()>>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

pub(crate) fn with_world<T>(use_it: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(use_it)
}

pub(crate) mod wasi {
    pub(crate) mod keyvalue {
        pub(crate) mod store {
            use crate::fakes::{Entries, with_world};

            /// As few as make a test's bucket need several pages.
            const KEYS_PER_PAGE: usize = 10;

            #[derive(Debug)]
            pub(crate) enum Error {
                NoSuchStore,
                AccessDenied,
                Other(String),
            }

            pub(crate) struct KeyResponse {
                pub(crate) keys: Vec<String>,
                pub(crate) cursor: Option<String>,
            }

            pub(crate) struct Bucket {
                name: String,
            }

            pub(crate) fn open(identifier: &str) -> Result<Bucket, Error> {
                match identifier {
                    "" => Err(Error::NoSuchStore),
                    denied if with_world(|world| world.denied_buckets.contains(denied)) => {
                        Err(Error::AccessDenied)
                    }
                    name => Ok(Bucket {
                        name: name.to_owned(),
                    }),
                }
            }

            impl Bucket {
                pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
                    Ok(self.entries(|entries| entries.get(key).cloned()))
                }

                pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
                    self.entries(|entries| entries.insert(key.to_owned(), value.to_vec()));
                    Ok(())
                }

                pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
                    self.entries(|entries| entries.remove(key));
                    Ok(())
                }

                pub(crate) fn exists(&self, key: &str) -> Result<bool, Error> {
                    Ok(self.entries(|entries| entries.contains_key(key)))
                }

                pub(crate) fn list_keys(&self, cursor: Option<&str>) -> Result<KeyResponse, Error> {
                    let after = |key: &&String| cursor.is_none_or(|cursor| key.as_str() > cursor);
                    let rest: Vec<String> =
                        self.entries(|entries| entries.keys().filter(after).cloned().collect());
                    let keys: Vec<String> = rest.iter().take(KEYS_PER_PAGE).cloned().collect();
                    let cursor = keys.last().filter(|_| rest.len() > KEYS_PER_PAGE).cloned();
                    Ok(KeyResponse { keys, cursor })
                }

                pub(crate) fn name(&self) -> &str {
                    &self.name
                }

                pub(crate) fn entries<T>(&self, use_them: impl FnOnce(&mut Entries) -> T) -> T {
                    with_world(|world| {
                        use_them(world.buckets.entry(self.name.clone()).or_default())
                    })
                }
            }
        }

        pub(crate) mod atomics {
            use super::store::{Bucket, Error, open};
            use crate::fakes::with_world;

            pub(crate) struct Cas {
                bucket: String,
                key: String,
                current: Option<Vec<u8>>,
            }

            pub(crate) enum CasError {
                StoreError(Error),
                CasFailed(Cas),
            }

            impl Cas {
                pub(crate) fn new(bucket: &Bucket, key: &str) -> Result<Cas, Error> {
                    Ok(Cas {
                        bucket: bucket.name().to_owned(),
                        key: key.to_owned(),
                        current: bucket.get(key)?,
                    })
                }

                pub(crate) fn current(&self) -> Result<Option<Vec<u8>>, Error> {
                    Ok(self.current.clone())
                }
            }

            pub(crate) fn increment(bucket: &Bucket, key: &str, delta: i64) -> Result<i64, Error> {
                let text = bucket
                    .get(key)?
                    .map(|value| String::from_utf8_lossy(&value).into_owned());
                let number: i64 = text
                    .as_deref()
                    .unwrap_or("0")
                    .parse()
                    .map_err(|_| not_a_number(key))?;
                let sum = number.checked_add(delta).ok_or_else(|| not_a_number(key))?;
                bucket.set(key, sum.to_string().as_bytes())?;
                Ok(sum)
            }

            pub(crate) fn swap(cas: Cas, value: &[u8]) -> Result<(), CasError> {
                if let Some(interfere) = with_world(|world| world.before_next_swap.take()) {
                    interfere();
                }
                let bucket = open(&cas.bucket).map_err(CasError::StoreError)?;
                let now = bucket.get(&cas.key).map_err(CasError::StoreError)?;
                if now != cas.current {
                    return Err(CasError::CasFailed(Cas {
                        current: now,
                        ..cas
                    }));
                }
                bucket.set(&cas.key, value).map_err(CasError::StoreError)
            }

            fn not_a_number(key: &str) -> Error {
                Error::Other(format!(
                    "the value of `{key}` is not a number that can be added to"
                ))
            }
        }

        pub(crate) mod batch {
            use super::store::{Bucket, Error};

            type Entry = (String, Option<Vec<u8>>);

            pub(crate) fn get_many(bucket: &Bucket, keys: &[String]) -> Result<Vec<Entry>, Error> {
                keys.iter()
                    .map(|key| Ok((key.clone(), bucket.get(key)?)))
                    .collect()
            }

            pub(crate) fn set_many(
                bucket: &Bucket,
                entries: &[(String, Vec<u8>)],
            ) -> Result<(), Error> {
                entries
                    .iter()
                    .try_for_each(|(key, value)| bucket.set(key, value))
            }

            pub(crate) fn delete_many(bucket: &Bucket, keys: &[String]) -> Result<(), Error> {
                keys.iter().try_for_each(|key| bucket.delete(key))
            }
        }
    }

    pub(crate) mod config {
        pub(crate) mod store {
            use crate::fakes::with_world;

            #[allow(
                dead_code,
                reason = "the fake never fails; the shape is the interface's"
            )]
            pub(crate) enum Error {
                Upstream(String),
                Io(String),
            }

            pub(crate) fn get(key: &str) -> Result<Option<String>, Error> {
                Ok(with_world(|world| world.config.get(key).cloned()))
            }

            pub(crate) fn get_all() -> Result<Vec<(String, String)>, Error> {
                Ok(with_world(|world| {
                    world.config.clone().into_iter().collect()
                }))
            }
        }
    }

    pub(crate) mod logging {
        #[allow(
            clippy::module_inception,
            reason = "the interface has the package's name"
        )]
        pub(crate) mod logging {
            use crate::fakes::with_world;

            #[derive(Clone, Copy)]
            pub(crate) enum Level {
                Trace,
                Debug,
                Info,
                Warn,
                Error,
                Critical,
            }

            pub(crate) fn log(level: Level, context: &str, message: &str) {
                with_world(|world| {
                    world
                        .log_lines
                        .push((level, context.to_owned(), message.to_owned()));
                });
            }
        }
    }
}

pub(crate) mod tidegate {
    pub(crate) mod mqtt {
        pub(crate) mod types {
            #[allow(clippy::enum_variant_names, reason = "the words of the specification")]
            #[derive(Clone, Copy)]
            pub(crate) enum Qos {
                AtMostOnce,
                AtLeastOnce,
                ExactlyOnce,
            }

            #[derive(Clone)]
            pub(crate) struct Message {
                pub(crate) topic: String,
                pub(crate) payload: Vec<u8>,
                pub(crate) qos: Qos,
                pub(crate) retain: bool,
                pub(crate) content_type: Option<String>,
                pub(crate) response_topic: Option<String>,
                pub(crate) correlation_data: Option<Vec<u8>>,
                pub(crate) expiry_seconds: Option<u32>,
                pub(crate) user_properties: Vec<(String, String)>,
            }

            #[allow(
                dead_code,
                reason = "tests ask for some of them only; the shape is the interface's"
            )]
            pub(crate) enum Error {
                NotGranted(String),
                InvalidTopic(String),
                TooLarge(u64),
                Unavailable(String),
            }
        }

        pub(crate) mod client {
            use super::types::{Error, Message};
            use crate::fakes::with_world;

            pub(crate) fn publish(message: &Message) -> Result<(), Error> {
                if message.topic.is_empty() || message.topic.contains(['+', '#', '\0']) {
                    return Err(Error::InvalidTopic(format!(
                        "`{}` is not a topic name",
                        message.topic
                    )));
                }
                with_world(|world| match world.publish_errors.pop_front() {
                    Some(error) => Err(error),
                    None => {
                        world.published.push(message.clone());
                        Ok(())
                    }
                })
            }
        }
    }
}

pub(crate) mod spin {
    pub(crate) mod sqlite {
        #[allow(
            clippy::module_inception,
            reason = "the interface has the package's name"
        )]
        pub(crate) mod sqlite {
            #[allow(
                dead_code,
                reason = "nothing is ever executed; the shape is the interface's"
            )]
            pub(crate) enum Error {
                NoSuchDatabase,
                AccessDenied,
                InvalidConnection,
                DatabaseFull,
                Io(String),
            }

            pub(crate) enum Value {
                Integer(i64),
                Real(f64),
                Text(String),
                Blob(Vec<u8>),
                Null,
            }

            pub(crate) struct RowResult {
                pub(crate) values: Vec<Value>,
            }

            pub(crate) struct QueryResult {
                pub(crate) columns: Vec<String>,
                pub(crate) rows: Vec<RowResult>,
            }

            /// Nobody has one.
            pub(crate) enum Connection {}

            impl Connection {
                pub(crate) fn open(_: &str) -> Result<Connection, Error> {
                    let text = "SQL databases are the host's: there are none in a unit test";
                    Err(Error::Io(text.to_owned()))
                }

                pub(crate) fn execute(&self, _: &str, _: &[Value]) -> Result<QueryResult, Error> {
                    match *self {}
                }

                pub(crate) fn last_insert_rowid(&self) -> i64 {
                    match *self {}
                }

                pub(crate) fn changes(&self) -> u64 {
                    match *self {}
                }
            }
        }
    }
}
