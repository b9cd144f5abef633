-- Files that functions read: once each, by the SHA-256 of their bytes. A revision's manifest says which file is at
-- which path; the references are there so that a file is kept for as long as some revision has it.

CREATE TABLE file (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE revision_file (
    function TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL REFERENCES file (digest),
    PRIMARY KEY (function, number, digest),
    FOREIGN KEY (function, number) REFERENCES revision (function, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX revision_file_digest ON revision_file (digest);
