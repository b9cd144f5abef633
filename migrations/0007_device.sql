-- Devices: MQTT clients that the host knows, by name. A device shows that it is one with a password that the host has
-- made, of which only a salted SHA-256 is kept, or with a client certificate that has one of its names in it. What it may
-- do are topic filters. Lists are JSON arrays.
CREATE TABLE device (
    name TEXT PRIMARY KEY,
    salt BLOB NOT NULL,
    digest BLOB NOT NULL,
    publish TEXT NOT NULL,
    subscribe TEXT NOT NULL,
    certificates TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
