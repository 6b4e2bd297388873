-- Version 2 of record.db. A row of an earlier version has no checksum; it is believed.
-- record_3.sql goes on.

ALTER TABLE run ADD COLUMN checksum INTEGER;      -- CRC-32 of the other columns
ALTER TABLE attempt ADD COLUMN checksum INTEGER;  -- CRC-32 of the other columns

-- What happened to the file itself: what was salvaged into it, and from where.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
