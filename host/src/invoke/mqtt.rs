//! MQTT messages: one delivery in, handled or not.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::Store;

use crate::bindings::imports::tidegate::mqtt::types as wit;
use crate::bindings::mqtt::MqttHandlerPre;
use crate::bindings::mqtt::exports::tidegate::mqtt::handler;

use super::instance_state::InstanceState;
use super::invoker::{Invoker, Recorder, outcome_of};
use super::ready::ReadyFunction;
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
        let slot = self.slot_patiently().await;
        let id = InvocationId::new();
        let output = Output::new(function.journal.clone(), id, function.limits.log_bytes);
        let store = self.store(function, output, message.hops);
        let (done, record) = oneshot::channel();
        let recorder = Recorder::new(function, id, "mqtt", store.data().cpu.clone(), done);
        let call = (message_to(message), delivery_to(delivery));
        let (invoker, function) = (self.clone(), function.clone());
        self.spawn(async move {
            let _held = (place, slot);
            let outcome = invoker.deliver(&function, store, call, &recorder).await;
            recorder.finish(outcome);
        });
        record
            .await
            .expect("a recorder tells when it ends, whatever the reason")
    }

    async fn deliver(
        &self,
        function: &ReadyFunction,
        mut store: Store<InstanceState>,
        (message, delivery): (wit::Message, handler::Delivery),
        recorder: &Recorder,
    ) -> Outcome {
        let pre = match self.mqtt_entry(function).await {
            Ok(pre) => pre,
            Err(outcome) => return outcome,
        };
        let cpu = store.data().cpu.clone();
        let call = async {
            let instance = pre.instantiate_async(&mut store).await?;
            instance
                .tidegate_mqtt_handler()
                .call_handle(&mut store, &message, &delivery)
                .await
        };
        let ended = tokio::time::timeout(recorder.time_left(), cpu.measure(call)).await;
        match ended {
            Err(_) => Outcome::Timeout(function.limits.timeout),
            Ok(Ok(Ok(()))) => Outcome::Ok,
            Ok(Ok(Err(text))) => Outcome::GuestError(text),
            Ok(Err(error)) => outcome_of(&error, store.data(), function),
        }
    }

    async fn mqtt_entry(
        &self,
        function: &ReadyFunction,
    ) -> Result<MqttHandlerPre<InstanceState>, Outcome> {
        let loaded = function
            .loaded(&self.loader)
            .await
            .map_err(|error| Outcome::HostError(error.to_string()))?;
        let missing =
            || Outcome::HostError("the component does not export tidegate:mqtt/handler".to_owned());
        loaded.mqtt.clone().ok_or_else(missing)
    }
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
