//! Every bound of the host, with its unit and the reason for its value.
//!
//! Three kinds: what the listeners accept, what one invocation may use (defaults that a manifest may change, and the
//! maxima it may not pass), and what the host keeps. A bound that is met answers with an error that names it; the
//! place that enforces it says which.

use std::time::Duration;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

// === HTTP listeners ===

/// Connections held open at once by one HTTP listener. Beyond it, accepting waits: the kernel's backlog is the queue.
pub const HTTP_CONNECTIONS_MAX: usize = 1024;
/// Time for a client to send a complete request head, and for a fresh connection to send its first one (slowloris).
pub const HTTP_HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without any byte from the client while its request body is awaited.
pub const HTTP_BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection that is being closed waits for more to discard.
pub const LINGER_IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it discards in all.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that a connection that is being closed discards, so that its client gets to read the answer.
pub const LINGER_BYTES_MAX: usize = 64 * MIB as usize;
/// Bytes of one HTTP/2 header list and, about, of one HTTP/1 request head: hyper looks after each read. (Of header
/// lines, it takes 100.)
pub const HTTP_HEADER_BYTES_MAX: usize = 64 * KIB as usize;
/// Concurrent streams of one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 64;
/// Bytes of one admin API request body other than an upload.
pub const ADMIN_BODY_BYTES_MAX: usize = MIB as usize;

// === MQTT ===

// What clients and messages may take is in the broker's own limits.

/// Time that a message may wait and be tried, from its arrival on, before it becomes a dead letter.
pub const MESSAGE_DEADLINE_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The most for [`MESSAGE_DEADLINE_DEFAULT`]'s setting.
pub const MESSAGE_DEADLINE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

// === Devices ===

/// Devices of one host: all are held in memory, and a host has no more connections than that.
pub const DEVICES_MAX: usize = 20_000;
/// Devices in one page of a listing.
pub const DEVICES_PAGE: usize = 1000;
/// Filters that one device may publish to, and as many that it may subscribe to: each message is held against them.
pub const DEVICE_FILTERS_MAX: usize = 64;
/// Names in client certificates that stand for one device.
pub const DEVICE_CERTIFICATES_MAX: usize = 8;
/// Bytes of one of them.
pub const CERTIFICATE_NAME_BYTES_MAX: usize = 256;
/// Bytes of a token that is a device's password; longer ones are not looked at.
pub const DEVICE_TOKEN_BYTES_MAX: usize = 8 * KIB as usize;
/// MQTT connections that one address may make in a second, once it has used up [`CONNECTS_BURST`]; one more is told to
/// come back later. Addresses of this machine may make any number: they are trusted, and bridges and tests make many.
pub const CONNECTS_PER_SECOND: u32 = 100;
/// MQTT connections that one address may make at once: all devices of a site, behind one address, after a power cut.
pub const CONNECTS_BURST: u32 = 1000;
/// Wrong passwords for one user name that one address may give in a minute, and at once. Beyond it not even the right one
/// is looked at. From this machine as well: what guesses here guesses for somebody else.
pub const WRONG_PASSWORDS_PER_MINUTE: u32 = 10;
/// The same for all user names of one address together. More, so that one device with a wrong password does not lock out
/// the others behind its address; nobody guesses 160 bits with it.
pub const WRONG_PASSWORDS_OF_ADDRESS_PER_MINUTE: u32 = 300;
/// Addresses, and addresses with user names, whose attempts are counted. Beyond it those are forgotten that were quiet
/// for longest.
pub const ATTEMPTS_REMEMBERED: usize = 20_000;

// === Schedules ===

/// Bytes of a cron expression; the longest that say something are lists of all minutes.
pub const CRON_BYTES_MAX: usize = 256;
/// Passed-over ticks that are counted for the tick that runs in their place. Bounds the work after a long downtime.
pub const MISSED_TICKS_COUNTED: u32 = 10_000;
/// Hours that the clock may be set back and ticks that ran are not run again. A clock that is set back further was
/// wrong before, and schedules are not to stand still until it shows that time again.
pub const CLOCK_SET_BACK_MAX_HOURS: i64 = 3;
/// How long schedules wait at most before they look at the clock again, which may have been set.
pub const CLOCK_CHECK_PERIOD: Duration = Duration::from_secs(60);

