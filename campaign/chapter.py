"""What all chapters of the campaign have in common: the stage, the end, the evidence."""

import os
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from zlib import crc32

from campaign.evidence import (
    Evidence,
    damage_of,
    read_created,
    read_runs,
    read_signs,
    read_taken,
)
from campaign.leaks import encodings, leaks_in_arguments, leaks_in_files
from campaign.neighbours import GitRemote, Line, Sink, Target, free_port
from campaign.plan import Planned
from campaign.processes import Escaped, escaped, now_in_ticks, of_scripts
from campaign.promises import Finding
from campaign.scripts import SECRETS, script_files
from campaign.sender import Sender
from campaign.service import Service
from campaign.sizes import Size
from service.errors import GenexecError

GONE_WITHIN = 2.0
_OLDEST = 4.0
"""Seconds after which a process without a known event is too old: those scripts are quick."""
_WATCH = 0.25
_SETTINGS = {
    "GENEXEC_GIT_SCHEMES": "file,http",
    "GENEXEC_GIT_INTERVAL": "1s",
    "GENEXEC_GIT_TIMEOUT": "5s",
    "GENEXEC_SINK_TIMEOUT": "1s",
    "GENEXEC_QUEUE": "100000",
    "GENEXEC_GRACE": "1s",
    "GENEXEC_SHUTDOWN_GRACE": "3s",
    "GENEXEC_HTTP_ALLOW": "127.0.0.1",
}
_OUR_FAULT = {"500", "502", "504"}


