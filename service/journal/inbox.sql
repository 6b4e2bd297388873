-- inbox.db: every event that was answered with 202. Written by intake, read by everybody.
-- This is version 1; inbox_2.sql goes on.
--
-- A row is in the state `accepted` (service/states.py) until record.db has a run with its
-- `seq`. Times are RFC 3339 texts in UTC with microseconds.

CREATE TABLE accepted (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of acceptance
    run         TEXT NOT NULL UNIQUE,               -- the id of the run it becomes
    id          TEXT NOT NULL,                      -- of the event; with `source` its identity
    source      TEXT NOT NULL,
    digest      BLOB NOT NULL,                      -- tells a duplicate from a conflict
    type        TEXT NOT NULL,
    context     TEXT NOT NULL,
    project     TEXT NOT NULL,
    stage       TEXT NOT NULL,
    service     TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    sender      TEXT NOT NULL,
    document    TEXT NOT NULL,                      -- the whole event as the script gets it
    beside      TEXT NOT NULL,                      -- what was filled in or read out of it
    checksum    INTEGER NOT NULL                    -- CRC-32 of what is run and looked up by
) STRICT;

-- `id` first: the journal also asks for events by their id alone (`triggeredid`).
CREATE UNIQUE INDEX accepted_identity ON accepted (id, source);

CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How many events were ever accepted. Minus `settled` of record.db: the open ones.
INSERT INTO counter VALUES ('accepted', 0);
