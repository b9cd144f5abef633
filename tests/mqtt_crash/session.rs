//! The client's side of a session: what was sent and is not acknowledged, and which QoS 2 messages were received and are
//! not released (MQTT 5, section 4.1). It outlives connections; what is to be sent is appended to its output.

use std::collections::{BTreeMap, HashSet};

use tidegate_tests::frames::{self, Delivery, Frame, PUBACK, PUBCOMP, PUBREC, PUBREL, Publish};
use tidegate_tests::raw_mqtt::Version;

use crate::mqtt_crash::device::{Command, Outgoing, Subject};

/// Commands that are not acknowledged yet; less than any broker's receive maximum.
const WINDOW: usize = 20;
const SUBACK: u8 = 0x90;
const UNSUBACK: u8 = 0xb0;
/// Reason codes from here on are refusals.
const REFUSED: u8 = 0x80;
/// The broker does not know the packet id: of a PUBREL that it has answered before, that is no error (MQTT 5, section
/// 3.6.2.1).
const UNKNOWN_PACKET_ID: u8 = 0x92;

/// The client's side of a session.
pub(crate) struct Session {
    pub(crate) client_id: String,
    pub(crate) version: Version,
    /// What is to be sent on the connection.
    pub(crate) output: Vec<u8>,
    /// Whether the broker has said that there is a session.
    is_known: bool,
    /// Not acknowledged, in the order in which it was begun [MQTT-4.6.0-1].
    in_flight: BTreeMap<u64, InFlight>,
    begun: u64,
    packet_id: u16,
    /// Packet ids of QoS 2 messages that were received and are not released.
    received: HashSet<u16>,
    /// Acknowledged subscriptions, for a broker that has lost them.
    subscriptions: BTreeMap<String, u8>,
}

struct InFlight {
    packet_id: u16,
    command: Command,
    /// A QoS 2 message that the broker has, and that is to be released.
    is_release: bool,
    was_sent: bool,
}

impl Session {
    pub(crate) fn new(client_id: &str, version: Version) -> Session {
        Session {
            client_id: client_id.to_owned(),
            version,
            output: Vec::new(),
            is_known: false,
            in_flight: BTreeMap::new(),
            begun: 0,
            packet_id: 0,
            received: HashSet::new(),
            subscriptions: BTreeMap::new(),
        }
    }

    /// Whether one more command may be begun.
    pub(crate) fn has_room(&self) -> bool {
        self.in_flight.len() < WINDOW
    }

    /// Begins a command.
    pub(crate) fn ask(&mut self, command: Command) {
        let taken: HashSet<u16> = self
            .in_flight
            .values()
            .map(|other| other.packet_id)
            .collect();
        while self.packet_id == 0 || taken.contains(&self.packet_id) {
            self.packet_id = self.packet_id.wrapping_add(1);
        }
        let mut begun = InFlight {
            packet_id: self.packet_id,
            command,
            is_release: false,
            was_sent: false,
        };
        self.packet_id = self.packet_id.wrapping_add(1);
        begun.send(self.version, &mut self.output);
        self.in_flight.insert(self.begun, begun);
        self.begun += 1;
    }

    /// CONNACK has come, or what should be one.
    pub(crate) fn connected(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        let id = &self.client_id;
        let [is_present, 0, ..] = *frame.body else {
            return Err(format!("`{id}` was refused: {frame:x?}"));
        };
        self.output.clear();
        let was_lost = self.is_known && is_present == 0;
        self.is_known = true;
        if was_lost {
            self.begin_anew();
            return Err(format!("the session of `{}` is lost", self.client_id));
        }
        Ok(())
    }

    /// Sends again what was not acknowledged, in its order [MQTT-4.4.0-1].
    pub(crate) fn resume(&mut self) {
        for waiting in self.in_flight.values_mut() {
            waiting.send(self.version, &mut self.output);
        }
    }

    /// The broker has lost the session: what it has not acknowledged is sent to it as new.
    fn begin_anew(&mut self) {
        self.received.clear();
        let waiting = std::mem::take(&mut self.in_flight);
        let lost = std::mem::take(&mut self.subscriptions);
        for (filter, qos) in lost {
            self.ask(Command::Subscribe(filter, qos));
        }
        for waiting in waiting.into_values() {
            self.ask(waiting.command);
        }
        // It is sent when the session is resumed.
        self.output.clear();
        for waiting in self.in_flight.values_mut() {
            waiting.was_sent = false;
        }
    }

