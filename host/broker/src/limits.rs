//! Every bound of the broker, with its unit and the reason for its value. What the operator or a manifest may change is in
//! [`crate::Settings`]; these are its defaults and what nobody may pass.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

// === Packets ===

/// Bytes of one packet from a client: a payload of [`PAYLOAD_BYTES_MAX`], its topic and its properties. Announced to MQTT
/// 5 clients as the server's maximum packet size.
pub const PACKET_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 72 * KIB;
/// Bytes of a CONNECT packet: a will message of 64 KiB at most, a token as password, properties. With
/// [`UNAUTHENTICATED_PER_ADDRESS_MAX`] it bounds what strangers of one network can take to 16 MiB.
pub const CONNECT_BYTES_MAX: usize = 128 * KIB;
/// Bytes of one message's payload, from a client or a function.
pub const PAYLOAD_BYTES_MAX: usize = 256 * KIB;
/// Bytes of a topic name or filter [MQTT-4.7.3-3 allows 65,535]; long ones only serve to fill memory.
pub const TOPIC_BYTES_MAX: usize = 1024;
/// Levels of a topic name or filter.
pub const TOPIC_LEVELS_MAX: usize = 32;
/// User properties of one packet. Each costs two allocations; a packet of nothing else would cost tens of milliseconds.
pub const USER_PROPERTIES_MAX: usize = 128;
/// Bytes of the properties of a message from a function; no text of them is longer than a packet can have it.
pub const PROPERTIES_BYTES_MAX: usize = 65_535;
/// Filters in one SUBSCRIBE or UNSUBSCRIBE packet.
pub const FILTERS_PER_PACKET_MAX: usize = 256;

// === Connections ===

/// Connections held at once; one more is told that the server is busy.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Time for a fresh connection to send its CONNECT packet, TLS and WebSocket handshakes included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections in TLS or WebSocket handshakes or before their CONNECT, or that are told why they are refused, of one
/// address; of one network of 64 bits, with IPv6.
pub const UNAUTHENTICATED_PER_ADDRESS_MAX: usize = 128;
/// The same, of all addresses together.
pub const UNAUTHENTICATED_MAX: usize = 1024;
/// Keep-alive that the server asks of MQTT 5 clients with a longer one (server keep alive), in seconds.
pub const KEEP_ALIVE_SECONDS_MAX: u16 = 3600;
/// Silence after which the kernel asks whether a client is still there.
pub const TCP_KEEP_ALIVE: Duration = Duration::from_secs(120);
/// Time for a connection that is being closed to take what says why, and to close itself.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// Unsent bytes beyond which nothing is read from a connection, and nothing is taken from its session's queue.
pub const UNSENT_BYTES_MAX: usize = 64 * KIB;
/// Messages of a client that are not acknowledged yet beyond which nothing is read from its connection. Announced to MQTT
/// 5 clients as the server's receive maximum.
pub const RECEIVE_MAX: u16 = 256;
/// Bytes of those of them that wait for room in an inbox.
pub const PARKED_BYTES_MAX: usize = MIB;
/// Time that a message waits for room in an inbox before an MQTT 5 publisher is told that its quota is exceeded.
pub const PARKED_TIMEOUT: Duration = Duration::from_secs(10);
/// Topic aliases of one direction of one connection.
pub const TOPIC_ALIASES_MAX: u16 = 64;

// === Sessions ===

/// Bytes of a client id [MQTT-3.1.3-5 asks for 23].
pub const CLIENT_ID_BYTES_MAX: usize = 256;
/// Sessions that are kept, with and without a connection.
pub const SESSIONS_MAX: usize = 50_000;
/// Of one identity: a device that uses ever new client ids is to keep nobody else out.
pub const SESSIONS_PER_IDENTITY_MAX: usize = 1000;
/// Subscriptions of one session.
pub const SUBSCRIPTIONS_MAX: usize = 1000;
/// Messages sent to one client and not acknowledged; a client may ask for less (receive maximum).
pub const INFLIGHT_MAX: u16 = 256;
/// Messages that wait for one session, or that it has not acknowledged to the end; a further one is dropped and counted, so that a client that does not come back
/// holds up nobody.
pub const SESSION_QUEUE_MAX: usize = 10_000;
/// Bytes of them.
pub const SESSION_QUEUE_BYTES_MAX: usize = 4 * MIB;
/// Bytes of the messages that wait for all sessions together; a message that several wait for counts for each.
pub const SESSIONS_QUEUE_BYTES_MAX: usize = 64 * MIB;
/// Bytes of them that the sessions of one identity have at most, so that others have room.
pub const IDENTITY_QUEUE_BYTES_MAX: usize = SESSIONS_QUEUE_BYTES_MAX / 2;
/// Time without an acknowledgement after which a member of a shared subscription is taken for stuck: what waits for it goes
/// to others.
pub const STUCK_AFTER: Duration = Duration::from_secs(2);
/// The longest session expiry interval that is granted, in seconds: what expires never would stay for ever.
pub const SESSION_EXPIRY_SECONDS_MAX: u32 = 90 * 24 * 3600;

