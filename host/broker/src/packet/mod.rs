//! MQTT control packets of both versions, as the broker sees them: one type for each, whatever the version.
//!
//! Bytes become packets in the [reader](PacketReader), which refuses everything that the standard forbids, and packets
//! become bytes in the [writer](PacketWriter). Between both and the wire stands a codec crate, of which nothing is seen
//! outside this module.

mod convert;
mod cursor;
mod delivery;
mod guard;
mod properties;
mod reader;
mod writer;

use bytes::Bytes;
use bytestring::ByteString;

use crate::message::{Message, Properties, QoS};

pub use reader::PacketReader;
pub use writer::{PacketWriter, TooLarge};

/// Protocol version of a connection (protocol level 4 or 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

/// A packet from a client.
#[derive(Debug)]
pub enum Packet {
    /// CONNECT; always the first one, and no other.
    Connect(Box<Connect>),
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK.
    PublishAck(Ack),
    /// PUBREC.
    PublishReceived(Ack),
    /// PUBREL.
    PublishRelease(Ack),
    /// PUBCOMP.
    PublishComplete(Ack),
    /// SUBSCRIBE.
    Subscribe(Subscribe),
    /// UNSUBSCRIBE.
    Unsubscribe(Unsubscribe),
    /// PINGREQ.
    PingRequest,
    /// DISCONNECT.
    Disconnect(Disconnect),
    /// AUTH (MQTT 5), which this server has no use for.
    Auth,
}

/// CONNECT (MQTT 5, section 3.1).
#[derive(Debug)]
pub struct Connect {
    /// The client's protocol version.
    pub version: Version,
    /// Client identifier; may be empty.
    pub client_id: String,
    /// Clean start; clean session of 3.1.1.
    pub clean_start: bool,
    /// Seconds; 0 for none.
    pub keep_alive_seconds: u16,
    /// Will message.
    pub will: Option<Will>,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Bytes>,
    /// Session expiry interval in seconds, `u32::MAX` for never. Of 3.1.1: 0 with a clean session, never without.
    pub session_expiry_seconds: u32,
    /// Messages above QoS 0 that the client takes at once; not 0.
    pub receive_max: u16,
    /// Bytes of the largest packet that the client takes.
    pub packet_bytes_max: Option<u32>,
    /// Topic aliases that the client takes.
    pub topic_alias_max: u16,
    /// Whether reason strings and user properties may be sent with acknowledgements.
    pub wants_problem_information: bool,
    /// Authentication method.
    pub authentication_method: Option<String>,
}

/// Will message (MQTT 5, section 3.1.2.5).
#[derive(Clone, Debug)]
pub struct Will {
    /// What is to be published. Its expiry counts from its publication: [`Will::expiry_seconds`].
    pub message: Message,
    /// Seconds between the end of the connection and the publication.
    pub delay_seconds: u32,
    /// Message expiry interval.
    pub expiry_seconds: Option<u32>,
}

/// PUBLISH from a client (MQTT 5, section 3.3). Topic and payload are slices of the read buffer.
#[derive(Debug)]
pub struct Publish {
    /// Whether it may have been sent before.
    pub dup: bool,
    /// Level.
    pub qos: QoS,
    /// Whether it is to be kept.
    pub retain: bool,
    /// Topic name; empty where a topic alias stands for it. No wildcards, no NUL.
    pub topic: ByteString,
    /// Of levels 1 and 2; not 0.
    pub packet_id: Option<u16>,
    /// Payload.
    pub payload: Bytes,
    /// Topic alias; not 0.
    pub topic_alias: Option<u16>,
    /// Message expiry interval in seconds.
    pub expiry_seconds: Option<u32>,
    /// What is passed on unchanged; none where there is nothing.
    pub properties: Option<Box<Properties>>,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Which message.
    pub packet_id: u16,
    /// Reason code; 0 of a 3.1.1 client.
    pub reason: u8,
}

/// SUBSCRIBE (MQTT 5, section 3.8).
#[derive(Debug)]
pub struct Subscribe {
    /// For the acknowledgement.
    pub packet_id: u16,
    /// Subscription identifier; not 0.
    pub identifier: Option<u32>,
    /// Filters as they came, valid or not: each has its own reason code in the SUBACK.
    pub filters: Vec<SubscribeFilter>,
}

/// One filter of a SUBSCRIBE packet with its options.
#[derive(Debug)]
pub struct SubscribeFilter {
    /// As the client wrote it.
    pub filter: ByteString,
    /// Highest level of delivery.
    pub qos: QoS,
    /// Not what the client publishes itself.
    pub no_local: bool,
    /// The retain flag as it was published.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When retained messages are sent (MQTT 5, section 3.8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainHandling {
    /// At each SUBSCRIBE.
    AtSubscribe,
    /// Where there was no such subscription before.
    AtNewSubscription,
    /// Never.
    Never,
}

