"""The file system of the image, made from the Dockerfile without a container engine.

Every instruction is carried out in a throw-away copy of this machine's system (an overlay), which
stands for the base image; so this must be a Debian of the same release. What belongs to the base
image itself, its Python above all, is not proved here.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[3]
AROUND = "/mnt"
PYTHON = Path(sys.base_prefix, "bin")
"""Our own stands for the one of the base image."""
FETCHING = {
    name: value
    for name, value in os.environ.items()
    if name.startswith(("PIP_", "SSL_", "REQUESTS_CA", "HTTP_", "HTTPS_", "http_", "https_"))
}
"""How packages are fetched here; read before the environment is sealed."""
AS_ROOT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
    **FETCHING,
}
BEGIN = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
"""
STAGE = """
set -e
place=$1
mkdir -p "$1/changes" "$1/scratch" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/scratch" "$1/root"
mount --bind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
[ -e "$2/python" ] || ln -s "$2/python3" "$1/root/usr/local/bin/python"
shift 2
for closed; do chmod o+x "$place/root$closed"; done
"""


def cannot(why):
    """Skip at the desk; CI has to be able."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@dataclass
class Stage:
    """One stage of the Dockerfile, as far as it was carried out."""

    place: str
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def root(self):
        return f"{self.place}/root"


class Image:
    """What the Dockerfile makes; it lasts as long as the process that holds its mounts."""

    def __init__(self, holder):
        self._holder = holder
        self.stages = {}
        self.stage = None
        self.run("sh", "-c", BEGIN, "sh", AROUND)

    def seeing(self, *command):
        """Return *command* with the mounts of the image in sight."""
        return ["nsenter", "--target", str(self._holder.pid), "--mount", *command]

    def run(self, *command, environment=None):
        said = subprocess.run(
            self.seeing(*command),
            capture_output=True, text=True, timeout=180, env=environment or AS_ROOT, check=False,
        )  # fmt: skip
        assert said.returncode == 0, f"{command}\n{said.stdout[-2000:]}\n{said.stderr[-4000:]}"
        return said.stdout

    def inside(self, line, *, user=0, stage=None):
        """Run a line of shell in *stage*, else in the one at hand; return what it printed."""
        stage = self.stages.get(stage, self.stage)
        line = f"cd {shlex.quote(stage.directory)} && {line}"
        command = [
            "/usr/sbin/chroot",
            f"--userspec={user}:{user}",
            stage.root,
            "/bin/sh",
            "-c",
            line,
        ]
        known = {} if user else AS_ROOT
        return self.run(*command, environment=known | stage.environment)

    def carry_out(self, instruction, value):
        known = getattr(self, f"_{instruction.lower()}", None)
        if known:
            known(value)
        else:
            self.stage.settings[instruction] = value

    def _arg(self, value):
        release = platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")
        if not value.endswith(f"-{release}"):
            cannot(f"the image is {value}, this machine is {release}")

    def _from(self, value):
        name = value.partition(" AS ")[2] or "final"
        self.stage = self.stages[name] = Stage(f"{AROUND}/{name}")
        self.stage.environment = {"PATH": f"{PYTHON}:{AS_ROOT['PATH']}"}
        closed = [str(one) for one in PYTHON.parents if not one.stat().st_mode & 0o001]
        self.run("sh", "-c", STAGE, "sh", self.stage.place, str(PYTHON), *closed)

    def _workdir(self, value):
        self.stage.directory = value
        self.run("mkdir", "-p", self.stage.root + value)

    def _copy(self, value):
        *sources, target = shlex.split(value)
        base = str(ROOT)
        if sources[0].startswith("--from="):
            base = self.stages[sources.pop(0).partition("=")[2]].root
        else:
            allowed = (ROOT / ".dockerignore").read_text().splitlines()
            assert [name for name in sources if f"!{name.removeprefix('./')}" not in allowed] == []
        into = f"{self.stage.root}/{Path(self.stage.directory, target).relative_to('/')}"
        for source in sources:
            copy = 'if [ -d "$1" ]; then mkdir -p "$2" && cp -a "$1/." "$2"; else cp "$1" "$2"; fi'
            self.run("sh", "-c", copy, "sh", f"{base}/{source.lstrip('/')}", into)

    def _run(self, value):
        self.inside(value)

    def _env(self, value):
        self.stage.environment |= dict(word.split("=", 1) for word in shlex.split(value))


@pytest.fixture(scope="session")
def holder():
    """A process with mounts of its own; they vanish with it."""
    if os.geteuid() != 0:
        cannot("mounting needs root")
    for tool in ("unshare", "nsenter", "setpriv"):
        if not shutil.which(tool):
            cannot(f"{tool} is not installed")
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"]
    trial = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if trial.returncode:
        cannot(f"no namespaces here: {trial.stderr}")
    with subprocess.Popen([*command, "sh", "-c", "echo; exec sleep 1800"], stdout=-1) as process:
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture(scope="session")
def image(holder):
    """Every instruction of the Dockerfile, carried out in order."""
    made = Image(holder)
    text = (ROOT / "Dockerfile").read_bytes()
    for step in DockerfileParser(fileobj=BytesIO(text)).structure:
        if step["instruction"] != "COMMENT":
            made.carry_out(step["instruction"], step["value"])
    return made
