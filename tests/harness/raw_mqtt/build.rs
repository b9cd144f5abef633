//! Packets that a client sends, with every flag and field open to change.

use super::encoding::{packet, text};
use super::{Properties, Property, Version};

/// Subscription options of MQTT 5 (section 3.8.3.1), to be or-ed to the QoS level.
#[expect(missing_docs, reason = "the words of the specification")]
pub mod options {
    pub const NO_LOCAL: u8 = 0x04;
    pub const RETAIN_AS_PUBLISHED: u8 = 0x08;
    pub const RETAIN_AT_NEW_SUBSCRIPTION: u8 = 0x10;
    pub const RETAIN_NEVER: u8 = 0x20;
}

/// CONNECT.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Connect {
    pub version: Version,
    pub client_id: String,
    /// Clean session of 3.1.1.
    pub clean_start: bool,
    pub keep_alive_seconds: u16,
    pub properties: Properties,
    pub will: Option<Will>,
    pub username: Option<String>,
    pub password: Option<Vec<u8>>,
}

/// The will of a CONNECT packet.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub properties: Properties,
}

/// PUBLISH, of either side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    /// Sent where it is there, whatever the QoS level.
    pub packet_id: Option<u16>,
    pub properties: Properties,
    pub payload: Vec<u8>,
}

/// SUBSCRIBE: filters with the byte of options of each.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Subscribe {
    pub packet_id: u16,
    pub properties: Properties,
    pub filters: Vec<(String, u8)>,
}

/// UNSUBSCRIBE.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Unsubscribe {
    pub packet_id: u16,
    pub properties: Properties,
    pub filters: Vec<String>,
}

/// The acknowledgements of PUBLISH packets, by their first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Acknowledgement {
    Puback = 0x40,
    Pubrec = 0x50,
    Pubrel = 0x62,
    Pubcomp = 0x70,
}

impl Connect {
    /// A clean session without anything, and without keep-alive.
    pub fn new(version: Version, client_id: &str) -> Connect {
        Connect {
            version,
            client_id: client_id.to_owned(),
            clean_start: true,
            keep_alive_seconds: 0,
            properties: Properties::default(),
            will: None,
            username: None,
            password: None,
        }
    }

    /// The same in MQTT 3.1.1.
    pub fn v311(client_id: &str) -> Connect {
        Connect::new(Version::V311, client_id)
    }

    /// The same in MQTT 5.
    pub fn v5(client_id: &str) -> Connect {
        Connect::new(Version::V5, client_id)
    }

    /// Without clean start: the session that there is goes on.
    #[must_use]
    pub fn resume(mut self) -> Connect {
        self.clean_start = false;
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with(mut self, property: Property) -> Connect {
        self.properties.0.push(property);
        self
    }

    /// With this will.
    #[must_use]
    pub fn will(mut self, will: Will) -> Connect {
        self.will = Some(will);
        self
    }

    /// With this keep-alive.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Connect {
        self.keep_alive_seconds = seconds;
        self
    }

    /// The connect flags.
    pub fn flags(&self) -> u8 {
        let will = self
            .will
            .as_ref()
            .map_or(0, |will| 0x04 | will.qos << 3 | u8::from(will.retain) << 5);
        let username = u8::from(self.username.is_some()) << 7;
        let password = u8::from(self.password.is_some()) << 6;
        username | password | will | u8::from(self.clean_start) << 1
    }

    /// The variable header up to the properties, with these flags.
    pub fn header(&self, flags: u8) -> Vec<u8> {
        let fixed = [self.version.level(), flags];
        let keep_alive = self.keep_alive_seconds.to_be_bytes();
        let properties = properties_of(self.version, &self.properties);
        [&text("MQTT")[..], &fixed, &keep_alive, &properties].concat()
    }

    /// The payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = text(&self.client_id);
        if let Some(will) = &self.will {
            payload.extend(properties_of(self.version, &will.properties));
            payload.extend(text(&will.topic));
            payload.extend(text(&will.payload));
        }
        payload.extend(self.username.iter().flat_map(text));
        payload.extend(self.password.iter().flat_map(text));
        payload
    }

    /// The packet.
    pub fn bytes(&self) -> Vec<u8> {
        packet(0x10, [self.header(self.flags()), self.payload()].concat())
    }
}

impl Will {
    /// A will at QoS 0.
    pub fn new(topic: &str, payload: &str) -> Will {
        Will {
            topic: topic.to_owned(),
            payload: payload.as_bytes().to_vec(),
            ..Will::default()
        }
    }

