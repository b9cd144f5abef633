//! `tidegate:mqtt/client`: publishing, within the function's `publish` grants.

use std::sync::Arc;

use wasmtime::component::HasData;

use super::outbound::FunctionOutbound;
use super::under_way::UnderWay;
use crate::bindings::imports::tidegate::mqtt::{client, types};
use crate::model::grant::Grants;
use crate::observe::calls::{Call, Calls, OpenCall};
use crate::observe::trace_context::{RemoteContext, TRACEPARENT, TRACESTATE};
use tidegate_broker::Broker;
use tidegate_broker::limits::PAYLOAD_BYTES_MAX;
use tidegate_broker::message::{Message, Properties, QoS};
use tidegate_broker::topic::TopicName;

/// What one invocation publishes with.
#[derive(Clone)]
pub struct MqttContext {
    /// Where messages go; none where the broker is switched off.
    pub broker: Option<Broker>,
    /// What the function was granted.
    pub grants: Arc<Grants>,
    /// How it reaches other brokers.
    pub outbound: Arc<FunctionOutbound>,
    /// What it has in calls that have not ended.
    pub under_way: UnderWay,
    /// Functions that the event of this invocation has passed through.
    pub hops: u32,
    /// Where its calls are recorded.
    pub calls: Calls,
}

/// Names [`MqttContext`] to the linker.
pub struct HasMqtt;

impl HasData for HasMqtt {
    type Data<'a> = &'a mut MqttContext;
}

impl types::Host for MqttContext {}

impl client::Host for MqttContext {
    async fn publish(
        &mut self,
        message: types::Message,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        Ok(self.publish_checked(message).await)
    }
}

impl MqttContext {
    /// Publishes a message, if it is granted and within its bounds.
    pub(super) async fn publish_checked(
        &self,
        message: types::Message,
    ) -> Result<(), types::Error> {
        let topic = message.topic.as_str();
        let call = self.calls.begin(Call::MqttPublish, || topic);
        let published = self.publish_granted(message, &call).await;
        match &published {
            Ok(()) => call.succeeded(),
            Err(error) => call.failed(format_args!("{error:?}")),
        }
        published
    }

    async fn publish_granted(
        &self,
        message: types::Message,
        call: &OpenCall,
    ) -> Result<(), types::Error> {
        let topic: TopicName = message
            .topic
            .parse()
            .map_err(|error| types::Error::InvalidTopic(format!("{error}")))?;
        if topic.as_str().starts_with('$') {
            let text = format!(
                "`{topic}` is the server's own: topics that begin with `$` are not for functions [MQTT-4.7.2-1]"
            );
            return Err(types::Error::InvalidTopic(text));
        }
        if !self.grants.may_publish(&topic) {
            let text = format!(
                "`{topic}` is not granted: add it, or a filter that covers it, to grants.publish"
            );
            return Err(types::Error::NotGranted(text));
        }
        if message.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(types::Error::TooLarge(PAYLOAD_BYTES_MAX as u64));
        }
        let unavailable = |text: String| types::Error::Unavailable(text);
        let broker = self
            .broker
            .as_ref()
            .ok_or_else(|| unavailable("MQTT is switched off".to_owned()))?;
        let expires = message.expiry_seconds.map(Message::expires_after);
        let mut properties = Properties {
            is_text: false,
            content_type: message.content_type,
            response_topic: message.response_topic,
            correlation_data: message.correlation_data,
            user_properties: message.user_properties,
        };
        let invalid = |error| types::Error::InvalidTopic(format!("{error}"));
        properties.check().map_err(invalid)?;
        pass_on(call, &mut properties);
        let message = Message {
            retain: message.retain,
            // Counted, so that a message that goes round is stopped where it would start a function once more.
            hops: self.hops + 1,
            expires,
            properties: Some(properties)
                .filter(|properties| *properties != Properties::default())
                .map(Box::new),
            ..Message::new(topic, message.payload.into(), qos_from(message.qos))
        };
        broker
            .publish(message)
            .await
            .map_err(|error| unavailable(error.to_string()))
    }
}

/// Makes the call the parent of what the message starts, where its trace is passed on and the function has not put the
/// message into another one. What a packet has no room for is left out.
fn pass_on(call: &OpenCall, properties: &mut Properties) {
    let trace = call.context();
    let is_of_another = |(name, value): &(String, String)| {
        let parsed = || RemoteContext::parse(value, None);
        name == TRACEPARENT && parsed().is_none_or(|own| own.trace != trace.trace)
    };
    if !trace.is_passed_on || properties.user_properties.iter().any(is_of_another) {
        return;
    }
    let is_ours = |name: &str| name == TRACEPARENT || name == TRACESTATE;
    properties
        .user_properties
        .retain(|(name, _)| !is_ours(name));
    let parent = Some((TRACEPARENT, trace.traceparent(call.span())));
    let state = trace
        .tracestate()
        .map(|state| (TRACESTATE, state.to_owned()));
    for (name, value) in parent.into_iter().chain(state) {
        properties.user_properties.push((name.to_owned(), value));
        if properties.check().is_err() {
            properties.user_properties.pop();
            return;
        }
    }
}

fn qos_from(qos: types::Qos) -> QoS {
    match qos {
        types::Qos::AtMostOnce => QoS::AtMostOnce,
        types::Qos::AtLeastOnce => QoS::AtLeastOnce,
        types::Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::InvocationId;
    use crate::observe::metrics::Metrics;
    use crate::observe::trace_context::TraceContext;

    #[test]
    fn a_context_that_a_packet_has_no_room_for_is_left_out() {
        let name = "f".parse().expect("a name");
        let metrics = Arc::new(Metrics::new().of_function(&name));
        let trace = TraceContext::new(InvocationId::new(), None, |_, _| Some(true));
        let calls = Calls::new(trace, metrics);
        let call = calls.begin(Call::MqttPublish, || "a");
        let mut properties = Properties::default();
        pass_on(&call, &mut properties);
        assert_eq!(properties.user_properties[0].0, TRACEPARENT);
        let own = ("a".to_owned(), "b".to_owned());
        let mut full = Properties::default();
        while full.check().is_ok() {
            full.user_properties.push(own.clone());
        }
        full.user_properties.pop();
        let before = full.clone();
        pass_on(&call, &mut full);
        assert_eq!(full, before);
        call.succeeded();
    }
}
