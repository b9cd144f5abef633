//! MQTT messages: one delivery in, handled or not.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::{ComponentType, InstancePre, Lift, Lower};

use crate::bindings::imports::tidegate::mqtt::types as wit;
use crate::bindings::mqtt::MqttHandlerPre;
use crate::bindings::mqtt::exports::tidegate::mqtt::handler;

use super::cpu::CpuTime;
use super::instance_state::{InstanceState, Start};
use super::invoker::{Invoker, Recorder, outcome_of};
use super::ready::{MqttEntry, ReadyFunction};
use crate::model::event::{Delivery, Message, QoS};
use crate::model::id::InvocationId;
use crate::model::outcome::Outcome;
use crate::observe::journal::Record;
use crate::observe::output::Output;

impl Invoker {
    /// Invokes a function with a message. It was handled if the record's outcome is ok.
    pub async fn invoke_mqtt(
        self: &Arc<Self>,
        function: &Arc<ReadyFunction>,
        message: &Message,
        delivery: &Delivery,
    ) -> Record {
        let place = function.admission.enter_patiently().await;
        let slot = self.slot(function).await;
        let id = InvocationId::new();
        let (done, record) = oneshot::channel();
        let cpu = CpuTime::default();
        let recorder = Recorder::new(function, id, "mqtt", cpu.clone(), done);
        match slot {
            Err(outcome) => recorder.finish(outcome),
            Ok((runtime, slot)) => {
                let start = Start {
                    output: Output::new(function.journal.clone(), id, function.limits.log_bytes),
                    cpu,
                    hops: message.hops,
                    program: None,
                };
                let store = self.store(runtime, function, start);
                let (message, delivery) = (message.clone(), delivery.clone());
                let (invoker, function) = (self.clone(), function.clone());
                self.spawn(async move {
                    let _held = (place, slot);
                    let call = invoker.deliver(&function, store, &message, &delivery, &recorder);
                    let outcome = call.await;
                    recorder.finish(outcome);
                });
            }
        }
        record
            .await
            .expect("a recorder tells when it ends, whatever the reason")
    }

    async fn deliver(
        &self,
        function: &ReadyFunction,
        mut store: Store<InstanceState>,
        message: &Message,
        delivery: &Delivery,
        recorder: &Recorder,
    ) -> Outcome {
        let entry = match self.mqtt_entry(function).await {
            Ok(entry) => entry,
            Err(outcome) => return outcome,
        };
        let cpu = store.data().cpu.clone();
        let call = async {
            match entry {
                MqttEntry::Tidegate(pre) => handle(pre, &mut store, message, delivery).await,
                MqttEntry::Spin(pre) => handle_message(pre, &mut store, message).await,
            }
        };
        let ended = tokio::time::timeout(recorder.time_left(), cpu.measure(call)).await;
        match ended {
            Err(_) => Outcome::Timeout(function.limits.timeout),
            Ok(Ok(Ok(()))) => Outcome::Ok,
            Ok(Ok(Err(text))) => Outcome::GuestError(text),
            Ok(Err(error)) => outcome_of(&error, store.data(), function),
        }
    }

    async fn mqtt_entry<'a>(&self, function: &'a ReadyFunction) -> Result<&'a MqttEntry, Outcome> {
        let missing = "the component does not export tidegate:mqtt/handler";
        let entry = self.loaded(function).await?.mqtt.as_ref();
        entry.ok_or_else(|| Outcome::HostError(missing.to_owned()))
    }
}

/// A trap outside, the guest's error inside.
type Handled = wasmtime::Result<Result<(), String>>;

/// `tidegate:mqtt/handler`
async fn handle(
    pre: &MqttHandlerPre<InstanceState>,
    store: &mut Store<InstanceState>,
    message: &Message,
    delivery: &Delivery,
) -> Handled {
    let instance = pre.instantiate_async(&mut *store).await?;
    instance
        .tidegate_mqtt_handler()
        .call_handle(store, &message_to(message), &delivery_to(delivery))
        .await
}

/// The metadata that Spin's MQTT trigger gives with a message.
#[derive(ComponentType, Lower)]
#[component(record)]
struct SpinMetadata {
    topic: String,
}

/// The error of Spin's MQTT trigger.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum SpinError {
    #[component(name = "other")]
    Other(String),
}

/// `handle-message` of Spin's MQTT trigger: a function of the world, synchronous up to version 2 and asynchronous
/// since, which makes no difference to how it is called.
async fn handle_message(
    pre: &InstancePre<InstanceState>,
    store: &mut Store<InstanceState>,
    message: &Message,
) -> Handled {
    let instance = pre.instantiate_async(&mut *store).await?;
    let function = instance.get_typed_func::<(&[u8], SpinMetadata), (Result<(), SpinError>,)>(
        &mut *store,
        "handle-message",
    )?;
    let metadata = SpinMetadata {
        topic: message.topic.to_string(),
    };
    let (handled,) = function
        .call_async(store, (&message.payload, metadata))
        .await?;
    Ok(handled.map_err(|SpinError::Other(text)| text))
}

fn message_to(message: &Message) -> wit::Message {
    wit::Message {
        topic: message.topic.to_string(),
        payload: message.payload.to_vec(),
        qos: match message.qos {
            QoS::AtMostOnce => wit::Qos::AtMostOnce,
            QoS::AtLeastOnce => wit::Qos::AtLeastOnce,
            QoS::ExactlyOnce => wit::Qos::ExactlyOnce,
        },
        retain: message.retain,
        content_type: message.content_type.clone(),
        response_topic: message.response_topic.clone(),
        correlation_data: message.correlation_data.as_ref().map(|data| data.to_vec()),
        expiry_seconds: message.expiry_seconds,
        user_properties: message.user_properties.clone(),
    }
}

fn delivery_to(delivery: &Delivery) -> handler::Delivery {
    handler::Delivery {
        id: delivery.id.clone(),
        attempt: delivery.attempt,
        matched_filter: delivery.matched_filter.clone(),
    }
}
