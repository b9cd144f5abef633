//! From packets to bytes, for a client of either version and no more than it takes.
//!
//! The codec writes all packets but PUBLISH: it would want to own the message in types of its own, in several allocations
//! for each delivery, and cannot tell exactly how long the packet will be. So that one is written [here](delivery).

use std::num::NonZeroU16;

use bytes::BytesMut;
use bytestring::ByteString;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Encoder as _;

use super::{AckKind, ConnectAck, Delivered, Granted, ReasonCode, Version, delivery};

/// Writes the packets of one connection.
#[derive(Debug)]
pub struct PacketWriter {
    version: Version,
    packet_bytes_max: usize,
    wants_problem_information: bool,
}

/// The message is larger than the client takes, or than a packet can be. Nothing was written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the message is larger than the client takes")]
pub struct TooLarge;

impl PacketWriter {
    /// For a client that takes so large packets, and reason strings or none.
    pub fn new(
        version: Version,
        packet_bytes_max: Option<u32>,
        wants_problem_information: bool,
    ) -> PacketWriter {
        PacketWriter {
            version,
            packet_bytes_max: packet_bytes_max.map_or(usize::MAX, |bytes| bytes as usize),
            wants_problem_information,
        }
    }

    /// CONNACK. In 3.1.1 a refusal that has no return code is told by closing the connection: nothing is written.
    pub fn connect_ack(&mut self, out: &mut BytesMut, ack: &ConnectAck) {
        // [MQTT-3.2.2-6]
        let session_present = ack.session_present && ack.reason == ReasonCode::Success;
        if self.version == Version::V311 {
            if let Some(return_code) = return_code(ack.reason) {
                let packet = v3::ConnectAck {
                    return_code,
                    session_present,
                };
                self.put_v3(out, v3::Packet::ConnectAck(packet));
            }
            return;
        }
        let packet = v5::ConnectAck {
            session_present,
            reason_code: (ack.reason as u8)
                .try_into()
                .unwrap_or(v5::ConnectAckReason::UnspecifiedError),
            ..ack.granted.as_ref().map(granted).unwrap_or_default()
        };
        self.put_v5(out, ack.reason_string.as_deref(), |reason_string| {
            v5::Packet::ConnectAck(Box::new(v5::ConnectAck {
                reason_string,
                ..packet.clone()
            }))
        });
    }

    /// PUBLISH. Nothing is written if it is larger than the client takes [MQTT-3.1.2-24].
    pub fn publish(
        &mut self,
        out: &mut BytesMut,
        delivered: &Delivered<'_>,
    ) -> Result<(), TooLarge> {
        delivery::put(out, self.version, self.packet_bytes_max, delivered)
    }

    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    pub fn ack(
        &mut self,
        out: &mut BytesMut,
        kind: AckKind,
        packet_id: u16,
        reason: ReasonCode,
        reason_string: Option<&str>,
    ) {
        let packet_id = not_zero(packet_id);
        // Success without properties is the same in both versions (MQTT 5, section 3.4.2.1).
        if self.version == Version::V311
            || (reason == ReasonCode::Success && reason_string.is_none())
        {
            self.put_v3(out, v3_ack(kind, packet_id));
            return;
        }
        self.put_v5(out, reason_string, |reason_string| {
            v5_ack(kind, packet_id, reason, reason_string)
        });
    }

    /// SUBACK. For each filter, in their order, the level that was granted or a reason code from 0x80.
    pub fn subscribe_ack(&mut self, out: &mut BytesMut, packet_id: u16, reasons: &[u8]) {
        let packet_id = not_zero(packet_id);
        match self.version {
            Version::V311 => {
                let status = |&reason: &u8| {
                    reason.try_into().map_or(
                        v3::SubscribeReturnCode::Failure,
                        v3::SubscribeReturnCode::Success,
                    )
                };
                let status = reasons.iter().map(status).collect();
                self.put_v3(out, v3::Packet::SubscribeAck { packet_id, status });
            }
            Version::V5 => {
                let status = |&reason: &u8| {
                    reason
                        .try_into()
                        .unwrap_or(v5::SubscribeAckReason::UnspecifiedError)
                };
                self.put_v5(out, None, |reason_string| {
                    v5::Packet::SubscribeAck(v5::SubscribeAck {
                        packet_id,
                        properties: Vec::new(),
                        reason_string,
                        status: reasons.iter().map(status).collect(),
                    })
                });
            }
        }
    }

    /// UNSUBACK, with a reason code for each filter in MQTT 5.
    pub fn unsubscribe_ack(&mut self, out: &mut BytesMut, packet_id: u16, reasons: &[ReasonCode]) {
        let packet_id = not_zero(packet_id);
        if self.version == Version::V311 {
            self.put_v3(out, v3::Packet::UnsubscribeAck { packet_id });
            return;
        }
        let status = |&reason: &ReasonCode| {
            (reason as u8)
                .try_into()
                .unwrap_or(v5::UnsubscribeAckReason::UnspecifiedError)
        };
        self.put_v5(out, None, |reason_string| {
            v5::Packet::UnsubscribeAck(v5::UnsubscribeAck {
                packet_id,
                properties: Vec::new(),
                reason_string,
                status: reasons.iter().map(status).collect(),
            })
        });
    }

