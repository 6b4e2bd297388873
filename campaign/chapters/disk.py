"""One disk operation in a hundred fails, then the disk is full, then all is well: R1 and R18.

`fiu-run` (Debian package fiu-utils) puts itself between the service and the C library; the
faults are switched on once everything runs, and off again, without a restart.
"""

import errno
import shutil
import subprocess
import time
from collections.abc import Sequence

from campaign.chapter import Chapter
from campaign.plan import planned_events

PROMISES = ("R1", "R18")

TOOL = "fiu-run"
_POINTS = ("posix/io/rw/*", "posix/io/sync/*")
_WRITING = "posix/io/rw/pwrite"
_NOW_AND_THEN = [f"enable_random name={point},probability=0.01" for point in _POINTS]
_FULL = [f"enable name={_WRITING},failinfo={errno.ENOSPC}"]
"""SQLite writes with `pwrite`, the log does not."""
_OFF = [f"disable name={point}" for point in (*_POINTS, _WRITING)]
_RATE = 15
"""Events per second."""
_KINDS = ("quick", "failing", "telling", "asking", "action", "notice")
_AGAIN = 2.0
"""Seconds after which faults are switched on in processes that were started meanwhile."""


def missing_tool() -> str:
    """Return why the chapter cannot be played, empty when it can."""
    if shutil.which(TOOL) is None:
        return f"skipped: {TOOL} is not there (Debian package fiu-utils)"
    return ""


def run(chapter: Chapter) -> None:
    """Let the disk fail for a while, then see whether the service recovers by itself."""
    seconds = chapter.size.disk
    control = str(chapter.folder / "fiu")
    events = chapter.plan(
        planned_events(
            chapter.random,
            count=int(seconds * _RATE),
            seconds=seconds,
            prefix="d",
            only=_KINDS,
        )
    )
    # Python would leave truncated modules behind: it does not look at what `write` returns.
    chapter.service.start(prefix=(TOOL, "-x", "-f", control), more={"PYTHONDONTWRITEBYTECODE": "1"})
    supervisor = chapter.service.parts()["supervisor"]
    faulty: set[int] = set()
    begun, switched = time.monotonic(), -_AGAIN
    for event in events:
        now = time.monotonic() - begun
        if now >= switched + _AGAIN:
            switched = now
            faulty |= _switch(chapter, control, _NOW_AND_THEN)
        time.sleep(max(0.0, event.at - now))
        chapter.sender.send(event)
    _switch(chapter, control, _OFF)
    chapter.service.wait_until_ready()
    _fill_up(chapter, control)
    if chapter.service.parts().get("supervisor") != supervisor:
        chapter.broken("R18", "the service had to be started anew")
    chapter.figures |= {"faulty_seconds": round(seconds), "faulty_processes": len(faulty)}


def _fill_up(chapter: Chapter, control: str) -> None:
    """Let the journal find no room for a while: events are refused, and taken afterwards."""
    seconds = chapter.size.full
    events = chapter.plan(
        planned_events(
            chapter.random, count=int(seconds * _RATE), seconds=seconds, prefix="f", only=_KINDS
        )
    )
    before = dict(chapter.sender.failures)
    _switch(chapter, control, _FULL)
    accepted_full = len(chapter.sender.accepted)
    chapter.sender.send_all(events)
    unready = not chapter.service.is_ready()
    accepted = len(chapter.sender.accepted) - accepted_full
    _switch(chapter, control, _OFF)
    chapter.service.wait_until_ready()
    refused = chapter.sender.failures.get("503", 0) - before.get("503", 0)
    if not refused:
        chapter.broken("R18", "a full disk refused nothing: nothing was tried")
    if not unready:
        chapter.broken("R18", "readiness did not tell that the disk is full")
    chapter.figures |= {
        "full_seconds": round(seconds),
        "refused_when_full": refused,
        "accepted_when_full": accepted,
    }


def _switch(chapter: Chapter, control: str, commands: Sequence[str]) -> set[int]:
    """Give *commands* to the processes that use the journal; return which these are."""
    parts = chapter.service.parts()
    pids = {pid for name in ("engine", "worker") if (pid := parts.get(name)) is not None}
    words = [word for command in commands for word in ("-c", command)]
    for pid in pids:
        subprocess.run(
            ["fiu-ctrl", "-f", control, *words, str(pid)],
            check=False,
            timeout=10,
            capture_output=True,
        )
    return pids
