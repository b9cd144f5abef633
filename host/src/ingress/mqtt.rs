//! MQTT messages for functions: one subscription for each trigger, one bounded queue for each function.
//!
//! ```text
//! broker -> subscription of a trigger -> queue of the function -> invoker, topic by topic -> handled, or tried again
//! ```
//!
//! Subscriptions follow the trigger table. Messages of one topic are handled one after another (unless the manifest
//! says otherwise), different topics in parallel. A full queue stops its subscriptions, and the broker keeps what it
//! can meanwhile. A message that a function does not handle is tried again with backoff, and in the end given up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::backoff;
use crate::broker::Broker;
use crate::invoke::invoker::Invoker;
use crate::invoke::ready::ReadyFunction;
use crate::limits::ATTEMPTS_DEFAULT;
use crate::model::event::{Delivery, Message};
use crate::model::id::InvocationId;
use crate::model::manifest::{MqttTrigger, Order};
use crate::model::name::Name;
use crate::model::outcome::Outcome;
use crate::model::topic::{TopicFilter, TopicName};
use crate::observe::journal::{Level, Source};
use crate::observe::metrics;
use crate::trigger::table::TriggerTable;
use crate::trigger::tables::{Follower, TriggerTables};

/// Brings messages to functions.
pub struct MqttIngress {
    /// Where messages come from.
    pub broker: Broker,
    /// Which functions.
    pub tables: Arc<TriggerTables>,
    /// Runs them.
    pub invoker: Arc<Invoker>,
}

/// A message for one function.
struct Arrival {
    message: Message,
    /// Stays the same when the message is delivered again.
    id: String,
    trigger: MqttTrigger,
}

/// The subscriptions of one function, and the task that works off its queue.
struct FunctionQueue {
    arrivals: mpsc::Sender<Arrival>,
    /// By filter alone: where a deployment changes what else a trigger says, messages that wait are not to be lost.
    subscriptions: HashMap<TopicFilter, CancellationToken>,
}

impl MqttIngress {
    /// Follows the trigger table until `stop`, then handles what has arrived.
    pub async fn run(self: Arc<Self>, mut follower: Follower, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut queues = HashMap::new();
        let (mut generation, mut table) = follower.first();
        loop {
            self.follow(&mut queues, &table, &tasks, &stop).await;
            follower.followed(generation);
            (generation, table) = tokio::select! {
                () = stop.cancelled() => break,
                changed = follower.changed() => changed,
            };
        }
        drop(queues);
        tasks.close();
        tasks.wait().await;
    }

    /// Ends subscriptions that the table no longer has, and begins those that are new.
    async fn follow(
        self: &Arc<Self>,
        queues: &mut HashMap<Name, FunctionQueue>,
        table: &TriggerTable,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let wanted = |name: &Name| {
            table
                .function(name)
                .map(|function| function.manifest.mqtt.as_slice())
                .unwrap_or_default()
        };
        queues.retain(|name, queue| {
            let triggers = wanted(name);
            queue.subscriptions.retain(|filter, end| {
                let kept = triggers.iter().any(|trigger| trigger.topic == *filter);
                if !kept {
                    end.cancel();
                }
                kept
            });
            !triggers.is_empty()
        });
        for function in table
            .functions()
            .filter(|function| !function.manifest.mqtt.is_empty())
        {
            let queue = queues
                .entry(function.name.clone())
                .or_insert_with(|| self.queue(function, tasks));
            for trigger in &function.manifest.mqtt {
                if !queue.subscriptions.contains_key(&trigger.topic) {
                    let end = stop.child_token();
                    queue
                        .subscriptions
                        .insert(trigger.topic.clone(), end.clone());
                    self.subscribe(
                        function.name.clone(),
                        trigger.clone(),
                        queue.arrivals.clone(),
                        tasks,
                        end,
                    )
                    .await;
                }
            }
        }
    }

    fn queue(
        self: &Arc<Self>,
        function: &Arc<ReadyFunction>,
        tasks: &TaskTracker,
    ) -> FunctionQueue {
        // The queue's length is counted where it is worked off; this is only the way there.
        let (arrivals, receiver) = mpsc::channel(1);
        tasks.spawn(self.clone().work_off(function.name.clone(), receiver));
        FunctionQueue {
            arrivals,
            subscriptions: HashMap::new(),
        }
    }

