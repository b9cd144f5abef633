//! From the codec's packets, of which it has two sets, to the one of this broker.

use bytes::Bytes;
use bytestring::ByteString;
use rmqtt_codec::types::Publish as CodecPublish;
use rmqtt_codec::{types, v3, v5};

use super::guard::Beside;
use super::{
    Ack, Connect, Disconnect, Malformed, Packet, Publish, ReasonCode, RetainHandling, Subscribe,
    SubscribeFilter, Unsubscribe, Version, Will, protocol_error,
};
use crate::message::{Message, Properties, QoS};
use crate::topic::TopicName;

/// From MQTT 3.1.1.
pub(super) fn from_v3(packet: v3::Packet, beside: Beside) -> Result<Packet, Malformed> {
    let ack = |packet_id: std::num::NonZeroU16| Ack {
        packet_id: packet_id.get(),
        reason: 0,
    };
    Ok(match packet {
        v3::Packet::Publish(publish) => Packet::Publish(from_publish(*publish, beside)),
        v3::Packet::PublishAck { packet_id } => Packet::PublishAck(ack(packet_id)),
        v3::Packet::PublishReceived { packet_id } => Packet::PublishReceived(ack(packet_id)),
        v3::Packet::PublishRelease { packet_id } => Packet::PublishRelease(ack(packet_id)),
        v3::Packet::PublishComplete { packet_id } => Packet::PublishComplete(ack(packet_id)),
        v3::Packet::PingRequest => Packet::PingRequest,
        v3::Packet::Subscribe {
            packet_id,
            topic_filters,
        } => Packet::Subscribe(Subscribe {
            packet_id: packet_id.get(),
            identifier: None,
            filters: topic_filters.into_iter().map(from_v3_filter).collect(),
        }),
        v3::Packet::Unsubscribe {
            packet_id,
            topic_filters,
        } => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id.get(),
            filters: topic_filters,
        }),
        v3::Packet::Disconnect => Packet::Disconnect(Disconnect {
            reason: 0,
            session_expiry_seconds: None,
        }),
        v3::Packet::Connect(connect) => Packet::Connect(from_v3_connect(*connect, beside)?),
        v3::Packet::ConnectAck { .. }
        | v3::Packet::SubscribeAck { .. }
        | v3::Packet::UnsubscribeAck { .. }
        | v3::Packet::PingResponse => return Err(servers_packet()),
    })
}

/// From MQTT 5.
pub(super) fn from_v5(packet: v5::Packet, beside: Beside) -> Result<Packet, Malformed> {
    let ack = |ack: v5::PublishAck| Ack {
        packet_id: ack.packet_id.get(),
        reason: ack.reason_code.into(),
    };
    let second_ack = |ack: v5::PublishAck2| Ack {
        packet_id: ack.packet_id.get(),
        reason: ack.reason_code.into(),
    };
    Ok(match packet {
        v5::Packet::Publish(publish) => Packet::Publish(from_publish(*publish, beside)),
        v5::Packet::PublishAck(packet) => Packet::PublishAck(ack(packet)),
        v5::Packet::PublishReceived(packet) => Packet::PublishReceived(ack(packet)),
        v5::Packet::PublishRelease(packet) => Packet::PublishRelease(second_ack(packet)),
        v5::Packet::PublishComplete(packet) => Packet::PublishComplete(second_ack(packet)),
        v5::Packet::PingRequest => Packet::PingRequest,
        v5::Packet::Subscribe(subscribe) => Packet::Subscribe(Subscribe {
            packet_id: subscribe.packet_id.get(),
            identifier: subscribe.id.map(u32::from),
            filters: subscribe
                .topic_filters
                .into_iter()
                .map(from_v5_filter)
                .collect(),
        }),
        v5::Packet::Unsubscribe(unsubscribe) => Packet::Unsubscribe(Unsubscribe {
            packet_id: unsubscribe.packet_id.get(),
            filters: unsubscribe.topic_filters,
        }),
        v5::Packet::Disconnect(disconnect) => Packet::Disconnect(Disconnect {
            reason: disconnect.reason_code.into(),
            session_expiry_seconds: disconnect.session_expiry_interval_secs,
        }),
        v5::Packet::Auth(_) => Packet::Auth,
        v5::Packet::Connect(connect) => Packet::Connect(from_v5_connect(*connect, beside)?),
        v5::Packet::ConnectAck(_)
        | v5::Packet::SubscribeAck(_)
        | v5::Packet::UnsubscribeAck(_)
        | v5::Packet::PingResponse => return Err(servers_packet()),
    })
}

/// The guard lets none of them through to the codec.
#[cold]
fn servers_packet() -> Malformed {
    protocol_error("a packet that only a server may send")
}

