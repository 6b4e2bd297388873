-- record.db: what became of accepted events. Written by the engine, read by everybody.
-- This is version 1; record_2.sql goes on.
--
-- States of a run, with the words of service/states.py:
--
--     accepted    on disk, not looked at yet: a row of inbox.db without a run here
--     ignored     no script, or not for us
--     unresolved  the scripts could not be looked up; given up when `open` is 0
--     queued      scripts are chosen, waits for its turn
--     running     its scripts are being run
--     passed | warned | failed | errored | timed-out | interrupted | cancelled   ended
--
-- States of an outgoing event: pending -> sent | dead.
-- Times are RFC 3339 texts in UTC with microseconds.

CREATE TABLE run (
    seq         INTEGER PRIMARY KEY,     -- of the event in inbox.db
    id          TEXT NOT NULL UNIQUE,
    event_id    TEXT NOT NULL,
    source      TEXT NOT NULL,
    type        TEXT NOT NULL,
    context     TEXT NOT NULL,
    project     TEXT NOT NULL,
    stage       TEXT NOT NULL,
    service     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('ignored', 'unresolved', 'queued', 'running',
                    'passed', 'warned', 'failed', 'errored', 'timed-out', 'interrupted',
                    'cancelled')),
    reason      TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    started_at  TEXT,
    ended_at    TEXT,
    result      TEXT NOT NULL,
    status      TEXT NOT NULL,
    message     TEXT NOT NULL,
    "commit"    TEXT NOT NULL,
    note        TEXT NOT NULL,
    open        INTEGER NOT NULL         -- 1 until it is over; then the row never changes
) STRICT;

CREATE INDEX run_open ON run (seq) WHERE open = 1;
CREATE INDEX run_state ON run (state, seq);
CREATE INDEX run_project ON run (project, seq);
CREATE INDEX run_context ON run (context, seq);

CREATE TABLE attempt (
    run         TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    script      TEXT NOT NULL,
    level       TEXT NOT NULL,
    path        TEXT NOT NULL,
    "commit"    TEXT NOT NULL,
    blob        TEXT NOT NULL,
    state       TEXT NOT NULL,
    started_at  TEXT,
    ended_at    TEXT,
    exit_code   INTEGER,
    signal      INTEGER,
    http_status INTEGER,
    ending      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    message     TEXT NOT NULL,
    cut         INTEGER NOT NULL,
    structured  TEXT NOT NULL,           -- JSON
    leftovers   INTEGER NOT NULL,
    PRIMARY KEY (run, position, number)
) STRICT, WITHOUT ROWID;

-- Up to 1 MiB each: apart, so that nothing else ever reads past them.
CREATE TABLE output (
    run         TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    content     BLOB NOT NULL,
    PRIMARY KEY (run, position, number)
) STRICT;

CREATE TABLE outgoing (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of creation
    id          TEXT NOT NULL UNIQUE,
    run         TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    type        TEXT NOT NULL,
    context     TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('started', 'finished', 'follow-up')),
    hops        INTEGER NOT NULL,
    body        BLOB NOT NULL,
    checksum    INTEGER NOT NULL,                   -- CRC-32 of the body
    created_at  TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
    attempts    INTEGER NOT NULL,
    last_error  TEXT NOT NULL,
    sent_at     TEXT
) STRICT;

CREATE INDEX outgoing_pending ON outgoing (seq) WHERE state = 'pending';
CREATE INDEX outgoing_dead ON outgoing (seq) WHERE state = 'dead';
CREATE INDEX outgoing_follow_up ON outgoing (context) WHERE kind = 'follow-up';
CREATE INDEX outgoing_run ON outgoing (run, seq);

CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- settled: runs that are over, ever.   open: runs that are not over.
-- cursor: every accepted event up to this `seq` has a run.   The others: rows per state.
INSERT INTO counter (name, value) VALUES
    ('settled', 0), ('open', 0), ('cursor', 0),
    ('ignored', 0), ('unresolved', 0), ('queued', 0), ('running', 0), ('passed', 0),
    ('warned', 0), ('failed', 0), ('errored', 0), ('timed-out', 0), ('interrupted', 0),
    ('cancelled', 0), ('pending', 0), ('sent', 0), ('dead', 0);

CREATE TRIGGER run_added AFTER INSERT ON run BEGIN
    UPDATE counter SET value = value + 1
        WHERE name IN (NEW.state, CASE NEW.open WHEN 1 THEN 'open' ELSE 'settled' END);
END;

CREATE TRIGGER run_moved AFTER UPDATE ON run WHEN OLD.state <> NEW.state BEGIN
    UPDATE counter SET value = value - 1 WHERE name = OLD.state;
    UPDATE counter SET value = value + 1 WHERE name = NEW.state;
END;

CREATE TRIGGER run_settled AFTER UPDATE ON run WHEN OLD.open > NEW.open BEGIN
    UPDATE counter SET value = value - 1 WHERE name = 'open';
    UPDATE counter SET value = value + 1 WHERE name = 'settled';
END;

CREATE TRIGGER run_forgotten AFTER DELETE ON run BEGIN
    UPDATE counter SET value = value - 1 WHERE name = OLD.state;
END;

CREATE TRIGGER outgoing_added AFTER INSERT ON outgoing BEGIN
    UPDATE counter SET value = value + 1 WHERE name = NEW.state;
END;

CREATE TRIGGER outgoing_moved AFTER UPDATE ON outgoing WHEN OLD.state <> NEW.state BEGIN
    UPDATE counter SET value = value - 1 WHERE name = OLD.state;
    UPDATE counter SET value = value + 1 WHERE name = NEW.state;
END;

CREATE TRIGGER outgoing_forgotten AFTER DELETE ON outgoing BEGIN
    UPDATE counter SET value = value - 1 WHERE name = OLD.state;
END;