    /// A message has come. Answers it; whether it is a new one.
    pub(crate) fn delivered(&mut self, delivery: &Delivery<'_>) -> bool {
        match delivery.qos {
            0 => true,
            1 => {
                frames::acknowledge(&mut self.output, PUBACK, delivery.packet_id);
                true
            }
            _ => {
                frames::acknowledge(&mut self.output, PUBREC, delivery.packet_id);
                self.received.insert(delivery.packet_id)
            }
        }
    }

    /// Any other packet has come; gives the command that it finishes.
    pub(crate) fn answered(&mut self, frame: &Frame<'_>) -> Result<Option<Command>, String> {
        if frame.first >> 4 == 14 {
            return Err(format!("`{}` is disconnected: {frame:x?}", self.client_id));
        }
        let packet_id = frame.packet_id();
        if frame.first == PUBREL {
            self.received.remove(&packet_id);
            frames::acknowledge(&mut self.output, PUBCOMP, packet_id);
            return Ok(None);
        }
        let mut waiting = self.in_flight.iter_mut();
        let Some((&key, waiting)) = waiting.find(|(_, waiting)| waiting.packet_id == packet_id)
        else {
            return Err(format!(
                "`{}` has nothing for this to acknowledge: {frame:x?}",
                self.client_id
            ));
        };
        match waiting.expects() {
            PUBREC if frame.first == PUBREC && frame.reason() < REFUSED => {
                waiting.is_release = true;
                waiting.send(self.version, &mut self.output);
                Ok(None)
            }
            PUBCOMP if frame.first == PUBREC => {
                frames::acknowledge(&mut self.output, PUBREL, packet_id);
                Ok(None)
            }
            expected if expected == frame.first => self.finish(key, frame),
            _ => Err(format!(
                "`{}` expects another answer than {frame:x?}",
                self.client_id
            )),
        }
    }

    fn finish(&mut self, key: u64, frame: &Frame<'_>) -> Result<Option<Command>, String> {
        let done = self.in_flight.remove(&key).expect("it was just found");
        let reason = match frame.first {
            PUBACK | PUBREC | PUBCOMP => frame.reason(),
            // UNSUBACK has no reason in 3.1.1.
            UNSUBACK if self.version == Version::V311 => 0,
            _ => frame.body.last().copied().unwrap_or_default(),
        };
        let is_known_release = frame.first == PUBCOMP && reason == UNKNOWN_PACKET_ID;
        if reason >= REFUSED && !is_known_release {
            let refused = format!("`{}` is refused something: {frame:x?}", self.client_id);
            self.ask(done.command);
            return Err(refused);
        }
        match &done.command {
            Command::Subscribe(filter, qos) => {
                self.subscriptions.insert(filter.clone(), *qos);
            }
            Command::Unsubscribe(filter) => {
                self.subscriptions.remove(filter);
            }
            Command::Publish(_) => {}
        }
        Ok(Some(done.command))
    }
}

impl InFlight {
    /// First byte of the packet that answers this one.
    fn expects(&self) -> u8 {
        match &self.command {
            Command::Publish(_) if self.is_release => PUBCOMP,
            Command::Publish(message) if message.qos == 2 => PUBREC,
            Command::Publish(_) => PUBACK,
            Command::Subscribe(..) => SUBACK,
            Command::Unsubscribe(_) => UNSUBACK,
        }
    }

    fn send(&mut self, version: Version, output: &mut Vec<u8>) {
        let packet_id = self.packet_id;
        match &self.command {
            Command::Publish(_) if self.is_release => {
                frames::acknowledge(output, PUBREL, packet_id);
            }
            Command::Publish(message) => {
                frames::publish(output, version, &message.publish(packet_id, self.was_sent));
            }
            Command::Subscribe(filter, qos) => {
                frames::subscribe(output, version, packet_id, filter, *qos);
            }
            Command::Unsubscribe(filter) => {
                frames::unsubscribe(output, version, packet_id, filter);
            }
        }
        self.was_sent = true;
    }
}

impl Outgoing {
    fn publish(&self, packet_id: u16, was_sent: bool) -> Publish<'_> {
        Publish {
            topic: &self.topic,
            payload: &self.payload,
            qos: self.qos,
            packet_id,
            retain: matches!(self.subject, Subject::Retained(_)),
            dup: was_sent,
        }
    }
}
