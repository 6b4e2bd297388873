"""The whole service as root and as nobody, on a read-only system, as process 1."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import requests

import service

PATIENCE = 15.0
NOBODY = 65534
GENEXEC = str(Path(sys.executable).parent / "genexec")
NEEDED = (sys.base_prefix, sys.prefix, str(Path(service.__file__).parent.parent))

# In a mount namespace of its own: directories that keep nobody from our interpreter are
# replaced by empty ones that hold just that.
AS_NOBODY = """
set -e
folder=$1 mode=$2 closed=$3 needed=$4
shift 4
keep=$(mktemp -d)
mount -t tmpfs none "$keep"
n=0
for path in $needed; do
    mkdir "$keep/$n"; mount --bind "$path" "$keep/$n"; n=$((n + 1))
done
for path in $closed; do mount -t tmpfs -o mode=755 none "$path"; done
n=0
for path in $needed; do
    mkdir -p "$path"; mount --move "$keep/$n" "$path"; n=$((n + 1))
done
umount "$keep"
rmdir "$keep"
if [ "$mode" = read-only ]; then
    mount --bind "$folder" "$folder"
    for path in / $closed $needed; do mount -o remount,bind,ro "$path"; done
fi
cd /
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all "$@"
"""


def as_nobody(command, folder, *, read_only=False):
    """Return a command that does *command* as user 65534; *folder* stays writable."""
    closed = {
        str(parent)
        for path in NEEDED
        for parent in Path(path).parents
        if not parent.stat().st_mode & 0o001
    }
    inside = [path for path in NEEDED if any(path.startswith(f"{one}/") for one in closed)]
    if read_only:
        inside = inside or [NEEDED[0]]
    mode = "read-only" if read_only else "writable"
    words = [str(folder), mode, " ".join(closed), " ".join(inside), *command]
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", AS_NOBODY, "sh", *words]


def may_unshare():
    if os.getuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


class Service:
    """`genexec serve` in a folder of its own."""

    def __init__(self, folder, scripts, settings, wrap):
        self.folder = folder
        self.state = folder / "state"
        self.mark = folder.name
        self.log = folder / "log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MARK": self.mark,
            "GENEXEC_STATE_DIR": str(self.state),
            "GENEXEC_PORT": "0",
            "GENEXEC_SCRIPTS": str(scripts),
            **{f"GENEXEC_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.wrap = wrap
        """Makes the command that does another command as the user of the service."""
        self.process = None

    def start(self):
        """Start it and wait until it is ready."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.wrap([GENEXEC, "serve"]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self.ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        return self

    def command(self, *words, wrap=list, **more):
        """Run `genexec` to its end as the user of the service."""
        return subprocess.run(
            self.wrap(wrap([GENEXEC, *words])),
            env=self.environment | more,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def warnings(self, about=""):
        """Return what the service warned of so far."""
        records = [json.loads(line) for line in self.log.read_text().splitlines()]
        texts = [record["message"] for record in records if record["level"] == "warning"]
        return [text for text in texts if about in text]

    def ready(self):
        try:
            return self.get("/readyz").ok
        except (OSError, requests.RequestException):
            return False

    def get(self, path):
        address = (self.state / "address").read_text().strip()
        return requests.get(address + path, timeout=PATIENCE)

    def send(self, type_, *, id_="", **data):
        """Send an event; return the id of its run."""
        address = (self.state / "address").read_text().strip()
        event = {"specversion": "1.0", "id": id_ or type_, "source": "test", "type": type_}
        event |= {"data": {"project": "p"} | data}
        headers = {"content-type": "application/cloudevents+json"}
        answer = requests.post(address, data=json.dumps(event), headers=headers, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text
        return answer.json()["runs"][0]

    def ended(self, run):
        """Return the record of a run once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while not (record := self.get(f"/api/v1/runs/{run}").json())["ended_at"]:
            assert time.monotonic() < deadline, f"{record}\n{self.log.read_text()}"
            time.sleep(0.02)
        return record

    def warm(self, type_):
        """Send events of this type, of an empty `.py`, until one was forked from warm Python."""
        deadline = time.monotonic() + PATIENCE
        before = self.forked()
        while self.forked() == before:
            assert time.monotonic() < deadline, self.get("/api/v1/status").text
            self.ended(self.send(type_, id_=secrets.token_hex(8)))

    def forked(self):
        return self.get("/api/v1/status").json()["engine"]["warm_python"]["warm"]

    def output(self, run):
        return self.get(f"/api/v1/runs/{run}/output/0").content

    def scripts(self, run=""):
        """Return the living processes that scripts of this service, or of one run, started."""
        name = f"GENEXEC_RUN_ID={run}" if run else f"ENV_MARK={self.mark}"
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, IndexError, ValueError):
                pid = int(entry.name)
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                environment = (entry / "environ").read_text(errors="replace").split("\0")
                if state not in "ZX" and name in environment:
                    found.append(pid)
        return found

    def processes(self):
        """Return the processes of the service itself, of scripts none."""
        found = [self.process.pid]
        for pid in found:
            for thread in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in thread.read_text().split()]
        scripts = self.scripts()
        return [pid for pid in found if pid not in scripts]

    def close(self):
        if self.process is None:
            return
        # The supervisor and what it was wrapped in are one group.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, number)
                self.process.wait(PATIENCE)


@pytest.fixture
def make_service():
    """Make a service for *scripts*, the files of a directory by name, started as *user*.

    *wrap* makes its command another one.
    """
    with contextlib.ExitStack() as stack:

        def make(scripts, *, user, read_only=False, wrap=list, start=True, **settings):
            if user == "nobody" and os.getuid() == 0 and not may_unshare():
                pytest.skip("this machine cannot: unshare or setpriv is not allowed")
            if user == "root" and os.getuid() != 0:
                pytest.skip("this machine cannot: the tests do not run as root")
            folder = Path(tempfile.mkdtemp(prefix="genexec-test-"))
            stack.callback(shutil.rmtree, folder)
            folder.chmod(0o755)
            place = folder / "scripts" / "generic-executor"
            place.mkdir(parents=True)
            for name, text in scripts.items():
                (place / name).write_text(text)
            if user == "nobody" and os.getuid() == 0:
                os.chown(folder, NOBODY, NOBODY)

                def as_user(command):
                    return as_nobody(wrap(command), folder, read_only=read_only)
            else:
                as_user = wrap
            made = Service(folder, folder / "scripts", settings, as_user)
            stack.callback(made.close)
            return made.start() if start else made

        yield make


@pytest.fixture
def unsharing():
    """Skip a test that needs namespaces of its own where there are none."""
    if not may_unshare():
        pytest.skip("this machine cannot: unshare or setpriv is not allowed")


@pytest.fixture(params=["root", "nobody"])
def user(request):
    """As whom the service runs; as ourselves when we cannot become nobody."""
    return request.param