// === Retained messages ===

/// Retained messages.
pub const RETAINED_MAX: usize = 100_000;
/// Bytes of them, in memory and on disk.
pub const RETAINED_BYTES_MAX: usize = 64 * MIB;

// === Inboxes of functions ===

/// Bytes of the messages that wait for one function, or that it is handling.
pub const INBOX_BYTES_MAX: usize = 8 * MIB;
/// Bytes of those of all functions together.
pub const INBOXES_BYTES_MAX: usize = 64 * MIB;
/// Dead letters kept of one function; a further one displaces the oldest.
pub const DEAD_LETTERS_MAX: usize = 1000;
/// Functions that one message may pass through, each publishing what starts the next. Stops loops.
pub const HOPS_MAX: u32 = 8;

// === The spool ===

/// How long what must survive waits for company before it is committed, by default. What is handled within it never
/// touches the disk.
pub const COMMIT_DELAY_DEFAULT: Duration = Duration::from_millis(5);
/// The most for [`COMMIT_DELAY_DEFAULT`]'s setting: publishers wait for it.
pub const COMMIT_DELAY_MAX: Duration = Duration::from_secs(1);
/// Changes that wait for a commit before those among them that have become needless are looked for.
pub const SIFT_AT_LEAST: usize = 4096;
/// How long what may be lost (that a message was handled) waits at most before it is committed.
pub const SETTLED_DELAY: Duration = Duration::from_millis(200);
/// The longest wait before a commit that failed (the disk is full) is tried again.
pub const COMMIT_RETRY_MAX: Duration = Duration::from_secs(2);

// === An external broker in the embedded one's place ===

/// Keep-alive of connections to it, in seconds: how soon one that died without a word is noticed, about. The broker may ask
/// for another one.
pub const UPSTREAM_KEEP_ALIVE_SECONDS: u16 = 20;
/// Time for a connection to it: name, TCP, TLS and CONNACK.
pub const UPSTREAM_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait before it is tried again after the first failure; it doubles with each further one.
pub const UPSTREAM_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such wait.
pub const UPSTREAM_PAUSE_MAX: Duration = Duration::from_secs(30);
/// A connection that lasted this long was a good one: the next failure is a first one again.
pub const UPSTREAM_STABLE_AFTER: Duration = Duration::from_secs(10);
/// Messages from it that are not acknowledged yet, those among them that wait for room in an inbox: the receive maximum that
/// is announced to it.
pub const UPSTREAM_RECEIVE_MAX: u16 = RECEIVE_MAX;
/// Bytes of them, for a broker that does not keep to it.
pub const UPSTREAM_UNACKNOWLEDGED_BYTES_MAX: usize = 128 * MIB;
/// How long a deployment waits for its subscriptions to be granted.
pub const UPSTREAM_SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the external broker keeps what waits for a host that is away, by default.
pub const UPSTREAM_SESSION_EXPIRY_DEFAULT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Messages of functions that wait for the external broker's acknowledgement, or for a connection to it; one more is
/// refused.
pub const UPSTREAM_QUEUE_MAX: usize = 1000;
/// Bytes of them.
pub const UPSTREAM_QUEUE_BYTES_MAX: usize = 8 * MIB;
/// How long the publishing side's session is kept while its connection is down, in seconds: what is in flight is completed
/// within, or published anew.
pub const UPSTREAM_PUBLISHER_EXPIRY_SECONDS: u32 = 3600;
/// Retained messages of a new filter have all come when none has come for this long: nothing else tells.
pub const UPSTREAM_RETAINED_QUIET: Duration = Duration::from_secs(1);
/// The longest that retained messages of one filter are waited for.
pub const UPSTREAM_RETAINED_TIMEOUT: Duration = Duration::from_secs(60);
