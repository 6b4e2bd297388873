"""Debian's `webhook`: what others use to run a script when a request comes.

It keeps nothing: an accepted request is lost with the process. It is here because its
numbers say what the same machine does without a journal. Whether it ran what it accepted
is counted by its script: every request that waits holds open files, and when there are none
left it drops the script, after it has said yes.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.compiling import Unavailable
from benchmarks.floor import TRIVIAL
from benchmarks.load import event_of, run_load
from benchmarks.witness import rate_of

_ASYNCHRONOUS = "asynchronous"
_PYTHON = "import requests\nprint(requests.__version__)\n"
_READY_WITHIN = 10.0
_DRAINED_WITHIN = 60.0
_IDLE = 0.3
"""Seconds without a child until it is said to have nothing left to run."""


class Webhook:
    """A running webhook with three hooks: bash at once, bash and Python waited for."""

    def __init__(self, tools: Path, port: int, pid: int, marks: Path) -> None:
        self._tools = tools
        self._port = port
        self.pid = pid
        self._marks = marks
        self.afterwards: list[float] = []
        """Seconds for which the asynchronous hook ran scripts after its last answer, by round."""
        self.carried_out: list[float] = []
        """The share of what the asynchronous hook accepted that was run in the end, by round."""

    def rate(self, hook: str, *, seconds: float, outstanding: int) -> float:
        """Return the answers per second of one hook; returns when nothing runs any more."""
        template = self._tools / "event.json"
        template.write_text(event_of("bench"), encoding="utf-8")
        seen, _ = run_load(
            self._tools, port=self._port, path=f"/hooks/{hook}", type="application/json",
            template=str(template), seconds=seconds, outstanding=outstanding, wait="accepted",
            connections=outstanding,
        )  # fmt: skip
        wrong = [line for line in seen if line.what == "a" and line.status != 200]
        if wrong:
            raise Unavailable(f"webhook answered {wrong[0].status}")
        took = self._wait_until_idle()
        if hook == _ASYNCHRONOUS:
            self.afterwards.append(took)
            self.carried_out.append(self._ran() / sum(1 for line in seen if line.what == "a"))
        return rate_of(seen, "a", warm=min(0.2, seconds / 3))

    def _ran(self) -> int:
        """Count what was run since the last time."""
        count = self._marks.stat().st_size
        os.truncate(self._marks, 0)
        return count

    def _wait_until_idle(self) -> float:
        """Return the seconds that took."""
        children = Path(f"/proc/{self.pid}/task")
        start = busy = time.monotonic()
        while busy - start < _DRAINED_WITHIN and time.monotonic() - busy < _IDLE:
            texts = []
            for thread in children.iterdir():
                with suppress(OSError):
                    texts.append((thread / "children").read_text())
            if any(texts):
                busy = time.monotonic()
            time.sleep(0.05)  # a look costs it time, too
        return busy - start


@contextmanager
def webhook(folder: Path, tools: Path) -> Iterator[Webhook]:
    """Start it, and end it whatever happens. Raises `Unavailable` when it is not installed."""
    program = shutil.which("webhook")
    if program is None:
        raise Unavailable("webhook is not installed (Debian package `webhook`)")
    folder.mkdir(parents=True)
    shell, python, marking = folder / "t.sh", folder / "t.py", folder / "marking.sh"
    marks = folder / "marks"
    marks.touch()
    shell.write_text(f"#!/bin/bash\n{TRIVIAL}", encoding="utf-8")
    marking.write_text(f"#!/bin/bash\n{TRIVIAL}printf . >> {marks}\n", encoding="utf-8")
    python.write_text(f"#!{sys.executable}\n{_PYTHON}", encoding="utf-8")
    for script in (shell, python, marking):
        script.chmod(0o755)
    hooks = [
        {"id": _ASYNCHRONOUS, "execute-command": str(marking)},
        {"id": "bash", "execute-command": str(shell), "include-command-output-in-response": True},
        {
            "id": "python",
            "execute-command": str(python),
            "include-command-output-in-response": True,
        },
    ]
    (folder / "hooks.json").write_text(json.dumps(hooks), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "-hooks", str(folder / "hooks.json"), "-ip", "127.0.0.1", "-port", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(words, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for(port)
            yield Webhook(tools, port, process.pid, marks)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise Unavailable("webhook did not start to listen")