    /// Subscribes to a trigger's filter, and passes its messages to the function's queue until `end`.
    async fn subscribe(
        self: &Arc<Self>,
        name: Name,
        trigger: MqttTrigger,
        arrivals: mpsc::Sender<Arrival>,
        tasks: &TaskTracker,
        end: CancellationToken,
    ) {
        let client = format!("tidegate-{name}-{}", InvocationId::new());
        let mut subscription = match self
            .broker
            .subscribe(&client, &trigger.topic, trigger.qos)
            .await
        {
            Ok(subscription) => subscription,
            Err(error) => {
                tracing::error!(function = %name, topic = %trigger.topic, %error, "an MQTT trigger is without effect");
                return;
            }
        };
        let tables = self.tables.clone();
        tasks.spawn(async move {
            loop {
                let next = tokio::select! {
                    () = end.cancelled() => break,
                    next = subscription.next() => next,
                };
                let Some(message) = next else { break };
                let Some(trigger) = taking(&tables, &name, &trigger.topic, &message.topic) else {
                    continue;
                };
                let arrival = Arrival {
                    message: Message {
                        qos: trigger.qos,
                        ..message
                    },
                    id: InvocationId::new().to_string(),
                    trigger,
                };
                if arrivals.send(arrival).await.is_err() {
                    break;
                }
            }
        });
    }

    /// Works off the queue of one function until its subscriptions have ended.
    async fn work_off(self: Arc<Self>, name: Name, mut arrivals: mpsc::Receiver<Arrival>) {
        let mut running: JoinSet<TopicName> = JoinSet::new();
        // A topic is a key here for as long as one of its messages is being handled.
        let mut waiting: HashMap<TopicName, VecDeque<Arrival>> = HashMap::new();
        let mut in_hand = 0;
        let mut open = true;
        while open || !running.is_empty() {
            let queue_max = self
                .function(&name)
                .map_or(1, |function| function.limits.queue.max(1));
            tokio::select! {
                Some(handled) = running.join_next() => {
                    in_hand -= 1;
                    let Ok(topic) = handled else { continue };
                    match waiting.get_mut(&topic).and_then(VecDeque::pop_front) {
                        Some(next) => { running.spawn(self.clone().deliver(name.clone(), next)); }
                        None => { waiting.remove(&topic); }
                    }
                }
                arrival = arrivals.recv(), if open && in_hand < queue_max => match arrival {
                    None => open = false,
                    Some(arrival) => {
                        in_hand += 1;
                        let in_order = arrival.trigger.order == Order::PerTopic;
                        match waiting.get_mut(&arrival.message.topic) {
                            Some(line) if in_order => line.push_back(arrival),
                            _ => {
                                if in_order {
                                    waiting.insert(arrival.message.topic.clone(), VecDeque::new());
                                }
                                running.spawn(self.clone().deliver(name.clone(), arrival));
                            }
                        }
                    }
                },
            }
        }
    }

    /// Delivers a message until it is handled, or given up. Returns its topic.
    async fn deliver(self: Arc<Self>, name: Name, arrival: Arrival) -> TopicName {
        let Arrival {
            message,
            id,
            trigger,
        } = arrival;
        let attempts = trigger.attempts.unwrap_or(ATTEMPTS_DEFAULT);
        for attempt in 1..=attempts {
            // The revision of the moment: a retry may be what a new deployment was made for.
            let Some(function) = self.function(&name) else {
                break;
            };
            let delivery = Delivery {
                id: id.clone(),
                attempt,
                matched_filter: trigger.topic.to_string(),
            };
            let record = self
                .invoker
                .invoke_mqtt(&function, &message, &delivery)
                .await;
            if record.outcome == Outcome::Ok {
                break;
            }
            if attempt < attempts {
                tokio::time::sleep(backoff(attempt)).await;
            } else {
                give_up(&function, &message, &id, record.id, attempts);
            }
        }
        message.topic
    }

    fn function(&self, name: &Name) -> Option<Arc<ReadyFunction>> {
        self.tables.current().function(name).cloned()
    }
}

/// The trigger with this filter, as it is now, if it is the one to take a message of this topic: of several that match,
/// only the first of the manifest does, so that a function gets each message once.
fn taking(
    tables: &TriggerTables,
    name: &Name,
    filter: &TopicFilter,
    topic: &TopicName,
) -> Option<MqttTrigger> {
    let table = tables.current();
    let mut triggers = table.function(name)?.manifest.mqtt.iter();
    let first = triggers.find(|trigger| trigger.topic.matches(topic.as_str()))?;
    (first.topic == *filter).then(|| first.clone())
}

fn give_up(
    function: &ReadyFunction,
    message: &Message,
    id: &str,
    invocation: InvocationId,
    attempts: u32,
) {
    metrics::message_dropped(function.name.as_str(), "attempts");
    let text = format!(
        "message {id} on `{}` is given up after {attempts} attempts",
        message.topic
    );
    function
        .journal
        .log(invocation, Level::Error, Source::Host, "", &text);
    tracing::warn!(function = %function.name, topic = %message.topic, message = id, attempts, "a message is given up");
}
