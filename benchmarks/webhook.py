"""Debian's `webhook`: what others use to run a script when a request comes.

It keeps nothing: an accepted request is lost with the process. It is here because its
numbers say what the same machine does without a journal.
"""

import json
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

_PYTHON = "import requests\nprint(requests.__version__)\n"
_READY_WITHIN = 10.0
_DRAINED_WITHIN = 60.0


class Webhook:
    """A running webhook with three hooks: bash at once, bash and Python waited for."""

    def __init__(self, tools: Path, port: int, pid: int) -> None:
        self._tools = tools
        self._port = port
        self._pid = pid
        self.afterwards: dict[str, list[float]] = {}
        """Seconds for which each hook still ran scripts after the last answer, by round."""

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
        self.afterwards.setdefault(hook, []).append(self._wait_until_idle())
        return rate_of(seen, "a", warm=min(0.2, seconds / 3))

    def _wait_until_idle(self) -> float:
        """Return the seconds that took."""
        children = Path(f"/proc/{self._pid}/task")
        start = time.monotonic()
        deadline = start + _DRAINED_WITHIN
        while time.monotonic() < deadline:
            texts = []
            for thread in children.iterdir():
                with suppress(OSError):
                    texts.append((thread / "children").read_text())
            if not any(texts):
                break
            time.sleep(0.05)
        return time.monotonic() - start


@contextmanager
def webhook(folder: Path, tools: Path) -> Iterator[Webhook]:
    """Start it, and end it whatever happens. Raises `Unavailable` when it is not installed."""
    program = shutil.which("webhook")
    if program is None:
        raise Unavailable("webhook is not installed (Debian package `webhook`)")
    folder.mkdir(parents=True)
    shell, python = folder / "t.sh", folder / "t.py"
    shell.write_text(f"#!/bin/bash\n{TRIVIAL}", encoding="utf-8")
    python.write_text(f"#!{sys.executable}\n{_PYTHON}", encoding="utf-8")
    for script in (shell, python):
        script.chmod(0o755)
    hooks = [
        {"id": "asynchronous", "execute-command": str(shell)},
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
            yield Webhook(tools, port, process.pid)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise Unavailable("webhook did not start to listen")
