"""`genexec serve` as its operator starts it: started, killed, started again on one state."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from campaign.processes import below, living, of_scripts
from service.journal.reading import Reader

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 40.0
ENDS_WITHIN = 20.0
PARTS = {"service.engine.runner": "keeper", "engine": "engine", "web": "web"}
_ARTEFACTS = ("libfiu: ", "Fatal read error on pipe transport", "callback Streams._dispatch")
"""What the tool for disk faults says itself, and its faults in pipes, which are no disks."""
BELOW = {"keeper": "runner", "web": "worker"}


class ServiceFailed(Exception):
    """The service did not start, or did not become ready."""


class Service:
    """One state directory and the service on it."""

    def __init__(self, folder: Path, *, port: int, number: str, **settings: str) -> None:
        self.state = folder / "state"
        self.log = folder / "service.log"
        self.reader = Reader(self.state)
        self.starts = 0
        self.exits: list[int] = []
        """Exit codes of orderly ends."""
        self.slowest = 0.0
        """Seconds from a start to readiness, the longest."""
        self._number = number
        self._address = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.state.mkdir(parents=True)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "CAMPAIGN_NUMBER": number,
            "GENEXEC_STATE_DIR": str(self.state),
            "GENEXEC_PORT": str(port),
            **settings,
        }

    @property
    def address(self) -> str:
        return self._address

    def start(self, *, prefix: tuple[str, ...] = (), more: Mapping[str, str] = {}) -> None:
        """Start it, behind the words *prefix* when there are any, and wait until it is ready."""
        self.starts += 1
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "service.cli", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**self._environment, **more},
                start_new_session=True,
            )
        self.wait_until_ready()
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def wait_until_ready(self, seconds: float = READY_WITHIN) -> None:
        """Return when it is ready. Raises `ServiceFailed`."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self._process is None or self._process.poll() is not None:
                raise ServiceFailed(f"the service ended by itself; see {self.log}")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"the service was not ready in {seconds:.0f} s; see {self.log}")
            time.sleep(0.03)

    def is_ready(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self._address}/readyz", timeout=2) as it:
            return bool(it.status == 200)
        return False

    def parts(self) -> dict[str, int]:
        """Return the process ids of the service by name, as far as they are there."""
        if self._process is None:
            return {}
        found = {"supervisor": self._process.pid}
        processes = below(self._process.pid, number=self._number)
        for process in processes:
            name = next((name for word, name in PARTS.items() if word in process.words), "")
            if process.parent == self._process.pid and name:
                found[name] = process.pid
        for process in processes:
            above = next((name for name in BELOW if found.get(name) == process.parent), None)
            if above is not None:
                found[BELOW[above]] = process.pid
        return found

    def kill(self, *, machine: bool = False) -> None:
        """Kill supervisor, engine and web at once, as a kernel short of memory would.

        The runner and its keeper are left to end by themselves, and scripts to be ended by
        them; with *machine* all of these are killed, too, as at the end of a container.
        """
        if self._process is None:
            return
        parts = self.parts()
        scripts = [process.pid for process, _ in of_scripts(self._number)]
        left_alone = set() if machine else {parts.get("keeper"), parts.get("runner")}
        mine = [process.pid for process in below(self._process.pid, number=self._number)]
        self._process.kill()  # first, so that it starts nothing anew
        for pid in {*mine, *self._left(), *(scripts if machine else ())} - left_alone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def kill_one(self, name: str) -> bool:
        """Kill one process; False when it is not there just now."""
        pid = self.parts().get(name)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def stop(self) -> None:
        """End it in order and keep its exit code; -1 when it had to be killed."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exits.append(self._process.wait(ENDS_WITHIN))
            self._process = None
        except subprocess.TimeoutExpired:
            self.exits.append(-1)
            self.kill()

    def is_settled(self) -> bool:
        """Say whether nothing is open and nothing waits to be sent, by its own record."""
        counts = self.reader.counts()
        return (
            not self.reader.open_events()
            and not any(counts[state] for state in ("accepted", "queued", "running"))
            and not self.reader.outgoing_counts()["pending"]
        )

    def faults(self, *, records_only: bool = False) -> list[str]:
        """Return the log records that tell of a fault of the service's own.

        Lines in a row that are no records are one: the traceback of a process. They are left
        out with *records_only*.
        """
        found: list[str] = []
        loose = False
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                if records_only:
                    continue
                if loose:
                    found[-1] += f"\n{line}"
                else:
                    found.append(line)
                loose = True
                continue
            loose = False
            said = str(record.get("message", ""))
            if "a fault of ours" in said or "was dropped" in said or "traceback" in record:
                found.append(f"{said} {record.get('traceback', '')}")
        return [text for text in found if not any(mark in text for mark in _ARTEFACTS)]

    def _left(self) -> list[int]:
        """Return processes of this service that lost their parent a moment ago."""
        mark = f"GENEXEC_STATE_DIR={self.state}"
        found = []
        for process in living():
            with suppress(OSError):
                content = Path(f"/proc/{process.pid}/environ").read_text(errors="replace")
                if mark in content.split("\0"):
                    found.append(process.pid)
        return found