/// Times to come that are shown of a schedule.
pub const NEXT_RUNS_SHOWN: usize = 5;

// === Calls within an app ===

/// Functions that an event may have passed through when the last of them calls another one of its app. Stops loops;
/// messages that functions publish count as well (see [`tidegate_broker::limits::HOPS_MAX`]).
pub const APP_CALLS_DEPTH_MAX: u32 = 8;
/// Time that a call within an app waits for room in the pool, of which its caller holds some; less where the called
/// function's time limit passes before.
pub const APP_CALL_ROOM_TIMEOUT: Duration = Duration::from_secs(1);

// === Deploying ===

/// Bytes of an uploaded component. A Rust component has 0.1 to 4 MiB, one with a JavaScript engine about 12, one with
/// CPython 18 and with a few packages twice that.
pub const COMPONENT_BYTES_MAX: usize = 64 * MIB as usize;
/// Uploads that are received, looked into and compiled at once; others wait. Each is held in memory as a whole.
pub const UPLOADS_AT_ONCE: usize = 2;
/// Time that an upload waits for its turn before it is refused.
pub const UPLOAD_TURN_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for all of an upload to arrive: enough for the largest one at 4 Mbit/s.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Bytes of a manifest, all parts of it together.
pub const MANIFEST_BYTES_MAX: usize = 64 * KIB as usize;
/// Revisions kept of a function; the active one always is.
pub const REVISIONS_KEPT: u32 = 10;
/// Wall clock for compiling one component, in a process of its own that gets what functions leave of the processor.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(300);
/// Processor time for it, of all cores together.
pub const COMPILE_CPU_MAX: Duration = Duration::from_secs(240);
/// Memory for compiling one component. A 3 MB component takes about 140 MB.
pub const COMPILE_MEMORY_BYTES_MAX: u64 = 2048 * MIB;
/// Bytes that are made of one upload: native code has three to five times the size of its component.
pub const COMPILED_BYTES_MAX: u64 = 512 * MIB;
/// Bytes of what may be said about an upload that nothing can be made of.
pub const COMPLAINT_BYTES_MAX: usize = 16 * KIB as usize;
/// Compiled components that are kept of dry runs, for the deployments that follow. One more displaces the oldest, which
/// is then compiled again.
pub const DRY_RUNS_KEPT: usize = 16;
/// MQTT triggers of one function, and schedules.
pub const TRIGGERS_MAX: usize = 64;
/// HTTP routes of one function. Sites that have moved redirect from a few hundred, which a manifest has room for; a
/// deployment compares each with all that there are.
pub const ROUTES_MAX: usize = 512;

/// Environment variables of one function.
pub const ENVIRONMENT_MAX: usize = 256;
/// Bytes of the names and values of one function's environment variables: a guest copies them all when it starts.
pub const ENVIRONMENT_BYTES_MAX: usize = 32 * KIB as usize;
/// Files of one function.
pub const FILES_MAX: usize = 1000;
/// Bytes of all files of one function. They are held in memory while they are uploaded.
pub const FILES_BYTES_MAX: usize = 64 * MIB as usize;
/// Bytes of a file's path as the guest sees it.
pub const FILE_PATH_BYTES_MAX: usize = 512;
/// Directories of a file's path, and the file.
pub const FILE_PATH_SEGMENTS_MAX: usize = 32;

/// Time after a component could not be loaded for which its events get the same error, and it is not tried again. What
/// took longer to fail is left alone for as long as it took.
pub const LOAD_RETRY_PAUSE_MIN: Duration = Duration::from_secs(5);

// === One invocation: defaults, and the most that a manifest may ask for ===

