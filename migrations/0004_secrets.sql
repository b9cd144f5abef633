-- Secrets: values that functions are granted by name, set through the admin API and never given back by it.
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
