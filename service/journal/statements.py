"""The statements on `record.db` and `inbox.db` made for every event.

Apart from the code that uses them, `record` and `strokes`, so that a test can ask SQLite
how it goes about each: none may read through a whole table. States are written out where
a partial index depends on them.
"""

from service.journal.joint import Insertion, Lookup
from service.journal.rows import ACCEPTED_BACK, ATTEMPT, DELIVERY, OUTGOING, RUN, UNSEEN


def _changing(columns: str, *, key: str, only: str = "") -> str:
    """Only what changes is named: SQLite rewrites every index whose columns are."""
    names = [name.strip() for name in columns.split(",")]
    changes = ", ".join(f"{name} = excluded.{name}" for name in names)
    return f"ON CONFLICT ({key}) DO UPDATE SET {changes} {only}"


WRITE_RUN = Insertion(
    "run",
    f"{RUN}, open, checksum",
    _changing(
        'state, reason, started_at, ended_at, result, status, message, "commit", note, open,'
        " checksum",
        key="id",
        only="WHERE open = 1",
    ),
)
WRITE_ATTEMPT = Insertion(
    "attempt",
    f"{ATTEMPT}, checksum",
    _changing(
        'path, "commit", blob, state, started_at, ended_at, exit_code, signal, http_status,'
        " ending, detail, message, cut, structured, leftovers, checksum",
        key="run, position, number",
    ),
)
WRITE_OUTPUT = Insertion(
    "output",
    "run, position, number, content",
    _changing("content", key="run, position, number"),
)
WRITE_OUTGOING = Insertion(
    "outgoing",
    f"{OUTGOING}, state, attempts, last_error",
    "ON CONFLICT (id) DO NOTHING",
    constants="'pending', 0, ''",
)
COUNT = Insertion(
    "counter",
    "name, value",
    "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
)
KNOWN = Lookup("SELECT id, state, open FROM run WHERE seq = ?")
NEXT = "SELECT seq FROM run WHERE seq > ? ORDER BY seq LIMIT ?"

CURSOR = "SELECT value FROM counter WHERE name = 'cursor'"
NEWEST = "SELECT max((SELECT value FROM counter WHERE name = 'cursor'),"
NEWEST += " ifnull((SELECT max(seq) FROM run), 0))"
WAITING = "SELECT seq, run, project FROM accepted WHERE seq > ? ORDER BY seq LIMIT ?"
BEGUN = "SELECT seq FROM run WHERE seq BETWEEN ? AND ?"
ONE_ACCEPTED = f"SELECT {ACCEPTED_BACK} FROM accepted WHERE seq = ?"
ONE_UNSEEN = f"SELECT {UNSEEN} FROM accepted WHERE seq = ?"
OPEN = f"SELECT {RUN}, open, checksum FROM run WHERE open = 1 ORDER BY seq"
ATTEMPTS_WITH_OUTPUT = (
    f"SELECT {ATTEMPT}, checksum, (SELECT content FROM output AS o WHERE o.run = a.run"
    " AND o.position = a.position AND o.number = a.number)"
    " FROM attempt AS a WHERE run = ? ORDER BY position, number"
)
OURS = "SELECT kind, hops FROM outgoing WHERE id = ?"
TRIGGERED = "SELECT 1 FROM accepted WHERE id = ? LIMIT 1"
FOLLOWED = "SELECT count(*) FROM outgoing WHERE kind = 'follow-up' AND context = ?"
PENDING = f"SELECT seq, {DELIVERY} FROM outgoing WHERE state = 'pending' AND seq > ?"
PENDING += " ORDER BY seq LIMIT ?"
ONE_PENDING = f"SELECT {DELIVERY} FROM outgoing WHERE id = ? AND state = 'pending'"
SENT = "UPDATE outgoing SET state = 'sent', sent_at = ?, attempts = attempts + 1"
SENT += " WHERE id = ? AND state = 'pending'"
ATTEMPTED = "UPDATE outgoing SET attempts = attempts + 1, last_error = ?"
ATTEMPTED += " WHERE id = ? AND state = 'pending'"
BURY = "UPDATE outgoing SET state = 'dead', attempts = attempts + 1, last_error = ?"
BURY += " WHERE id = ? AND state = 'pending'"
ONE_DEAD = f"SELECT seq, {DELIVERY} FROM outgoing WHERE id = ? AND state = 'dead'"
ALL_DEAD = f"SELECT seq, {DELIVERY} FROM outgoing WHERE state = 'dead' AND seq <= ?"
ALL_DEAD += " AND body <> x'' ORDER BY seq LIMIT ?"
LAST_DEAD = "SELECT seq FROM outgoing WHERE state = 'dead' ORDER BY seq DESC LIMIT 1"
REVIVE = "UPDATE outgoing SET state = 'pending', last_error = '',"
REVIVE += " seq = (SELECT max(seq) FROM outgoing) + 1 WHERE seq = ? AND state = 'dead'"
