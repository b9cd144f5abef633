//! What must survive, and the interface of what keeps it.
//!
//! The broker holds everything in memory and tells its [`Store`] of each change; after a start it is given back what the
//! store has. Changes come in the order in which they happened, many at a time, and are all applied in one transaction, or
//! none is.

use std::pin::Pin;
use std::sync::Arc;

use crate::message::{Message, QoS};
use crate::topic::TopicFilter;

/// Who takes messages: a session or the inbox of a function. Given out by the broker, counting up, never used again.
pub type TakerId = i64;
/// A message as it was routed: when (milliseconds since 1970, shifted left by 20) and a number that counts up; so that
/// messages are in the order of their ids.
pub type MessageId = i64;
/// What [`Store`]'s methods return.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the store did not do what it was asked, in words: the disk is full, the database is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Keeps what must survive `kill -9` and power loss.
pub trait Store: Send + Sync + 'static {
    /// All there is, at start.
    fn load(&self) -> Answer<'_, Stored>;
    /// Applies these changes in their order, in one transaction, and returns when they are on disk. It may be called again
    /// with the same changes after an error, whatever became of the first call.
    fn commit(&self, changes: Arc<[Change]>) -> Answer<'_, ()>;
    /// Dead letters of this function or, without a name, of all, the newest first, those before this message id only.
    fn dead_letters(
        &self,
        function: Option<String>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Answer<'_, Vec<DeadLetter>>;
    /// One dead letter.
    fn dead_letter(&self, function: String, message: MessageId) -> Answer<'_, Option<DeadLetter>>;
}

/// One change of what is stored.
#[derive(Clone, Debug)]
pub enum Change {
    /// A session as it is now, new or not: everything but its subscriptions and messages.
    Session(SessionRecord),
    /// A session has ended: it goes with its subscriptions, deliveries and packet ids.
    SessionEnded(TakerId),
    /// A subscription as it is now, in place of one of the same session and filter.
    Subscribed(TakerId, SubscriptionRecord),
    /// A session's subscription to this filter (as [`SubscriptionRecord::filter`] has it) has ended.
    Unsubscribed(TakerId, String),
    /// A packet id of a QoS 2 message that was received from a client and is not released yet.
    Received(TakerId, u16),
    /// That packet id was released.
    ReceivedReleased(TakerId, u16),
    /// A retained message, in place of one on the same topic.
    Retained(Message),
    /// There is no retained message on this topic any more.
    RetainedCleared(String),
    /// A message that the deliveries after it refer to; it may be there already. A message goes with the last delivery or
    /// dead letter that refers to it.
    Message(StoredMessage),
    /// A message that waits for a taker, as it is now: in place of one of the same taker and message.
    Delivery(DeliveryRecord),
    /// A taker has handled a message.
    Settled(TakerId, MessageId),
    /// The inbox of a function as it is now: new, or with other filters than before.
    Inbox(InboxRecord),
    /// An inbox is gone, with its deliveries and dead letters.
    InboxGone(TakerId),
    /// A message was given up: its delivery goes, and this comes. Displaces the function's oldest where there are more than
    /// [`crate::limits::DEAD_LETTERS_MAX`].
    DeadLetter(DeadLetterRecord),
    /// A dead letter is gone: it was dropped, or it is tried again (its delivery comes before).
    DeadLetterGone(TakerId, MessageId),
}

/// Everything that is stored but dead letters' messages.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// All sessions.
    pub sessions: Vec<SessionRecord>,
    /// Their subscriptions.
    pub subscriptions: Vec<(TakerId, SubscriptionRecord)>,
    /// Packet ids that were received and are not released.
    pub received: Vec<(TakerId, u16)>,
    /// Retained messages.
    pub retained: Vec<Message>,
    /// Messages that deliveries refer to.
    pub messages: Vec<StoredMessage>,
    /// What waits for its taker, in the order of message ids.
    pub deliveries: Vec<DeliveryRecord>,
    /// All inboxes.
    pub inboxes: Vec<InboxRecord>,
    /// The highest id that a taker has ever had.
    pub taker_max: TakerId,
    /// The highest id of a message that is stored.
    pub message_max: MessageId,
}

/// A session that outlives its connections (MQTT 5, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Who it is among takers.
    pub taker: TakerId,
    /// The client identifier, any text of up to 65,535 bytes.
    pub client_id: String,
    /// The identity that the client id belongs to; none of an anonymous client.
    pub identity: Option<String>,
    /// Seconds that the session is kept without a connection.
    pub expiry_seconds: u32,
    /// When its last connection ended, in milliseconds since 1970; none while it has one.
    pub disconnected_ms: Option<i64>,
    /// The will of its connection that is not published yet, with the seconds that it is delayed.
    pub will: Option<(Message, u32)>,
}

/// One subscription (MQTT 5, section 3.8.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// The filter as the client wrote it, `$share/…` included.
    pub filter: String,
    /// The highest level at which messages are delivered.
    pub qos: QoS,
    /// Not what the client published itself.
    pub no_local: bool,
    /// The retain flag as it was published.
    pub retain_as_published: bool,
    /// Subscription identifier.
    pub identifier: Option<u32>,
}

/// A message and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// The message.
    pub message: Message,
}

/// A message that waits for a taker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Who.
    pub taker: TakerId,
    /// What.
    pub message: MessageId,
    /// The level of the delivery: 1 or 2.
    pub qos: QoS,
    /// The retain flag of the delivery.
    pub retain: bool,
    /// Of a session: identifiers of the subscriptions that matched.
    pub identifiers: Vec<u32>,
    /// Of a session at level 2: the packet id that it has for good.
    pub packet_id: Option<u16>,
    /// Of a session at level 2: whether the client has it and it is to be released (PUBREL) only.
    pub is_released: bool,
    /// Of an inbox: the filter that matched.
    pub filter: Option<TopicFilter>,
    /// Of an inbox: how far it has come.
    pub attempts: AttemptsRecord,
}

/// How often a message was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptsRecord {
    /// Attempts that have failed.
    pub failed: u32,
    /// When the first one began, in milliseconds since 1970.
    pub first_ms: Option<i64>,
    /// When the last one ended.
    pub last_ms: Option<i64>,
    /// When the next one is due.
    pub due_ms: Option<i64>,
    /// Why the last one failed.
    pub reason: Option<String>,
}

/// The inbox of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRecord {
    /// Who it is among takers.
    pub taker: TakerId,
    /// The function's name.
    pub function: String,
    /// The filters whose retained messages it has had.
    pub filters: Vec<TopicFilter>,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRecord {
    /// The function's inbox.
    pub taker: TakerId,
    /// The message.
    pub message: MessageId,
    /// The filter that matched.
    pub filter: TopicFilter,
    /// The level of the delivery.
    pub qos: QoS,
    /// Why it was given up.
    pub reason: String,
    /// Attempts that have failed.
    pub attempts: u32,
    /// When the first one began, in milliseconds since 1970; none where there was no attempt.
    pub first_ms: Option<i64>,
    /// When it was given up.
    pub last_ms: i64,
}

/// A dead letter with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The function.
    pub function: String,
    /// Why, how often and when.
    pub record: DeadLetterRecord,
    /// The message.
    pub message: Message,
}
