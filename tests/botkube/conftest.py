"""A real host of plugins (tests/botkube/host, a Go program), and programs for it to start."""

import contextlib
import hashlib
import itertools
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from service.ports import Order

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SURROUNDINGS = dict(os.environ)
"""Read before the environment is sealed: Go keeps what it built below the home directory."""
BUILT = ROOT / "dist/plugin/executor_script_linux_amd64"


class Host:
    """A running host; `ask` waits for the answer, `begin` does not."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True, **options,
        )  # fmt: skip
        self.log = []
        self._numbers = itertools.count(1)
        self._answers = {}
        self._readers = [
            threading.Thread(target=self._read_answers),
            threading.Thread(target=lambda: self.log.extend(self.process.stderr)),
        ]
        for reader in self._readers:
            reader.start()

    def begin(self, do, **wish):
        number = next(self._numbers)
        self._answers[number] = queue.Queue()
        self.process.stdin.write(json.dumps({"id": number, "do": do, **wish}) + "\n")
        self.process.stdin.flush()
        return number

    def end(self, number, *, within=15.0):
        return self._answers[number].get(timeout=within)

    def ask(self, do, **wish):
        return self.end(self.begin(do, **wish))

    def start(self, **wish):
        answer = self.ask("start", **wish)
        assert "error" not in answer, (answer, self.log)
        return answer["value"]

    def say(self, word, **wish):
        answer = self.ask("execute", command=f"script {word}", **wish)
        assert "error" not in answer, answer
        return answer["value"]["message"]["baseBody"]["plaintext"]

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for reader in self._readers:
            reader.join(timeout=5)
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read_answers(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self._answers[answer["id"]].put(answer)


@pytest.fixture(scope="session")
def host_program(tmp_path_factory):
    """The Go program, built."""
    path = tmp_path_factory.mktemp("host") / "host"
    environment = SURROUNDINGS | {
        "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0",
        "PATH": f"{ROOT / '.venv/bin'}:{SURROUNDINGS['PATH']}",
    }  # fmt: skip
    if shutil.which("go", path=environment["PATH"]) is None:
        pytest.skip("tests/botkube/host cannot be built without Go 1.21")
    made = subprocess.run(
        ["go", "build", "-buildvcs=false", "-o", path, "."],
        cwd=HERE / "host", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"tests/botkube/host cannot be built: {made.stderr}")
    return path


@pytest.fixture
def make_host(host_program, tmp_path):
    """Start hosts that start a program with these arguments."""
    hosts = []
    (tmp_path / "tmp").mkdir()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp"), "LANG": "C.UTF-8"}

    def make(*program, before=(), inside=None, **variables):
        command = [*before, inside or host_program, *program]
        if inside:
            variables |= {"TMPDIR": "/tmp"}
        hosts.append(Host(command, env=environment | variables, cwd="/"))
        hosts[-1].temporary = tmp_path / "tmp"
        return hosts[-1]

    yield make
    for one in hosts:
        one.close()


@pytest.fixture
def host(make_host):
    """A host with a plugin that misbehaves on request; not started yet."""
    return make_host(sys.executable, str(HERE / "program.py"))


@pytest.fixture(scope="session")
def built():
    """The program in one file, as `make plugin` built it."""
    if not BUILT.exists():
        pytest.skip(f"{BUILT.relative_to(ROOT)} is not built; make plugin does it")
    return BUILT


@pytest.fixture
def alive():
    """Say which of these processes live, zombies apart."""

    def living(pids):
        found = []
        for pid in pids:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z":
                found.append(pid)
        return found

    return living


@pytest.fixture
def gone_within(alive):
    """Wait until none of these processes lives; return the seconds it took."""

    def wait(pids, seconds):
        begun = time.monotonic()
        while alive(pids) and time.monotonic() - begun < seconds:
            time.sleep(0.02)
        assert alive(pids) == []
        return time.monotonic() - begun

    return wait


@pytest.fixture
def make_order(make_event):
    """Make what a runner needs, for a script that tells its variables."""
    contents = {
        ".sh": b'echo "hello ${LD_LIBRARY_PATH:-no LD_LIBRARY_PATH}"\n',
        ".py": b"print('hello')\n",
    }

    def make(name):
        content = contents[Path(name).suffix]
        return Order(
            run=f"run-{name}", name=name, blob=hashlib.sha1(content).hexdigest(), content=content,
            event=make_event(), variables={}, timeout=10,
        )  # fmt: skip

    return make
