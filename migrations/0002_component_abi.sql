-- What was found out about a component when it was uploaded: which ABI it needs and, of a core module, the SHA-256 of
-- the component that was made of it.
ALTER TABLE component ADD COLUMN abi TEXT NOT NULL DEFAULT 'sync' CHECK (abi IN ('sync', 'async'));
ALTER TABLE component ADD COLUMN derived_digest BLOB;