    /// At this QoS level.
    #[must_use]
    pub fn qos(mut self, qos: u8) -> Will {
        self.qos = qos;
        self
    }

    /// To be retained.
    #[must_use]
    pub fn retained(mut self) -> Will {
        self.retain = true;
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with(mut self, property: Property) -> Will {
        self.properties.0.push(property);
        self
    }
}

impl Publish {
    /// At QoS 0.
    pub fn new(topic: &str, payload: impl AsRef<[u8]>) -> Publish {
        Publish {
            topic: topic.to_owned(),
            payload: payload.as_ref().to_vec(),
            ..Publish::default()
        }
    }

    /// At this QoS level with this packet identifier.
    #[must_use]
    pub fn qos(mut self, qos: u8, packet_id: u16) -> Publish {
        self.qos = qos;
        self.packet_id = Some(packet_id);
        self
    }

    /// To be retained.
    #[must_use]
    pub fn retained(mut self) -> Publish {
        self.retain = true;
        self
    }

    /// Sent again.
    #[must_use]
    pub fn dup(mut self) -> Publish {
        self.dup = true;
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with(mut self, property: Property) -> Publish {
        self.properties.0.push(property);
        self
    }

    /// The payload as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// The packet.
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let flags = u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain);
        let mut body = text(&self.topic);
        body.extend(self.packet_id.iter().flat_map(|id| id.to_be_bytes()));
        body.extend(properties_of(version, &self.properties));
        body.extend(&self.payload);
        packet(0x30 | flags, body)
    }
}

impl Subscribe {
    /// To one filter, with this byte of options: the QoS level, or-ed with [`options`].
    pub fn new(packet_id: u16, filter: &str, options: u8) -> Subscribe {
        let none = Subscribe {
            packet_id,
            ..Subscribe::default()
        };
        none.and(filter, options)
    }

    /// One more filter.
    #[must_use]
    pub fn and(mut self, filter: &str, options: u8) -> Subscribe {
        self.filters.push((filter.to_owned(), options));
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with(mut self, property: Property) -> Subscribe {
        self.properties.0.push(property);
        self
    }

    /// The packet.
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let mut body = self.packet_id.to_be_bytes().to_vec();
        body.extend(properties_of(version, &self.properties));
        for (filter, options) in &self.filters {
            body.extend(text(filter));
            body.push(*options);
        }
        packet(0x82, body)
    }
}

impl Unsubscribe {
    /// From one filter.
    pub fn new(packet_id: u16, filter: &str) -> Unsubscribe {
        let none = Unsubscribe {
            packet_id,
            ..Unsubscribe::default()
        };
        none.and(filter)
    }

    /// One more filter.
    #[must_use]
    pub fn and(mut self, filter: &str) -> Unsubscribe {
        self.filters.push(filter.to_owned());
        self
    }

    /// The packet.
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let mut body = self.packet_id.to_be_bytes().to_vec();
        body.extend(properties_of(version, &self.properties));
        body.extend(self.filters.iter().flat_map(text));
        packet(0xa2, body)
    }
}

impl Acknowledgement {
    /// In as few bytes as possible, which both versions understand: success.
    pub fn bytes(self, packet_id: u16) -> Vec<u8> {
        packet(self as u8, packet_id.to_be_bytes())
    }

    /// With a reason code and properties (MQTT 5).
    pub fn bytes_with(self, packet_id: u16, reason: u8, properties: &[Property]) -> Vec<u8> {
        let properties = Properties(properties.to_vec()).bytes();
        let body = [&packet_id.to_be_bytes()[..], &[reason], &properties].concat();
        packet(self as u8, body)
    }
}

/// PINGREQ.
pub fn pingreq() -> Vec<u8> {
    packet(0xc0, [])
}

/// DISCONNECT with a reason code and properties, which 3.1.1 does not have.
pub fn disconnect(version: Version, reason: u8, properties: &[Property]) -> Vec<u8> {
    match version {
        Version::V311 => packet(0xe0, []),
        Version::V5 => {
            let properties = Properties(properties.to_vec()).bytes();
            packet(0xe0, [vec![reason], properties].concat())
        }
    }
}

/// AUTH (MQTT 5).
pub fn auth(reason: u8, properties: &[Property]) -> Vec<u8> {
    let properties = Properties(properties.to_vec()).bytes();
    packet(0xf0, [vec![reason], properties].concat())
}

fn properties_of(version: Version, properties: &Properties) -> Vec<u8> {
    match version {
        Version::V311 => Vec::new(),
        Version::V5 => properties.bytes(),
    }
}
