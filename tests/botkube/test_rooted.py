"""The program in one file as user 101, in root directories that have next to nothing.

One is empty; one holds musl, the C library of Alpine and so of the agent's image, and no
glibc; one has busybox for a shell besides.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from service.botkube.doorstep import COOKIE

MUSL = Path(f"/lib/ld-musl-{platform.machine()}.so.1")
"""Loader and library in one."""
BUSYBOX = Path("/bin/busybox")
CONFIG = json.dumps(
    {
        "scripts": "/scripts",
        "defaults": {"project": "shop"},
        "allow": [{"users": ["<@U1>"], "commands": ["run"]}],
    }
)
NO_SHELL = (
    "a .sh script needs bash or sh, and there is none in GENEXEC_SCRIPT_PATH="
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)


@pytest.fixture
def make_root(built, host_program, tmp_path):
    """Make a root directory with the file, a host and these files, by name; return how to enter.

    The command that comes back is followed by what is to be started there as user 101.
    """

    def make(files=()):
        root = tmp_path / "root"
        for name in ("tmp", "proc", "dev"):
            (root / name).mkdir(parents=True)
        root.chmod(0o755)
        (root / "tmp").chmod(0o1777)
        for name, file in {"plugin": built, "host": host_program, **dict(files)}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / name)
            (root / name).chmod(0o755)
        mounts = [f"mount --rbind /proc {root}/proc"]
        for device in ("dev/null", "dev/urandom"):
            (root / device).touch()
            mounts.append(f"mount --bind /{device} {root}/{device}")
        script = " && ".join([*mounts, f'exec chroot --userspec=101:101 {root} "$@"'])
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
        trial = subprocess.run([*command[:4], "true"], capture_output=True, check=False)
        if trial.returncode:
            pytest.skip(f"this machine cannot: no namespaces here, {trial.stderr}")
        return command, root

    return make


@pytest.fixture
def musl_root(make_root, tmp_path):
    """Make a root directory with musl, scripts, and these files more."""
    if not MUSL.exists():
        pytest.skip(f"{MUSL} is missing; Debian's package musl has it")
    script = tmp_path / "hello.sh"
    script.write_text('echo "hello $LABEL_name as $(id -u), ${LD_LIBRARY_PATH:-all clean}"\n')

    def make(**files):
        named = {name.replace("_", "/"): file for name, file in files.items()}
        hello = {"scripts/generic-executor/hello.sh": script}
        return make_root({str(MUSL).lstrip("/"): MUSL, **hello, **named})

    return make


@pytest.fixture
def busybox():
    """A shell that needs no library."""
    linked = BUSYBOX.exists() and subprocess.run(["ldd", BUSYBOX], capture_output=True, check=False)
    if not linked or linked.returncode == 0:
        pytest.skip(f"{BUSYBOX} is missing or needs libraries; Debian has busybox-static")
    return BUSYBOX


@pytest.fixture
def chat_in(make_host):
    """Start the plugin in a root directory; return what types a command there."""

    def start(command):
        host = make_host("/plugin", before=command, inside="/host")
        host.start()

        def typed(words):
            answer = host.ask("execute", command=f"script {words}", configs=[CONFIG])
            assert "error" not in answer, (answer, host.log)
            return json.dumps(answer["value"]["message"])

        return typed

    return start


def left_behind(root):
    return [path.name for path in (root / "tmp").iterdir() if path.name.startswith(("sta", "_ME"))]


def test_it_answers_in_an_empty_root_as_user_101(make_root, make_host):
    command, root = make_root()
    host = make_host("/plugin", before=command, inside="/host")

    begun = time.monotonic()
    host.start()

    assert time.monotonic() - begun < 5
    assert host.ask("metadata")["value"]["JSONSchema"]["Value"].startswith("{")
    assert "error" not in host.ask("help")
    assert "error" not in host.ask("execute", command="script help")
    assert host.ask("kill")["seconds"] < 2
    assert left_behind(root) == []


def test_the_root_with_musl_starts_what_needs_musl_and_nothing_that_needs_glibc(musl_root):
    command, _ = musl_root(true="/bin/true")

    musl = subprocess.run([*command, MUSL], capture_output=True, text=True, check=False)
    glibc = subprocess.run([*command, "/true"], capture_output=True, text=True, check=False)

    assert musl.stderr.startswith("musl libc")
    assert (glibc.returncode, glibc.stdout) == (127, "")
    assert "No such file or directory" in glibc.stderr


def test_beside_musl_it_writes_the_line_that_the_host_waits_for(musl_root):
    command, root = musl_root()
    name, value = COOKIE
    environment = {"PATH": os.environ["PATH"], "TMPDIR": "/tmp", name: value}
    started = subprocess.Popen(
        [*command, "/plugin"], env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with started as process:
        try:
            fields = process.stdout.readline().rstrip("\n").split("|")
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()

    assert [*fields[:3], fields[4]] == ["1", "3", "unix", "grpc"]
    assert fields[3].startswith("/tmp/")
    assert left_behind(root) == []


def test_beside_musl_it_answers_the_host_as_user_101(musl_root, make_host):
    command, root = musl_root()
    host = make_host("/plugin", before=command, inside="/host")

    process = host.start()

    status = Path(f"/proc/{process['pid']}/status").read_text()
    assert "\nUid:\t101\t101\t101\t101\n" in status
    assert host.ask("metadata")["value"]["Version"]
    assert "script run TYPE" in json.dumps(host.ask("execute", command="script help"))
    assert host.ask("kill")["seconds"] < 2
    assert left_behind(root) == []


def test_beside_musl_and_a_shell_it_runs_scripts(musl_root, busybox, chat_in):
    command, _ = musl_root(bin_sh=busybox, bin_id=busybox)

    said = chat_in(command)("run hello name=Ada")

    assert "hello Ada as 101, all clean" in said
    assert "passed" in said


def test_without_a_shell_a_script_is_errored_and_says_what_it_needs(musl_root, chat_in):
    command, _ = musl_root()

    said = chat_in(command)("run hello name=Ada")

    assert "hello errored" in said
    assert NO_SHELL in said


def test_without_a_shell_scripts_are_listed_and_explained(musl_root, chat_in):
    command, _ = musl_root()
    type_in = chat_in(command)

    assert "hello.sh" in type_in("list")
    assert "would run 1 script" in type_in("explain hello")
