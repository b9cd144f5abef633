//! Properties of MQTT 5 (section 2.2.2): which may stand in which packet of a client, and what values they have.
//!
//! The codec reads their values; here it is only checked that they may be read, with the reason code where not.

use super::cursor::Cursor;
use super::{Malformed, ReasonCode, malformed, protocol_error};
use crate::limits::USER_PROPERTIES_MAX;

/// What properties stand in: a packet of a client, or the will in its CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Owner {
    Connect = 1,
    Will = 1 << 1,
    Publish = 1 << 2,
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    Ack = 1 << 3,
    Subscribe = 1 << 4,
    Unsubscribe = 1 << 5,
    Disconnect = 1 << 6,
    Auth = 1 << 7,
}

/// What was found of what the rest of the packet depends on.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The payload is said to be text (payload format indicator 1).
    pub(super) is_text: bool,
    /// Message expiry interval.
    pub(super) expiry_seconds: Option<u32>,
    /// Where that stands in the packet.
    pub(super) expiry_position: usize,
    /// Whether there is a topic alias.
    pub(super) has_topic_alias: bool,
    /// Whether there is an authentication method.
    pub(super) has_authentication_method: bool,
    /// Whether there are authentication data.
    pub(super) has_authentication_data: bool,
}

const USER_PROPERTY: u8 = 0x26;

/// Where a property may stand: of those that a client sends at all.
fn owners(identifier: u8) -> u16 {
    use Owner::{Ack, Auth, Connect, Disconnect, Publish, Subscribe, Will};
    let owners: &[Owner] = match identifier {
        0x01 | 0x02 | 0x03 | 0x08 | 0x09 => &[Publish, Will],
        // In PUBLISH they are the server's, in DISCONNECT too: known, and refused where their values are checked.
        0x0B => &[Subscribe, Publish],
        0x1C => &[Disconnect],
        0x11 => &[Connect, Disconnect],
        0x15 | 0x16 => &[Connect, Auth],
        0x17 | 0x19 | 0x21 | 0x22 | 0x27 => &[Connect],
        0x18 => &[Will],
        0x1F => &[Ack, Disconnect, Auth],
        0x23 => &[Publish],
        USER_PROPERTY => return u16::MAX,
        _ => &[],
    };
    owners.iter().fold(0, |all, &owner| all | owner as u16)
}

/// Checks the properties that begin here, their length included.
pub(super) fn check(cursor: &mut Cursor<'_>, owner: Owner) -> Result<Found, Malformed> {
    let length = cursor.variable_byte_integer()?;
    let mut found = Found::default();
    if length == 0 {
        return Ok(found);
    }
    let mut properties = cursor.part(length as usize)?;
    let mut seen = 0_u64;
    let mut user_properties = 0;
    while !properties.is_at_end() {
        let identifier = properties.byte()?;
        if owners(identifier) & owner as u16 == 0 {
            let text = format!("property 0x{identifier:02X} does not belong here [2.2.2.2]");
            return Err(malformed(text));
        }
        if identifier == USER_PROPERTY {
            user_properties += 1;
            if user_properties > USER_PROPERTIES_MAX {
                let text = format!("at most {USER_PROPERTIES_MAX} user properties in a packet");
                return Err(Malformed::new(ReasonCode::QuotaExceeded, text));
            }
            properties.text()?;
            properties.text()?;
            continue;
        }
        if seen & (1 << identifier) != 0 {
            return Err(protocol_error(format!(
                "property 0x{identifier:02X} stands there twice [2.2.2]"
            )));
        }
        seen |= 1 << identifier;
        check_value(identifier, owner, &mut properties, &mut found)?;
    }
    if found.has_authentication_data && !found.has_authentication_method {
        let text = "authentication data without a method [3.1.2.11.10]";
        return Err(protocol_error(text));
    }
    Ok(found)
}

fn check_value(
    identifier: u8,
    owner: Owner,
    cursor: &mut Cursor<'_>,
    found: &mut Found,
) -> Result<(), Malformed> {
    match identifier {
        // Payload format indicator.
        0x01 => found.is_text = flag(cursor)?,
        // Message expiry interval.
        0x02 => {
            found.expiry_position = cursor.position();
            found.expiry_seconds = Some(cursor.four_byte_integer()?);
        }
        // Response topic.
        0x08 => {
            if cursor.topic_name()?.is_empty() {
                let text = "a response topic is not empty [MQTT-4.7.3-1]";
                return Err(Malformed::new(ReasonCode::TopicNameInvalid, text));
            }
        }
        // Subscription identifier.
        0x0B if owner == Owner::Publish => {
            let text = "a subscription identifier in a client's PUBLISH [MQTT-3.3.4-6]";
            return Err(protocol_error(text));
        }
        0x0B => not_zero(cursor.variable_byte_integer()?, "subscription identifier")?,
        // Session expiry interval, will delay interval.
        0x11 | 0x18 => _ = cursor.four_byte_integer()?,
        // Authentication method and data.
        0x15 => {
            cursor.text()?;
            found.has_authentication_method = true;
        }
        0x16 => {
            cursor.binary()?;
            found.has_authentication_data = true;
        }
        // Request problem information, request response information.
        0x17 | 0x19 => _ = flag(cursor)?,
        // Server reference.
        0x1C => {
            return Err(protocol_error(
                "a server reference from a client [3.14.2.2.5]",
            ));
        }
        0x21 => not_zero(cursor.two_byte_integer()?.into(), "receive maximum")?,
        // Topic alias maximum.
        0x22 => _ = cursor.two_byte_integer()?,
        // Topic alias.
        0x23 => {
            if cursor.two_byte_integer()? == 0 {
                let text = "a topic alias is not 0 [MQTT-3.3.2-8]";
                return Err(Malformed::new(ReasonCode::TopicAliasInvalid, text));
            }
            found.has_topic_alias = true;
        }
        0x27 => not_zero(cursor.four_byte_integer()?, "maximum packet size")?,
        // Correlation data.
        0x09 => _ = cursor.binary()?,
        // Content type and reason string.
        _ => _ = cursor.text()?,
    }
    Ok(())
}

fn flag(cursor: &mut Cursor<'_>) -> Result<bool, Malformed> {
    match cursor.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(protocol_error(format!(
            "{other} stands where 0 or 1 is asked for"
        ))),
    }
}

fn not_zero(value: u32, name: &str) -> Result<(), Malformed> {
    if value == 0 {
        return Err(protocol_error(format!("a {name} is not 0")));
    }
    Ok(())
}
