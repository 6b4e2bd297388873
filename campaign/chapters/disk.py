"""One disk operation in a hundred fails, and then none does any more: R18.

`fiu-run` (Debian package fiu-utils) puts itself between the service and the C library; the
faults are switched on once everything runs, and off again, without a restart.
"""

import shutil
import subprocess
import time

from campaign.chapter import Chapter
from campaign.plan import planned_events

TOOL = "fiu-run"
_POINTS = ("posix/io/rw/*", "posix/io/sync/*")
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
            faulty |= _switch(chapter, control, on=True)
        time.sleep(max(0.0, event.at - now))
        chapter.sender.send(event)
    _switch(chapter, control, on=False)
    chapter.service.wait_until_ready()
    if chapter.service.parts().get("supervisor") != supervisor:
        chapter.broken("R18", "the service had to be started anew")
    chapter.figures |= {"faulty_seconds": round(seconds), "faulty_processes": len(faulty)}


def _switch(chapter: Chapter, control: str, *, on: bool) -> set[int]:
    """Switch faults on or off in the processes that use the journal; return which."""
    parts = chapter.service.parts()
    pids = {pid for name in ("engine", "worker") if (pid := parts.get(name)) is not None}
    what = "enable_random name={},probability=0.01" if on else "disable name={}"
    commands = [word for point in _POINTS for word in ("-c", what.format(point))]
    for pid in pids:
        subprocess.run(
            ["fiu-ctrl", "-f", control, *commands, str(pid)],
            check=False,
            timeout=10,
            capture_output=True,
        )
    return pids
