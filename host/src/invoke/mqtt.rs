//! MQTT messages: one delivery in, handled or not.

use std::sync::Arc;
use std::time::SystemTime;

use wasmtime::Store;

use crate::bindings::imports::tidegate::mqtt::types as wit;
use crate::bindings::mqtt::exports::tidegate::mqtt::handler;
use crate::bindings::spin_triggers::mqtt as spin;

use super::event::{Event, Handled};
use super::instance_state::InstanceState;
use super::invoker::Invoker;
use super::ready::{Loaded, MqttEntry, ReadyFunction};
use crate::model::event::Delivery;
use crate::observe::record::Record;
use crate::observe::trace_context::{RemoteContext, TRACEPARENT, TRACESTATE};
use tidegate_broker::message::{Message, QoS};

impl Invoker {
    /// Invokes a function with a message. It was handled if the record's outcome is ok.
    pub async fn invoke_mqtt(
        &self,
        function: &Arc<ReadyFunction>,
        message: &Message,
        delivery: &Delivery,
    ) -> Arc<Record> {
        let event = (message.clone(), delivery.clone());
        self.invoke_event(function, event).await
    }
}

impl Event for (Message, Delivery) {
    const TRIGGER: &'static str = "mqtt";
    const EXPORT: &'static str = "tidegate:mqtt/handler";
    type Entry = MqttEntry;

    fn hops(&self) -> u32 {
        self.0.hops
    }

    fn describe(&self) -> String {
        self.0.topic.to_string()
    }

    fn parent(&self) -> Option<RemoteContext> {
        let properties = &self.0.properties.as_ref()?.user_properties;
        let find = |wanted| {
            let mut found = properties.iter().filter(|(name, _)| name == wanted);
            found.next().map(|(_, value)| value.as_str())
        };
        RemoteContext::parse(find(TRACEPARENT)?, find(TRACESTATE))
    }

    fn entry(loaded: &Loaded) -> Option<&MqttEntry> {
        loaded.mqtt.as_ref()
    }

    async fn call(&self, entry: &MqttEntry, store: &mut Store<InstanceState>) -> Handled {
        let (message, delivery) = self;
        match entry {
            MqttEntry::Tidegate(pre) => {
                let instantiating = store.data().instantiating();
                let instance = instantiating.end(pre.instantiate_async(&mut *store).await)?;
                instance
                    .tidegate_mqtt_handler()
                    .call_handle(store, &message_to(message), &delivery_to(delivery))
                    .await
            }
            MqttEntry::Spin(pre) => {
                let instantiating = store.data().instantiating();
                let instance = instantiating.end(pre.instantiate_async(&mut *store).await)?;
                let topic = message.topic.to_string();
                let handled = instance
                    .call_handle_message(store, &message.payload, &spin::Metadata { topic })
                    .await?;
                Ok(handled.map_err(|spin::Error::Other(text)| text))
            }
        }
    }
}

fn message_to(message: &Message) -> wit::Message {
    let properties = message.properties.as_deref().cloned().unwrap_or_default();
    wit::Message {
        topic: message.topic.to_string(),
        payload: message.payload.to_vec(),
        qos: match message.qos {
            QoS::AtMostOnce => wit::Qos::AtMostOnce,
            QoS::AtLeastOnce => wit::Qos::AtLeastOnce,
            QoS::ExactlyOnce => wit::Qos::ExactlyOnce,
        },
        retain: message.retain,
        content_type: properties.content_type,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data,
        expiry_seconds: message.expiry_seconds(SystemTime::now()),
        user_properties: properties.user_properties,
    }
}

fn delivery_to(delivery: &Delivery) -> handler::Delivery {
    handler::Delivery {
        id: delivery.id.clone(),
        attempt: delivery.attempt,
        matched_filter: delivery.matched_filter.clone(),
    }
}