/// Wall clock from an invocation's beginning, once it has its place and room in the pool, to the guest's end. A request
/// waits for these for as long at most, and is turned away then; messages and ticks wait however long it takes.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// The most for [`TIMEOUT_DEFAULT`]'s setting.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// Time that the guest itself computes.
pub const CPU_DEFAULT: Duration = Duration::from_secs(5);
/// The most for [`CPU_DEFAULT`]'s setting.
pub const CPU_MAX: Duration = Duration::from_secs(60);
/// All linear memories of an instance together, in bytes.
pub const MEMORY_BYTES_DEFAULT: u64 = 64 * MIB;
/// The most for [`MEMORY_BYTES_DEFAULT`]'s setting; also the size of a memory slot in the instance pool.
pub const MEMORY_BYTES_MAX: u64 = 256 * MIB;
/// Invocations of one function at once.
pub const CONCURRENCY_DEFAULT: u32 = 64;
/// The most for [`CONCURRENCY_DEFAULT`]'s setting.
pub const CONCURRENCY_MAX: u32 = 1000;
/// Events of one function that wait for their turn.
pub const QUEUE_DEFAULT: u32 = 1000;
/// The most for [`QUEUE_DEFAULT`]'s setting.
pub const QUEUE_MAX: u32 = 100_000;
/// Bytes of a request body that one invocation may read.
pub const REQUEST_BYTES_DEFAULT: u64 = 8 * MIB;
/// The most for [`REQUEST_BYTES_DEFAULT`]'s setting.
pub const REQUEST_BYTES_MAX: u64 = 1024 * MIB;
/// Bytes of a response body that one invocation may write.
pub const RESPONSE_BYTES_DEFAULT: u64 = 8 * MIB;
/// The most for [`RESPONSE_BYTES_DEFAULT`]'s setting.
pub const RESPONSE_BYTES_MAX: u64 = 1024 * MIB;
/// Bytes of log output kept of one invocation; what comes after is counted and dropped.
pub const LOG_BYTES_DEFAULT: u64 = 64 * KIB;
/// The most for [`LOG_BYTES_DEFAULT`]'s setting.
pub const LOG_BYTES_MAX: u64 = MIB;
/// Deliveries of one MQTT message before it is given up.
pub const ATTEMPTS_DEFAULT: u32 = 3;
/// The most for [`ATTEMPTS_DEFAULT`]'s setting.
pub const ATTEMPTS_MAX: u32 = 10;

// === One invocation: fixed ===

/// Elements of one table. The indirect calls of a large language runtime need some 10,000.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Instances at once of components of the asynchronous ABI (WASI 0.3), which have a pool of their own.
pub const ASYNC_INSTANCES_MAX: u32 = 256;
/// Core instances, linear memories and tables of one component instance.
pub const CORE_INSTANCES_MAX: u32 = 20;
/// See [`CORE_INSTANCES_MAX`].
pub const MEMORIES_MAX: u32 = 4;
/// See [`CORE_INSTANCES_MAX`].
pub const TABLES_MAX: u32 = 8;
/// Handles that a guest may hold at once, and host resources behind them.
pub const HANDLES_MAX: usize = 1000;
/// Handles that calls may lend on top of [`HANDLES_MAX`], so that a guest that holds as many can still use them.
pub const HANDLES_LENT_MAX: usize = 16;
/// Bytes that one host call may copy out of the guest: bounds what a small call can make the host allocate.
pub const HOSTCALL_BYTES_MAX: usize = 8 * MIB as usize;
/// Bytes that one invocation may have in asynchronous calls at once: what they were given, and rows left unread in
/// streams. As much as one host call may copy.
pub const UNDER_WAY_BYTES_MAX: usize = HOSTCALL_BYTES_MAX;
/// Bytes of one `get-random-bytes` call.
pub const RANDOM_BYTES_MAX: u64 = 64 * KIB;
/// Bytes of one set of header fields made by a guest, as counted by wasmtime-wasi-http (names, values, overhead).
pub const FIELDS_BYTES_MAX: usize = 32 * KIB as usize;
/// Bytes of one write to a response body.
pub const RESPONSE_CHUNK_BYTES_MAX: usize = 64 * KIB as usize;
/// Bytes of one log line; a longer one is cut.
pub const LOG_LINE_BYTES_MAX: usize = 4 * KIB as usize;
/// Bytes of what is kept of the reason why an invocation failed: a backtrace, or an error in the guest's words.
pub const OUTCOME_REASON_BYTES_MAX: usize = 8 * KIB as usize;
/// Bytes of the header block that a CGI program writes before its body.
pub const CGI_HEAD_BYTES_MAX: usize = 32 * KIB as usize;
/// Bytes that a CGI program's standard input and standard output buffer.
pub const CGI_BUFFER_BYTES: usize = 64 * KIB as usize;
/// How often a computing guest yields, and the grain of its CPU time.
pub const EPOCH_TICK: Duration = Duration::from_millis(2);
/// CPU time beyond which an invocation takes turns with others like it: what it has before it yields for the first time.
pub const SHORT_CPU_TIME: Duration = EPOCH_TICK;
/// Bytes of native stack that a guest's calls may use.
pub const WASM_STACK_BYTES: usize = 512 * KIB as usize;