/// UNSUBSCRIBE.
#[derive(Debug)]
pub struct Unsubscribe {
    /// For the acknowledgement.
    pub packet_id: u16,
    /// As the client wrote them.
    pub filters: Vec<ByteString>,
}

/// DISCONNECT from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Reason code: 0 for a plain one, 4 where the will is to be published all the same.
    pub reason: u8,
    /// Session expiry interval, where it is another one from now on.
    pub session_expiry_seconds: Option<u32>,
}

/// Reason codes that this server sends (MQTT 5, section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum ReasonCode {
    Success = 0x00,
    NoMatchingSubscribers = 0x10,
    NoSubscriptionExisted = 0x11,
    UnspecifiedError = 0x80,
    MalformedPacket = 0x81,
    ProtocolError = 0x82,
    ImplementationSpecificError = 0x83,
    UnsupportedProtocolVersion = 0x84,
    ClientIdentifierNotValid = 0x85,
    BadUserNameOrPassword = 0x86,
    NotAuthorized = 0x87,
    ServerUnavailable = 0x88,
    ServerBusy = 0x89,
    ServerShuttingDown = 0x8B,
    BadAuthenticationMethod = 0x8C,
    KeepAliveTimeout = 0x8D,
    SessionTakenOver = 0x8E,
    TopicFilterInvalid = 0x8F,
    TopicNameInvalid = 0x90,
    PacketIdentifierInUse = 0x91,
    PacketIdentifierNotFound = 0x92,
    ReceiveMaximumExceeded = 0x93,
    TopicAliasInvalid = 0x94,
    PacketTooLarge = 0x95,
    QuotaExceeded = 0x97,
    AdministrativeAction = 0x98,
    PayloadFormatInvalid = 0x99,
    SharedSubscriptionsNotSupported = 0x9E,
    ConnectionRateExceeded = 0x9F,
    MaximumConnectTime = 0xA0,
}

/// A packet that the standard forbids. Its connection is closed with the reason code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Malformed {
    /// Why.
    pub reason: ReasonCode,
    /// In words, with the clause of the standard.
    pub text: String,
}

impl Malformed {
    fn new(reason: ReasonCode, text: impl Into<String>) -> Malformed {
        let text = text.into();
        Malformed { reason, text }
    }
}

/// It cannot be read.
#[cold]
fn malformed(text: impl Into<String>) -> Malformed {
    Malformed::new(ReasonCode::MalformedPacket, text)
}

/// It can be read, and says what it must not.
#[cold]
fn protocol_error(text: impl Into<String>) -> Malformed {
    Malformed::new(ReasonCode::ProtocolError, text)
}

/// CONNACK (MQTT 5, section 3.2). For 3.1.1, the reason code becomes a return code, and the properties are left out.
#[derive(Clone, Debug)]
pub struct ConnectAck {
    /// Whether the session was there before; false with a reason other than success.
    pub session_present: bool,
    /// Why not, or success.
    pub reason: ReasonCode,
    /// In words.
    pub reason_string: Option<String>,
    /// The server's properties; none with a reason other than success.
    pub granted: Option<Granted>,
}

/// What the server grants to a client.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Where it differs from what the client asked for.
    pub session_expiry_seconds: Option<u32>,
    /// The server's receive maximum.
    pub receive_max: u16,
    /// The server's maximum packet size.
    pub packet_bytes_max: u32,
    /// The client id that was assigned.
    pub assigned_client_id: Option<String>,
    /// Topic aliases that the server takes.
    pub topic_alias_max: u16,
    /// Keep-alive that the client is to use instead of its own.
    pub keep_alive_seconds: Option<u16>,
}

/// The acknowledgements of a message in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckKind {
    /// PUBACK.
    Ack,
    /// PUBREC.
    Received,
    /// PUBREL.
    Release,
    /// PUBCOMP.
    Complete,
}

/// PUBLISH to a client.
#[derive(Debug)]
pub struct Delivered<'a> {
    /// What; its own level, retain flag and expiry do not count.
    pub message: &'a Message,
    /// Level of the delivery.
    pub qos: QoS,
    /// Retain flag of the delivery.
    pub retain: bool,
    /// Whether it may have been sent before.
    pub dup: bool,
    /// Of levels 1 and 2.
    pub packet_id: Option<u16>,
    /// Seconds that are left until it expires.
    pub expiry_seconds: Option<u32>,
    /// Identifiers of the subscriptions that matched.
    pub identifiers: &'a [u32],
    /// A topic alias, and whether the topic is sent beside it.
    pub alias: Option<Alias>,
}

/// A topic alias of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// The topic is sent, and has this alias from now on.
    New(u16),
    /// The alias stands for the topic.
    Known(u16),
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::legal_packets;
