//! MQTT messages for functions: from each function's inbox to its invocations.
//!
//! ```text
//! broker -> inbox of the function -> invoker, topic by topic -> handled, or tried again, or a dead letter
//! ```
//!
//! Inboxes follow the trigger table. Order, bounds and what survives are the inbox's; how often a message is tried, and
//! when it is given up, is decided here, by the manifest of the revision of that moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tidegate_broker::Broker;
use tidegate_broker::inbox::{Arrival, InOrder, Inbox, InboxFilter};
use tidegate_broker::limits::HOPS_MAX;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::backoff;
use crate::invoke::invoker::Invoker;
use crate::invoke::ready::ReadyFunction;
use crate::limits::{ATTEMPTS_DEFAULT, MESSAGE_DEADLINE_DEFAULT};
use crate::model::event::Delivery;
use crate::model::id::InvocationId;
use crate::model::manifest::{MqttTrigger, Order};
use crate::model::name::Name;
use crate::model::outcome::Outcome;
use crate::model::quantity::Span;
use crate::observe::log_line::{Attribution, Level, Source};
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

/// How often a message is tried, and for how long.
struct Patience {
    attempts: u32,
    deadline: Duration,
}

impl MqttIngress {
    /// Follows the trigger table until `stop`, then waits for what is being handled.
    pub async fn run(self: Arc<Self>, mut follower: Follower, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut working = HashMap::new();
        let (mut generation, mut table) = follower.first();
        loop {
            self.follow(&mut working, &table, &tasks, &stop).await;
            follower.followed(generation);
            (generation, table) = tokio::select! {
                () = stop.cancelled() => break,
                changed = follower.changed() => changed,
            };
        }
        tasks.close();
        tasks.wait().await;
    }

    /// Ends the work of functions that have no filters any more, changes filters, and begins with functions that are new.
    async fn follow(
        self: &Arc<Self>,
        working: &mut HashMap<Name, CancellationToken>,
        table: &TriggerTable,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let is_triggered = |function: &&Arc<ReadyFunction>| !function.manifest.mqtt.is_empty();
        working.retain(|name, end| {
            let is_kept = table.function(name).filter(is_triggered).is_some();
            if !is_kept {
                end.cancel();
                self.broker.unsubscribe(name.as_str());
            }
            is_kept
        });
        for function in table.functions().filter(is_triggered) {
            let filters = function.manifest.mqtt.iter().map(filter_of).collect();
            let queue = function.limits.queue as usize;
            let name = &function.name;
            let inbox = self.broker.subscribe(name.as_str(), filters, queue);
            self.broker.subscribed(name.as_str()).await;
            working.entry(name.clone()).or_insert_with(|| {
                let end = stop.child_token();
                tasks.spawn(self.clone().work(name.clone(), inbox, end.clone()));
                end
            });
        }
    }