// === Outbound connections ===

/// Outbound connections of one revision of a function at once, those kept open for its next request among them; one
/// more waits for its turn as long as a connection may take to come about.
pub const OUTBOUND_FUNCTION_CONNECTIONS_MAX: usize = 128;
/// Outbound connections of all functions at once: an open file each.
pub const OUTBOUND_CONNECTIONS_MAX: usize = 1024;
/// Names that are being looked up at once, each on a thread; the others wait.
pub const OUTBOUND_LOOKUPS_MAX: usize = 32;
/// Names that one function looks up at once: servers that do not answer are to hold up nobody else.
pub const OUTBOUND_FUNCTION_LOOKUPS_MAX: usize = 4;
/// Addresses of one name that are tried, of what may be hundreds.
pub const OUTBOUND_ADDRESSES_MAX: usize = 16;
/// Time for an outbound connection: its turn, the lookup of the name, TCP and TLS. A guest may ask for less.
pub const OUTBOUND_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without any byte of an awaited response: no more than the longest invocation has. A guest may ask for less.
pub const OUTBOUND_READ_TIMEOUT: Duration = TIMEOUT_MAX;
/// Idle HTTP connections that are kept for one destination of one function.
pub const OUTBOUND_IDLE_PER_DESTINATION: usize = 8;
/// How long an idle HTTP connection is kept: less than most servers keep theirs.
pub const OUTBOUND_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the head of one response, or one of its parts that must lie in memory at once.
pub const OUTBOUND_HEAD_BYTES_MAX: usize = 64 * KIB as usize;
/// Time for another broker to take, acknowledge or complete one message of a function, connecting included.
pub const OUTBOUND_MQTT_TIMEOUT: Duration = Duration::from_secs(15);

// === Secrets ===

/// Bytes of one secret: a key, a token, a certificate chain.
pub const SECRET_BYTES_MAX: usize = 64 * KIB as usize;
/// Secrets of one host: all are held in memory.
pub const SECRETS_MAX: usize = 1000;

// === Key-value state ===

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 1024;
/// Bytes of a value.
pub const VALUE_BYTES_MAX: usize = MIB as usize;
/// Keys in one batch call.
pub const BATCH_KEYS_MAX: usize = 1000;
/// Bytes of all keys and values of one bucket. Beyond it nothing is stored until something is deleted.
pub const BUCKET_BYTES_MAX: u64 = 256 * MIB;
/// Keys that a listing by position may skip: each is read for it, from its bucket's beginning.
pub const LIST_KEYS_SKIPPED_MAX: u64 = 100_000;
/// Keys in one page of a listing.
pub const LIST_KEYS_PAGE: u32 = 1000;
/// The longest that a key may be kept before it is gone by itself. What is to stay longer is to stay.
pub const KEY_TTL_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How often keys whose time has come are taken off the disk. Nobody sees them until then either.
pub const KEY_SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Keys that are taken off the disk in one write: other writes are not to wait for more.
pub const KEYS_SWEPT_AT_ONCE: usize = 100;
/// Keys that a stream of keys reads ahead of its reader. A guest may hold many streams, so that this is little.
pub const STREAM_KEYS_PAGE: u32 = 64;