class Chapter:
    """One service with its neighbours, in a folder of its own."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        seed: int,
        size: Size,
        at_once: int = 8,
        file: bool = False,
        settings: Mapping[str, str] = {},
    ) -> None:
        """With *file* the scripts are read from a local repository, else over HTTP.

        *settings* of the service are added to those that all chapters share.
        """
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.size = size
        self.random = Random(f"{seed}/{name}")
        self.number = f"{os.getpid()}{crc32(name.encode()) % 10**6}"
        outside = self.folder / "outside"
        outside.mkdir()
        self.witness = outside / "witness"
        self.sink = Sink(self.folder / "sink.jsonl")
        self.target = Target(self.witness)
        self.remote = GitRemote(self.folder / "git", script_files(self.target.address))
        self.service = Service(
            self.folder,
            port=free_port(),
            number=self.number,
            **SECRETS,
            **_SETTINGS
            | {
                "CAMPAIGN_WITNESS": str(self.witness),
                "GENEXEC_SCRIPT_WRITABLE": str(outside),
                "GENEXEC_SCRIPTS": self.remote.file_url if file else self.remote.url,
                "GENEXEC_SINK": f"{self.sink.address}/events",
                "GENEXEC_AT_ONCE": str(at_once),
                "GENEXEC_PER_PROJECT": str(at_once),
            }
            | dict(settings),
        )
        self.sender = Sender(self.service.address, Line(self.folder / "accepted"), self.random)
        self.events: dict[str, Planned] = {}
        self.escaped: list[Escaped] = []
        self.findings: list[Finding] = []
        """What the chapter itself found broken."""
        self.leaks: list[str] = []
        self.figures: dict[str, float | int | str] = {}
        """What the ledger tells beside the usual columns."""
        self._ends = time.monotonic() + size.limit
        self._forms = encodings(SECRETS.values())
        self._watches: list[threading.Timer] = []
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def plan(self, events: list[Planned]) -> list[Planned]:
        """Note what is going to be sent; return it."""
        self.events |= {event.id: event for event in events}
        return events

    def expect_nothing_of_now(self) -> None:
        """Have it looked up, two seconds from now, whether a process of now is still there."""
        before = now_in_ticks()

        def look() -> None:
            self.escaped += escaped(self.number, lambda process, _: process.started < before)

        watch = threading.Timer(GONE_WITHIN, look)
        self._watches.append(watch)
        watch.start()

    def settle(self) -> float:
        """Let everything be well and wait until nothing is open; return how long that took."""
        self.sink.be("up")
        self.remote.up()
        begun = time.monotonic()
        while time.monotonic() < begun + self.size.settle:
            with suppress(GenexecError):
                if not self.sender.open and self.service.is_settled():
                    break
            time.sleep(0.1)
        return time.monotonic() - begun

    def has_time(self) -> bool:
        """Say whether more trouble may be made; the ledger tells when it may not."""
        if time.monotonic() < self._ends:
            return True
        self.figures["cut_short_after_s"] = round(self.size.limit)
        return False

    def broken(self, promise: str, said: str) -> None:
        """Note a promise that was not kept."""
        self.findings.append(Finding(promise=promise, events=(), said=said))

    def close(self, *, records_only: bool = False) -> Evidence:
        """End everything in order and return what is known.

        With *records_only* lines of the log that are no records tell nothing.
        """
        self.figures["settled_after_s"] = round(self.settle(), 1)
        self._ask_api()
        self.expect_nothing_of_now()
        for watch in self._watches:
            watch.join()
        self.service.stop()
        self.abandon()
        if errors := sum(n for said, n in self.sender.failures.items() if said in _OUR_FAULT):
            self.broken("R8", f"{errors} requests were answered with an internal error")
        taken, received = read_taken(self.folder / "sink.jsonl")
        state, reader = self.service.state, self.service.reader
        places = (state, self.service.log, self.folder / "sink.jsonl", self.folder / "api.json")
        return Evidence(
            events=self.events,
            accepted=self.sender.accepted,
            repeated=self.sender.repeated,
            refused=self.sender.refused,
            signs=read_signs(self.witness),
            taken=taken,
            received=received,
            runs=read_runs(reader),
            created=read_created(state / "record.db"),
            pending=reader.outgoing_counts()["pending"],
            dead=reader.outgoing_counts()["dead"],
            damage=list(damage_of(state)),
            escaped=self.escaped,
            leaks=[*self.leaks, *leaks_in_files(self._forms, *places)],
            faults=self.service.faults(records_only=records_only),
            exits=self.service.exits,
            slowest_start=self.service.slowest,
        )

    def abandon(self) -> None:
        """End everything, whatever state it is in."""
        self._over.set()
        self.sender.close()
        self.service.kill(machine=True)
        for watch in self._watches:
            watch.cancel()
        self._watcher.join()
        for process, _ in of_scripts(self.number):
            with suppress(ProcessLookupError):
                os.kill(process.pid, 9)
        for neighbour in (self.sink, self.target, self.remote):
            neighbour.down()

    def _ask_api(self) -> None:
        with suppress(OSError):
            url = f"{self.service.address}/api/v1/runs?limit=500"
            with urllib.request.urlopen(url, timeout=10) as answer:
                (self.folder / "api.json").write_bytes(answer.read())

    def _watch(self) -> None:
        """Look for secrets among arguments, and for processes that outlive their run."""
        ends: dict[str, float] = {}
        """When a script that wanted to leave something behind was about to end, by event."""
        read = 0
        while not self._over.wait(_WATCH):
            self.leaks += leaks_in_arguments(self._forms)
            now, ticks = time.time(), now_in_ticks()
            signs = self.witness.read_text().splitlines() if self.witness.exists() else []
            for words in map(str.split, signs[read:]):
                if words[0] == "end" and words[2].startswith("escaping"):
                    ends[words[1]] = float(words[5])
            read = len(signs)
            self.escaped += escaped(
                self.number,
                lambda process, event, now=now, ticks=ticks: (
                    now - ends.get(event, now) > GONE_WITHIN
                    if event
                    else ticks - process.started > _OLDEST * 100
                ),
            )


@contextmanager
def opened(chapter: Chapter) -> Iterator[Chapter]:
    """End *chapter* also when something in it goes wrong."""
    try:
        yield chapter
    finally:
        chapter.abandon()