    /// Works off the inbox of one function until `end`.
    async fn work(self: Arc<Self>, name: Name, inbox: Arc<Inbox>, end: CancellationToken) {
        let mut running = JoinSet::new();
        loop {
            let concurrency = self
                .function(&name)
                .map_or(1, |function| function.limits.concurrency.max(1));
            tokio::select! {
                () = end.cancelled() => break,
                Some(_) = running.join_next() => {}
                arrival = inbox.next(), if running.len() < concurrency as usize => {
                    running.spawn(self.clone().deliver(name.clone(), arrival));
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Delivers a message once, and says what becomes of it.
    async fn deliver(self: Arc<Self>, name: Name, arrival: Arrival) {
        // The revision of the moment: another attempt may be what a new deployment was made for.
        let Some(function) = self.function(&name) else {
            return;
        };
        let message = arrival.message();
        let patience = patience(&function, &arrival);
        if message.hops >= HOPS_MAX {
            let why = format!("in a loop: it has passed through {HOPS_MAX} functions");
            return give_up(
                &function,
                arrival,
                without_invocation(&function),
                "loop",
                why,
            );
        }
        if patience.is_over(&arrival) {
            let why = patience.too_late();
            return give_up(
                &function,
                arrival,
                without_invocation(&function),
                "deadline",
                why,
            );
        }
        let delivery = Delivery {
            id: arrival.id(),
            attempt: arrival.attempt(),
            matched_filter: arrival.filter().to_string(),
        };
        let record = self
            .invoker
            .invoke_mqtt(&function, &message, &delivery)
            .await;
        if record.outcome == Outcome::Ok {
            return arrival.handled();
        }
        let reason = record.outcome.reason();
        let pause = backoff(delivery.attempt);
        if arrival.is_volatile() {
            let why = format!("after the one attempt that QoS 0 has: {reason}");
            give_up(&function, arrival, record.attribution(), "attempts", why);
        } else if delivery.attempt >= patience.attempts {
            let why = format!("after {} attempts: {reason}", delivery.attempt);
            give_up(&function, arrival, record.attribution(), "attempts", why);
        } else if patience.is_over_in(&arrival, pause) {
            let why = format!("{}: {reason}", patience.too_late());
            give_up(&function, arrival, record.attribution(), "deadline", why);
        } else {
            arrival.retry(reason, pause);
        }
    }

    fn function(&self, name: &Name) -> Option<Arc<ReadyFunction>> {
        self.tables.current().function(name).cloned()
    }
}

impl Patience {
    fn is_over(&self, arrival: &Arrival) -> bool {
        self.is_over_in(arrival, Duration::ZERO)
    }

    fn is_over_in(&self, arrival: &Arrival, pause: Duration) -> bool {
        SystemTime::now() + pause >= arrival.received() + self.deadline
    }

    fn too_late(&self) -> String {
        format!("at its deadline of {}", Span(self.deadline))
    }
}

/// By the trigger that brought the message, as it is now; one whose filter was renamed has the usual patience.
fn patience(function: &ReadyFunction, arrival: &Arrival) -> Patience {
    let mut triggers = function.manifest.mqtt.iter();
    let trigger = triggers.find(|trigger| trigger.topic == *arrival.filter());
    let attempts = trigger.and_then(|trigger| trigger.attempts);
    let deadline = trigger.and_then(|trigger| trigger.deadline.as_ref());
    Patience {
        attempts: attempts.unwrap_or(ATTEMPTS_DEFAULT),
        deadline: deadline.map_or(MESSAGE_DEADLINE_DEFAULT, |deadline| deadline.0),
    }
}

fn filter_of(trigger: &MqttTrigger) -> InboxFilter {
    InboxFilter {
        filter: trigger.topic.clone(),
        qos: trigger.qos,
        in_order: match trigger.order {
            Order::PerTopic => InOrder::PerTopic,
            Order::None => InOrder::No,
        },
    }
}

/// For a message that is given up without having been tried.
fn without_invocation(function: &ReadyFunction) -> Attribution {
    Attribution::of_event(InvocationId::new(), function.revision)
}

fn give_up(
    function: &ReadyFunction,
    arrival: Arrival,
    of: Attribution,
    reason: &'static str,
    why: String,
) {
    function.journal.metrics.message_given_up(reason);
    let (id, topic) = (arrival.id(), arrival.message().topic);
    let text = format!("message {id} on `{topic}` is given up {why}");
    function
        .journal
        .log(&of, Level::Error, Source::Host, "", &text);
    tracing::warn!(function = %function.name, topic = topic.as_str(), delivery = id, why, "a message is given up");
    let action = match arrival.is_volatile() {
        true => "message_dropped",
        false => "dead_letter",
    };
    let data = || {
        json!({
            "action": action, "client_id": null, "address": null, "function": function.name,
            "topic": topic.as_str(), "detail": why,
        })
    };
    let live = function.journal.live();
    live.tell_other("broker", Some(&function.name), data);
    arrival.give_up(why);
}