// === SQL databases of functions ===

/// Bytes of one database file. Its write-ahead log comes on top: see [`SQL_LOG_BYTES_MAX`].
pub const SQL_DATABASE_BYTES_MAX: u64 = 64 * MIB;
/// Bytes of one database's write-ahead log. Beyond it nothing is written until the log could be taken in, which a
/// transaction that stays open prevents.
pub const SQL_LOG_BYTES_MAX: u64 = 64 * MIB;
/// Databases that one function may be granted: each may take [`SQL_DATABASE_BYTES_MAX`] of the disk.
pub const SQL_DATABASES_GRANTED_MAX: usize = 16;
/// Connections to databases that are open at once, each with a thread of its own, those that wait for the next
/// statement among them. One more takes the place of one that waits.
pub const SQL_CONNECTIONS_MAX: usize = 64;
/// Connections to one database that are in use at once; one more waits for its turn.
pub const SQL_CONNECTIONS_PER_DATABASE: usize = 6;
/// Connections of one function that are in use at once: with a statement, an open transaction, a temporary table. One
/// more waits for its turn. Of those of all functions, it is not much.
pub const SQL_CONNECTIONS_PER_FUNCTION: usize = 8;
/// Time without a statement after which a connection with something of a function's on it is taken back: a transaction
/// that is forgotten is not to be in the way of others.
pub const SQL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that compute at once, for each processor: one may have to wait for the disk. Half of them may be of one
/// function. The others wait for their turn.
pub const SQL_TURNS_PER_PROCESSOR: usize = 2;
/// Time that a statement computes at a stretch while others wait for their turn.
pub const SQL_TURN: Duration = Duration::from_millis(20);
/// Time after which a statement that did not look at the clock has its turn no more as far as other functions go.
pub const SQL_TURN_MAX: Duration = Duration::from_millis(250);
/// Time that one statement may take, from its start to its last row, while it waits for its turn as well.
pub const SQL_STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time after [`SQL_STATEMENT_TIMEOUT`] after which nobody waits for a statement any more that did not end: SQLite looks
/// at the clock between rows, and one row, or a disk, may take long.
pub const SQL_OVERDUE: Duration = Duration::from_secs(5);
/// Time for which a statement waits for another function's transaction, and for a free connection.
pub const SQL_BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of one result, as it is held in memory.
pub const SQL_RESULT_BYTES_MAX: usize = 4 * MIB as usize;
/// Rows of one result.
pub const SQL_ROWS_MAX: usize = 50_000;
/// Bytes of one SQL text.
pub const SQL_TEXT_BYTES_MAX: usize = 64 * KIB as usize;
/// Bytes of an SQL text that a connection keeps prepared for the next time.
pub const SQL_TEXT_KEPT_BYTES_MAX: usize = 2 * KIB as usize;
/// Bytes of one text or blob, and of one row: they are in memory several times over.
pub const SQL_VALUE_BYTES_MAX: usize = MIB as usize;
/// Parameters of one statement.
pub const SQL_PARAMETERS_MAX: usize = 1000;
/// Bytes of a pattern for LIKE and GLOB, whose time goes with its product with the text.
pub const SQL_PATTERN_BYTES_MAX: usize = 256;
/// Bytes of what is searched times bytes of what is searched for, in functions whose time goes with it and that nothing
/// stops on their way: at most about half a second on a slow machine.
pub const SQL_SEARCH_PRODUCT_MAX: usize = 512 * MIB as usize;
/// Bytes of pages that one connection keeps in memory.
pub const SQL_CACHE_BYTES: u64 = 512 * KIB;
/// Bytes of all temporary tables of one connection; they are in memory.
pub const SQL_TEMPORARY_BYTES_MAX: u64 = 4 * MIB;
/// Bytes that each connection may have in memory in any case: its pages, the schema, a few values. Others cannot take
/// them away.
pub const SQL_CONNECTION_MEMORY_BYTES: usize = 2 * MIB as usize;
/// Bytes that all connections of one function may have beyond [`SQL_CONNECTION_MEMORY_BYTES`]: as much as a database
/// that is sorted, or that is changed as a whole within a transaction.
pub const SQL_FUNCTION_MEMORY_BYTES_MAX: usize = 64 * MIB as usize;
/// Bytes that the connections of all functions may have beyond [`SQL_CONNECTION_MEMORY_BYTES`].
pub const SQL_MEMORY_BYTES_MAX: usize = 192 * MIB as usize;

