-- Keys that are gone by themselves after a while: when, in milliseconds since 1970. NULL is never, and costs a row nothing.
-- The index finds those whose time has come, and has no others in it.
ALTER TABLE key_value ADD COLUMN expires_ms INTEGER;
CREATE INDEX key_value_expiry ON key_value (expires_ms) WHERE expires_ms IS NOT NULL;
