-- The first schema: keys of the host, components, revisions, the active revision of each function, the record of
-- deployments, and key-value state.

-- Secrets that the host makes for itself at first start, by what they are for.
CREATE TABLE host_key (
    purpose TEXT PRIMARY KEY,
    key BLOB NOT NULL
) STRICT;

-- Uploaded components, once each, by the SHA-256 of their bytes.
CREATE TABLE component (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- Immutable: a component with its manifest. Numbers count up from 1 for each function.
CREATE TABLE revision (
    function TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL REFERENCES component (digest),
    manifest TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (function, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX revision_digest ON revision (digest);

-- Which revision of a function is active.
CREATE TABLE function (
    name TEXT PRIMARY KEY,
    active_revision INTEGER NOT NULL,
    FOREIGN KEY (name, active_revision) REFERENCES revision (function, number) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- Who made which revision active, and when. Outlives its function.
CREATE TABLE deployment (
    id INTEGER PRIMARY KEY,
    function TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('deploy', 'rollback', 'delete')),
    revision INTEGER,
    actor TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;

-- Key-value state of functions.
CREATE TABLE key_value (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
