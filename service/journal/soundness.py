"""Which rows are as they were written: checksums, many at once.

`inspection` asks at start, `salvage` before it copies a row, `record` before it takes up a
run. Nothing in a row of a damaged file can be relied on, not even its types.
"""

import zlib

from service.errors import JournalUnreadable
from service.journal.rows import (
    ACCEPTED,
    ATTEMPT,
    DELIVERY,
    RUN,
    Row,
    attempt_of,
    checksum_of,
    delivery_of,
    forgotten_checksum,
    is_sound,
    run_of,
    stored_checksum,
)
from service.runs import Attempt, Run
from service.strict_json import compact

WHOLE_ACCEPTED = f"seq, {ACCEPTED}"
WHOLE_RUN = f"{RUN}, open, checksum"
WHOLE_ATTEMPT = f"{ATTEMPT}, checksum"
WHOLE_OUTGOING = f"seq, {DELIVERY}"


def sound_run(row: Row) -> Run:
    """Return the run of a row of `WHOLE_RUN`. Raises `JournalUnreadable` when it is damaged."""
    if not run_is_sound(row):
        raise JournalUnreadable(f"what the record says of run {row[0]} is damaged")
    return run_of(row[:-2])


def sound_attempt(row: Row) -> Attempt:
    """Return the attempt of a row of `WHOLE_ATTEMPT` and its output; raises the same."""
    *whole, output = row
    if not attempt_is_sound(whole):
        raise JournalUnreadable(f"what the record says of an attempt of run {row[0]} is damaged")
    return attempt_of(whole[:-1], output or b"")


def accepted_is_sound(row: Row) -> bool:
    """Judge a row of `WHOLE_ACCEPTED`: its content, and that it is found by its identity."""
    _, run, event_id, source, _, _, _, project, stage, service, _, _, document, beside, crc = row
    try:
        if not document:
            return bool(crc == forgotten_checksum(run, event_id, source))
        if crc != stored_checksum(run, project, stage, service, document, beside):
            return False
        return all(f"{compact(text)}" in document for text in (event_id, source))
    except (TypeError, ValueError):
        return False


def run_is_sound(row: Row) -> bool:
    """Judge a row of `WHOLE_RUN`; one that was written before there were checksums is believed."""
    *values, crc = row
    try:
        run_of(values[:-1])
        return crc is None or bool(crc == checksum_of(values))
    except (TypeError, ValueError):
        return False


def attempt_is_sound(row: Row) -> bool:
    """Judge a row of `WHOLE_ATTEMPT`; one written before there were checksums is believed."""
    *values, crc = row
    try:
        attempt_of(values)
        return crc is None or bool(crc == checksum_of(values))
    except (TypeError, ValueError):
        return False


def outgoing_is_sound(row: Row) -> bool:
    """Judge a row of `WHOLE_OUTGOING`."""
    try:
        delivery_of(row[1:])
        return is_sound(row[1:])
    except (TypeError, ValueError, zlib.error):
        return False