// === What the host keeps ===

/// Log lines kept of one function, in memory.
pub const LOG_LINES_KEPT: usize = 1000;
/// Invocations kept of one function, in memory.
pub const INVOCATIONS_KEPT: usize = 200;
/// Failed invocations kept of one function beyond [`INVOCATIONS_KEPT`].
pub const FAILURES_KEPT: usize = 100;
/// Bytes kept of one function, in memory: a third of log lines, of invocations and of failures each.
pub const JOURNAL_BYTES_KEPT: usize = MIB as usize;
/// Bytes kept of all functions, in memory: with many of them, each has less.
pub const JOURNALS_BYTES_KEPT: usize = 48 * MIB as usize;
/// Calls of capabilities that are recorded of one invocation; those beyond are counted.
pub const CALLS_RECORDED_MAX: usize = 64;
/// Bytes of what a recorded call is about, or of why it failed; a longer text is cut.
pub const CALL_DETAIL_BYTES_MAX: usize = 256;
/// Bytes of an event's description; a longer one is cut.
pub const EVENT_BYTES_MAX: usize = 256;
/// Log lines that are kept with the record of their invocation, the last ones.
pub const RECORD_LINES_KEPT: usize = 50;
/// Bytes of the log lines that are kept with the record of their invocation.
pub const RECORD_LINE_BYTES_KEPT: usize = 16 * KIB as usize;
/// Minutes for which is known how often a function ran and how long it took.
pub const ACTIVITY_MINUTES: usize = 60;
/// Bytes of a `tracestate`; a longer one is not passed on (W3C Trace Context, section 3.3.1.5).
pub const TRACE_STATE_BYTES_MAX: usize = 512;
/// Events of the live feed that are kept for slow readers and those that come back.
pub const LIVE_EVENTS_KEPT: usize = 16_384;
/// Bytes of these events, about.
pub const LIVE_BYTES_KEPT: usize = 8 * MIB as usize;
/// Bytes of free disk under which the host says that there is little left.
pub const DISK_LOW_BYTES: u64 = 64 * MIB;
/// Time for which a write that could not be stored counts as a problem of the host.
pub const STORAGE_FAILURE_TOLD: Duration = Duration::from_secs(10);
/// Events that a reader of the live feed takes at once.
pub const LIVE_EVENTS_TAKEN: usize = 256;
/// Bytes of a filter of the host's own log.
pub const LOG_FILTER_BYTES_MAX: usize = KIB as usize;
/// Lines of the host's own log that may wait to be written; those beyond are dropped.
pub const HOST_LOG_LINES_WAITING: usize = 8192;
/// Lines or events that a slow reader of a live stream may fall behind before it misses some (and is told so).
pub const LIVE_BACKLOG: usize = 1024;
/// Jobs waiting for the database writer. Beyond it, writers wait their turn.
pub const WRITER_QUEUE: usize = 1024;
/// Writes committed together at most.
pub const WRITER_GROUP_MAX: usize = 256;
/// Time after which a group of writes takes in no more: the others wait for all of it.
pub const WRITER_GROUP_TIME: Duration = Duration::from_millis(20);
/// Read-only database connections.
pub const DATABASE_READERS: usize = 4;
/// How many of [`DATABASE_READERS`] functions may use at once: deploying and loading are not to wait for them.
pub const DATABASE_READERS_OF_FUNCTIONS: usize = 3;
/// Time for what runs to finish after SIGTERM.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for which the dashboard link printed at first start signs its reader in.
pub const LOGIN_LINK_TTL: Duration = Duration::from_secs(3600);
