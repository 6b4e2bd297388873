-- Version 2 of inbox.db: content is forgotten before the identity is.
--
-- A row that is only kept to recognise duplicates has an empty `document`; `type` and what
-- follows it are empty, too, but for `accepted_at`. `beside` says why when that is unusual.

-- Up to this `seq` no row has its content any more.
INSERT INTO counter VALUES ('forgotten', 0);

-- What happened to the file itself: what was salvaged into it, and from where.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
