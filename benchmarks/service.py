"""`genexec serve` as its operator starts it, with everything on, and what it costs.

Scripts come from a real Git repository, isolation, masking, the log and metrics are on; a row
that sets something else says so.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.floor import TRIVIAL
from benchmarks.witness import Seen
from service.journal.reading import Reader

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 60.0
ENDS_WITHIN = 60.0
SCRIPTS = {
    "bench.triggered.sh": TRIVIAL,
    "benchpy.triggered.py": "import requests\nprint(requests.__version__)\n",
    "benchjson.triggered.py": "import json\nprint(json.dumps([1]))\n",
    "benchbig.triggered.sh": "yes 'line after line of output' | head -c $DATA_BYTES\n",
}
_TICK = os.sysconf("SC_CLK_TCK")


class ServiceFailed(Exception):
    """The service did not start, or did not become ready."""


class Service:
    """One state directory, the service on it, and the socket where its answers arrive."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.state = folder / "state"
        self.log = folder / "service.log"
        self.sink = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = _free_port()
        self.sent = 0
        """How many events it got so far; the number of the next one."""
        self.earlier: list[Seen] = []
        """What was seen of loads that ended early: their answers come during the next one."""
        self._environment = _environment(folder) | {
            "GENEXEC_STATE_DIR": str(self.state),
            "GENEXEC_PORT": str(self.port),
            "GENEXEC_SCRIPTS": _repository(folder / "scripts").as_uri(),
            "GENEXEC_LAYOUT": "folders",
            "GENEXEC_GIT_SCHEMES": "file",
            "GENEXEC_SINK": f"http://127.0.0.1:{self.sink.getsockname()[1]}/",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def reader(self) -> Reader:
        """Its record, read from outside."""
        return Reader(self.state)

    def start(self, more: Mapping[str, str] = {}) -> None:
        """Start it and wait until it is ready. Raises `ServiceFailed`."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "serve"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
                env={**self._environment, **more}, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + READY_WITHIN
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServiceFailed(self.log.read_text(encoding="utf-8")[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order; kill what does not end."""
        if self._process is None:
            return
        parts = self.parts()
        mine = [self._process.pid, *parts.values()]
        if "engine" in parts:  # it may be frozen
            os.kill(parts["engine"], signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            for pid in mine:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def freeze_engine(self) -> None:
        """Stop the engine as it is; events are still accepted."""
        os.kill(self.parts()["engine"], signal.SIGSTOP)

    def thaw_engine(self) -> None:
        """Let it go on."""
        os.kill(self.parts()["engine"], signal.SIGCONT)

    def parts(self) -> dict[str, int]:
        """Return the process ids of the service by name: scripts and Git are no part of it."""
        if self._process is None:
            return {}
        found = {"supervisor": self._process.pid}
        children = _children()
        for pid in children.get(self._process.pid, []):
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
            name = next((name for name in ("engine", "web") if name in words), "keeper")
            found[name] = pid
            below = children.get(pid, [])
            if name != "engine" and below:
                found["runner" if name == "keeper" else "worker"] = below[0]
        return found

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each part has taken.

        `scripts` is what ran below the runner, `git` what ran below the engine. Empty when
        it does not run.
        """
        parts = self.parts()
        if not parts:
            return {}
        taken = {name: _cpu_of(pid)[0] for name, pid in parts.items()}
        children = _children()
        for name, above in (("scripts", "runner"), ("git", "engine")):
            living = children.get(parts[above], [])
            taken[name] = _cpu_of(parts[above])[1] + sum(sum(_cpu_of(pid)) for pid in living)
        taken["web"] += taken.pop("worker")
        taken["runner"] += taken.pop("keeper")
        return taken

    def memory(self) -> int:
        """Return the bytes its processes take, each shared page counted once (PSS)."""
        return sum(_memory_of(pid) for pid in self.parts().values())

    def forget_peak(self) -> int:
        """Let the kernel forget the peaks of our processes; return the bytes they have now."""
        for pid in self.parts().values():
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        return sum(_status_of(pid, "VmRSS") for pid in self.parts().values())

    def peak_memory(self) -> int:
        """Return the sum of the peaks of our processes since then, in bytes."""
        return sum(_status_of(pid, "VmHWM") for pid in self.parts().values())

    def _is_ready(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/readyz"
        with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Service]:
    """Start a service, and end it whatever happens."""
    service = Service(folder, **settings)
    try:
        service.start()
        yield service
    finally:
        service.stop()
        service.sink.close()


def has_setting(name: str) -> bool:
    """Say whether `genexec settings` knows a setting of this name."""
    command = [sys.executable, "-m", "service.cli", "settings", "--json"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return name in json.loads(said)["settings"]


def _environment(folder: Path) -> dict[str, str]:
    """About what a container in Kubernetes has, with something to mask."""
    more = {f"PLATFORM_SERVICE_PORT_{n:02d}": f"tcp://10.96.0.{n}:8080" for n in range(30)}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PLATFORM_TOKEN": "not-for-the-eyes-of-others",
        **more,
    }


def _repository(folder: Path) -> Path:
    """Make a Git repository of the scripts."""
    place = folder / "generic-executor"
    place.mkdir(parents=True)
    for name, content in SCRIPTS.items():
        (place / name).write_text(content, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=folder, env=environment, check=True)
    return folder


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _children() -> dict[int, list[int]]:
    """Return the process ids below each process."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found


def _cpu_of(pid: int) -> tuple[float, float]:
    """Return the CPU seconds of a process, and of the children it has waited for."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:  # it has just ended
        return 0.0, 0.0
    fields = text.rpartition(")")[2].split()
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return own / _TICK, children / _TICK


def _memory_of(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def _status_of(pid: int, name: str) -> int:
    return _kilobytes(Path(f"/proc/{pid}/status"), name)


def _kilobytes(file: Path, name: str) -> int:
    """Return the bytes that a line such as `VmRSS: 12 kB` tells of."""
    with suppress(OSError):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
