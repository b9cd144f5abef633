-- What the MQTT broker has to have again after a start: sessions with their subscriptions, retained messages, messages
-- that wait for sessions or functions, and dead letters. It is all in memory as well: these tables are written all the
-- time and read at start, so that they have small rows, integers for keys, and hardly an index beside them.

-- The highest id that a taker (a session, or the inbox of a function) has ever had: none is used again.
CREATE TABLE broker_taker (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id_max INTEGER NOT NULL
) STRICT;

INSERT INTO broker_taker (only, id_max) VALUES (1, 0);

-- Sessions that outlive their connections, each with the will that is not published yet.
CREATE TABLE broker_session (
    taker INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL,
    identity TEXT,
    expiry_s INTEGER NOT NULL,
    disconnected_ms INTEGER,
    will_topic TEXT,
    will_payload BLOB,
    will_flags INTEGER,
    will_expires_ms INTEGER,
    will_properties TEXT,
    will_delay_s INTEGER
) STRICT;

-- Flags, here and below: bits 0 and 1 are the QoS level; those above them are in host/src/storage/broker/columns.rs.
CREATE TABLE broker_subscription (
    taker INTEGER NOT NULL,
    filter TEXT NOT NULL,
    flags INTEGER NOT NULL,
    identifier INTEGER,
    PRIMARY KEY (taker, filter)
) STRICT, WITHOUT ROWID;

-- Packet ids of QoS 2 messages that were received and are not released yet.
CREATE TABLE broker_received (
    taker INTEGER NOT NULL,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY (taker, packet_id)
) STRICT, WITHOUT ROWID;

-- Payloads may be large, which tables without rowids are not made for.
CREATE TABLE broker_retained (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL UNIQUE,
    payload BLOB NOT NULL,
    flags INTEGER NOT NULL,
    expires_ms INTEGER,
    properties TEXT
) STRICT;

-- Messages that deliveries and dead letters refer to, once each. Ids count up with time.
CREATE TABLE broker_message (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    flags INTEGER NOT NULL,
    expires_ms INTEGER,
    properties TEXT
) STRICT;

-- What waits for whom. By message first: what comes is added at the end, for however many takers, and what goes was next
-- to each other.
CREATE TABLE broker_delivery (
    message INTEGER NOT NULL,
    taker INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    packet_id INTEGER,
    identifiers TEXT,
    filter TEXT,
    failed INTEGER NOT NULL,
    first_ms INTEGER,
    last_ms INTEGER,
    due_ms INTEGER,
    reason TEXT,
    PRIMARY KEY (message, taker)
) STRICT, WITHOUT ROWID;

-- Inboxes of functions, with the filters whose retained messages each has had (a JSON array).
CREATE TABLE broker_inbox (
    taker INTEGER PRIMARY KEY,
    function TEXT NOT NULL,
    filters TEXT NOT NULL
) STRICT;

-- Messages that were given up.
CREATE TABLE broker_dead_letter (
    taker INTEGER NOT NULL,
    message INTEGER NOT NULL,
    filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_ms INTEGER,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (message, taker)
) STRICT, WITHOUT ROWID;

-- Which is the oldest of an inbox, and how many there are. Dead letters are rare enough for an index.
CREATE INDEX broker_dead_letter_taker ON broker_dead_letter (taker);
