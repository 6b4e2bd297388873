"""What lives on this machine, from `/proc`: processes of the service, and of its scripts.

A process of a script is told by a variable that only scripts of this chapter have, or by the
odd number of seconds it sleeps; so one that threw its environment away is still known.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = 100


@dataclass(frozen=True, kw_only=True)
class Process:
    """A living process; *started* in ticks since the machine was."""

    pid: int
    parent: int
    started: int
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Escaped:
    """A process that should not have been there any more."""

    pid: int
    started: int
    event: str
    """Empty when it threw its environment away."""
    what: str


def now_in_ticks() -> int:
    """Return the time that `Process.started` is measured in."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS)


def living() -> Iterator[Process]:
    """Yield every process that is no zombie."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError):
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            words = (entry / "cmdline").read_text(errors="replace").split("\0")
            if fields[0] not in "ZX":
                yield Process(
                    pid=int(entry.name),
                    parent=int(fields[1]),
                    started=int(fields[19]),
                    words=tuple(words),
                )


def of_scripts(number: str) -> Iterator[tuple[Process, str]]:
    """Yield the processes of scripts with this *number*, each with its event as far as known."""
    for process in living():
        content = ""
        with suppress(OSError):
            content = Path(f"/proc/{process.pid}/environ").read_text(errors="replace")
        variables = content.split("\0")
        if f"ENV_CAMPAIGN_NUMBER={number}" in variables or f"300.{number}" in process.words:
            event = next((v for v in variables if v.startswith("ID=")), "=")
            yield process, event.partition("=")[2]


def below(top: int, *, number: str) -> list[Process]:
    """Return the processes that *top* started, directly or not, without those of scripts."""
    scripts = {process.pid for process, _ in of_scripts(number)}
    everybody = list(living())
    found = {top}
    grown = True
    while grown:
        more = {process.pid for process in everybody if process.parent in found} - found
        found |= more
        grown = bool(more)
    return [process for process in everybody if process.pid in found - scripts]


def escaped(number: str, too_old: Callable[[Process, str], bool]) -> list[Escaped]:
    """Return the processes of scripts that *too_old* says should be gone, by their event."""
    return [
        Escaped(
            pid=process.pid,
            started=process.started,
            event=event,
            what=" ".join(process.words)[:120],
        )
        for process, event in of_scripts(number)
        if too_old(process, event)
    ]


def memory_of(pid: int) -> float:
    """Return the memory of a process in MB, its share of what is shared; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def busy_share(seconds: float) -> float:
    """Return how busy the processors of the machine were, 0 to 1, during so many *seconds*."""

    def times() -> tuple[int, int]:
        values = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        return sum(values[:8]), values[3] + values[4]

    before, idle_before = times()
    time.sleep(seconds)
    after, idle_after = times()
    return 1 - (idle_after - idle_before) / max(1, after - before)