    /// PINGRESP.
    pub fn ping_response(&mut self, out: &mut BytesMut) {
        self.put_v3(out, v3::Packet::PingResponse);
    }

    /// DISCONNECT. A 3.1.1 server has none: nothing is written.
    pub fn disconnect(
        &mut self,
        out: &mut BytesMut,
        reason: ReasonCode,
        reason_string: Option<&str>,
    ) {
        if self.version == Version::V311 {
            return;
        }
        let reason = (reason as u8)
            .try_into()
            .unwrap_or(v5::DisconnectReasonCode::ProtocolError);
        self.put_v5(out, reason_string, |reason_string| {
            v5::Packet::Disconnect(v5::Disconnect {
                reason_string,
                ..v5::Disconnect::new(reason)
            })
        });
    }

    /// Puts the packet with its reason string, if the client wants any [MQTT-3.1.2-29]; if it is too large with it, without;
    /// if it is too large even so, not at all [MQTT-3.1.2-25].
    fn put_v5(
        &self,
        out: &mut BytesMut,
        reason_string: Option<&str>,
        packet: impl Fn(Option<ByteString>) -> v5::Packet,
    ) {
        let wanted = reason_string.filter(|_| self.wants_problem_information);
        if let Some(reason_string) = wanted
            && self.try_put_v5(out, packet(Some(reason_string.into())))
        {
            return;
        }
        self.try_put_v5(out, packet(None));
    }

    fn try_put_v5(&self, out: &mut BytesMut, packet: v5::Packet) -> bool {
        let start = out.len();
        let written = v5::Codec::new(0, 0).encode(packet, out);
        let fits = written.is_ok() && out.len() - start <= self.packet_bytes_max;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn put_v3(&self, out: &mut BytesMut, packet: v3::Packet) {
        let start = out.len();
        let written = v3::Codec::new(0).encode(packet, out);
        if written.is_err() || out.len() - start > self.packet_bytes_max {
            out.truncate(start);
        }
    }
}

/// Return codes of 3.1.1 (section 3.2.2.3). Other reasons have none.
fn return_code(reason: ReasonCode) -> Option<v3::ConnectAckReason> {
    Some(match reason {
        ReasonCode::Success => v3::ConnectAckReason::ConnectionAccepted,
        ReasonCode::UnsupportedProtocolVersion => v3::ConnectAckReason::UnacceptableProtocolVersion,
        ReasonCode::ClientIdentifierNotValid => v3::ConnectAckReason::IdentifierRejected,
        ReasonCode::ServerUnavailable
        | ReasonCode::ServerBusy
        | ReasonCode::ConnectionRateExceeded => v3::ConnectAckReason::ServiceUnavailable,
        ReasonCode::BadUserNameOrPassword => v3::ConnectAckReason::BadUserNameOrPassword,
        ReasonCode::NotAuthorized => v3::ConnectAckReason::NotAuthorized,
        _ => return None,
    })
}

fn granted(granted: &Granted) -> v5::ConnectAck {
    let defaults = v5::ConnectAck::default();
    v5::ConnectAck {
        session_expiry_interval_secs: granted.session_expiry_seconds,
        receive_max: NonZeroU16::new(granted.receive_max).unwrap_or(defaults.receive_max),
        max_packet_size: Some(granted.packet_bytes_max),
        assigned_client_id: granted.assigned_client_id.as_deref().map(Into::into),
        topic_alias_max: granted.topic_alias_max,
        server_keepalive_sec: granted.keep_alive_seconds,
        ..defaults
    }
}

fn v3_ack(kind: AckKind, packet_id: NonZeroU16) -> v3::Packet {
    match kind {
        AckKind::Ack => v3::Packet::PublishAck { packet_id },
        AckKind::Received => v3::Packet::PublishReceived { packet_id },
        AckKind::Release => v3::Packet::PublishRelease { packet_id },
        AckKind::Complete => v3::Packet::PublishComplete { packet_id },
    }
}

fn v5_ack(
    kind: AckKind,
    packet_id: NonZeroU16,
    reason: ReasonCode,
    reason_string: Option<ByteString>,
) -> v5::Packet {
    let first = |reason_string| v5::PublishAck {
        packet_id,
        reason_code: (reason as u8)
            .try_into()
            .unwrap_or(v5::PublishAckReason::UnspecifiedError),
        properties: Vec::new(),
        reason_string,
    };
    let second = |reason_string| v5::PublishAck2 {
        packet_id,
        reason_code: (reason as u8)
            .try_into()
            .unwrap_or(v5::PublishAck2Reason::PacketIdNotFound),
        properties: Vec::new(),
        reason_string,
    };
    match kind {
        AckKind::Ack => v5::Packet::PublishAck(first(reason_string)),
        AckKind::Received => v5::Packet::PublishReceived(first(reason_string)),
        AckKind::Release => v5::Packet::PublishRelease(second(reason_string)),
        AckKind::Complete => v5::Packet::PublishComplete(second(reason_string)),
    }
}

fn not_zero(packet_id: u16) -> NonZeroU16 {
    NonZeroU16::new(packet_id).expect("packet identifiers are given out from 1 and read as not 0")
}
