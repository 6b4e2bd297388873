"""Old kernels, read-only systems, process 1: what containers are like."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

NOTHING_OFFERED = "the kernel does not offer Landlock (ABI 2 or later, Linux 5.19)"
HELLO = {"com.example.hello.sh": "echo hello"}


def on_an_old_kernel(command):
    return [sys.executable, str(Path(__file__).with_name("without_landlock.py")), *command]


def as_process_1(command):
    return ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command]


def test_require_refuses_a_kernel_without_landlock(make_service, user):
    it = make_service(HELLO, user=user, start=False, isolation="require")

    said = it.command("serve", wrap=on_an_old_kernel)

    assert (said.returncode, said.stderr) == (
        78,
        f"genexec: GENEXEC_ISOLATION=require, but {NOTHING_OFFERED}\n",
    )


def test_require_refuses_a_single_run_too(make_service, user):
    it = make_service(HELLO, user=user, start=False, isolation="require")
    event = it.folder / "event.json"
    event.write_text(
        '{"specversion": "1.0", "id": "1", "source": "x", "type": "com.example.hello"}'
    )

    said = it.command("run", str(event), wrap=on_an_old_kernel, GENEXEC_DEFAULT_PROJECT="p")
    fine = it.command("run", str(event), GENEXEC_DEFAULT_PROJECT="p")

    assert (said.returncode, said.stderr) == (
        78,
        f"genexec: GENEXEC_ISOLATION=require, but {NOTHING_OFFERED}\n",
    )
    assert fine.returncode == 0, fine.stderr
    assert "hello" in fine.stdout


def test_auto_starts_with_a_warning_on_a_kernel_without_landlock(make_service):
    it = make_service(HELLO, user="nobody", wrap=on_an_old_kernel, isolation="auto")

    record = it.ended(it.send("com.example.hello"))

    assert record["state"] == "passed"
    assert it.get("/api/v1/status").json()["engine"]["isolation"] == {
        "level": "none",
        "lacks": NOTHING_OFFERED,
        "remarks": [],
    }
    assert it.warnings("isolated") == [
        f"scripts are not isolated from the service: {NOTHING_OFFERED}"
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="this machine cannot: not run as root")
def test_root_is_warned_of_what_the_kernel_does_not_enforce(make_service):
    it = make_service(HELLO, user="root")

    (warning,) = it.warnings("root")
    assert "the kernel does not enforce GENEXEC_PROCESS_LIMIT on scripts" in warning


EVERYTHING = {
    "com.example.shell.sh": (
        "(echo x > /tmp/x) 2> note || grep -q 'Read-only\\|denied' note || exit 1\n"
        'cat <(echo "$(mktemp)") > note; git init -q .; touch /usr/x 2> note; id -u\n'
    ),
    "com.example.python.py": (
        "import multiprocessing, requests, tempfile, yaml\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.Pool(2) as pool, tempfile.TemporaryFile():\n"
        "        print(pool.map(abs, [-1]))\n"
    ),
    "com.example.request.http": "GET http://127.0.0.1:9/nobody/is/there\n",
}


@pytest.mark.usefixtures("unsharing")
def test_everything_works_on_a_read_only_system_without_privileges(make_service):
    it = make_service(
        EVERYTHING, user="nobody", read_only=True, isolation="auto", http_allow="127.0.0.1"
    )

    runs = {name: it.send(f"com.example.{name}") for name in ("shell", "python", "request")}
    states = {name: it.ended(run)["state"] for name, run in runs.items()}

    assert states == {"shell": "passed", "python": "passed", "request": "errored"}
    assert it.output(runs["shell"]) == b"65534\n"
    assert it.output(runs["python"]) == b"[1]\n"
    assert "isolated from the service, level" in it.log.read_text()
    it.process.send_signal(signal.SIGTERM)
    assert it.process.wait(15) == 0


@pytest.mark.usefixtures("unsharing")
def test_process_1_buries_orphans_and_ends_at_sigterm(make_service):
    it = make_service(
        {"com.example.hello.sh": "setsid sleep 60 & echo hello"}, user="root", wrap=as_process_1
    )
    (supervisor,) = children(it.process.pid)
    for _ in range(3):
        assert it.ended(it.send("com.example.hello"))["state"] == "passed"
    orphan = ["nsenter", "-t", str(supervisor), "-p", "-m", "sh", "-c", "sleep 0.1 &"]
    subprocess.run(orphan, check=True)
    deadline = time.monotonic() + 5
    while zombies(supervisor) or time.monotonic() < deadline - 4.5:
        assert time.monotonic() < deadline, "an orphan was not buried"
        time.sleep(0.05)

    os.kill(supervisor, signal.SIGTERM)

    assert it.process.wait(10) == 0


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def zombies(pid):
    found = []
    for child in children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            text = Path(f"/proc/{child}/stat").read_text()
            found += [child] if text.rpartition(")")[2].split()[0] == "Z" else []
    return found