fn from_qos(qos: types::QoS) -> QoS {
    match qos {
        types::QoS::AtMostOnce => QoS::AtMostOnce,
        types::QoS::AtLeastOnce => QoS::AtLeastOnce,
        types::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn from_publish(publish: CodecPublish, beside: Beside) -> Publish {
    let mut topic_alias = None;
    let mut properties = None;
    if let Some(found) = publish.properties {
        topic_alias = found.topic_alias.map(u16::from);
        properties = boxed(Properties {
            is_text: found.is_utf8_payload,
            content_type: found.content_type.map(String::from),
            response_topic: found.response_topic.map(String::from),
            correlation_data: found.correlation_data.map(Vec::from),
            user_properties: from_user_properties(found.user_properties),
        });
    }
    Publish {
        dup: publish.dup,
        qos: from_qos(publish.qos),
        retain: publish.retain,
        topic: publish.topic,
        packet_id: publish.packet_id.map(u16::from),
        payload: publish.payload,
        topic_alias,
        expiry_seconds: beside.expiry_seconds,
        properties,
    }
}

fn boxed(properties: Properties) -> Option<Box<Properties>> {
    let is_empty = !properties.is_text
        && properties.content_type.is_none()
        && properties.response_topic.is_none()
        && properties.correlation_data.is_none()
        && properties.user_properties.is_empty();
    (!is_empty).then(|| Box::new(properties))
}

fn from_user_properties(properties: v5::UserProperties) -> Vec<(String, String)> {
    properties
        .into_iter()
        .map(|(name, value)| (String::from(name), String::from(value)))
        .collect()
}

fn from_v3_filter((filter, qos): (ByteString, types::QoS)) -> SubscribeFilter {
    SubscribeFilter {
        filter,
        qos: from_qos(qos),
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::AtSubscribe,
    }
}

fn from_v5_filter((filter, options): (ByteString, v5::SubscriptionOptions)) -> SubscribeFilter {
    SubscribeFilter {
        filter,
        qos: from_qos(options.qos),
        no_local: options.no_local,
        retain_as_published: options.retain_as_published,
        retain_handling: match options.retain_handling {
            v5::RetainHandling::AtSubscribe => RetainHandling::AtSubscribe,
            v5::RetainHandling::AtSubscribeNew => RetainHandling::AtNewSubscription,
            v5::RetainHandling::NoAtSubscribe => RetainHandling::Never,
        },
    }
}

fn from_v3_connect(connect: v3::Connect, beside: Beside) -> Result<Box<Connect>, Malformed> {
    let will = connect.last_will.map(|will| {
        Ok::<_, Malformed>(Will {
            message: Message {
                retain: will.retain,
                ..will_message(&will.topic, &will.message, from_qos(will.qos))?
            },
            delay_seconds: 0,
            expiry_seconds: None,
        })
    });
    Ok(Box::new(Connect {
        version: Version::V311,
        client_id: connect.client_id.into(),
        clean_start: !beside.keeps_session,
        keep_alive_seconds: connect.keep_alive,
        will: will.transpose()?,
        username: connect.username.map(String::from),
        password: connect.password,
        session_expiry_seconds: if beside.keeps_session { u32::MAX } else { 0 },
        receive_max: u16::MAX,
        packet_bytes_max: None,
        topic_alias_max: 0,
        wants_problem_information: false,
        authentication_method: None,
    }))
}

fn from_v5_connect(connect: v5::Connect, beside: Beside) -> Result<Box<Connect>, Malformed> {
    let will = connect.last_will.map(|will| from_v5_will(will, &beside));
    Ok(Box::new(Connect {
        version: Version::V5,
        client_id: connect.client_id.into(),
        clean_start: !beside.keeps_session,
        keep_alive_seconds: connect.keep_alive,
        will: will.transpose()?,
        username: connect.username.map(String::from),
        password: connect.password,
        session_expiry_seconds: connect.session_expiry_interval_secs,
        receive_max: connect.receive_max.map_or(u16::MAX, u16::from),
        packet_bytes_max: connect.max_packet_size.map(u32::from),
        topic_alias_max: connect.topic_alias_max,
        wants_problem_information: connect.request_problem_info,
        authentication_method: connect.auth_method.map(String::from),
    }))
}

fn from_v5_will(will: v5::LastWill, beside: &Beside) -> Result<Will, Malformed> {
    let properties = Properties {
        is_text: will.is_utf8_payload == Some(true),
        content_type: will.content_type.map(String::from),
        response_topic: will.response_topic.map(String::from),
        correlation_data: will.correlation_data.map(Vec::from),
        user_properties: from_user_properties(will.user_properties),
    };
    Ok(Will {
        message: Message {
            retain: will.retain,
            properties: boxed(properties),
            ..will_message(&will.topic, &will.message, from_qos(will.qos))?
        },
        delay_seconds: will.will_delay_interval_sec.unwrap_or(0),
        expiry_seconds: beside.expiry_seconds,
    })
}

/// The standard allows longer topics than this broker does.
fn will_message(topic: &str, payload: &[u8], qos: QoS) -> Result<Message, Malformed> {
    let topic: TopicName = topic.parse().map_err(|error| {
        let text = format!("the will's topic: {error}");
        Malformed::new(ReasonCode::TopicNameInvalid, text)
    })?;
    // A slice would keep all of the CONNECT packet, the password among it.
    Ok(Message::new(topic, Bytes::copy_from_slice(payload), qos))
}
