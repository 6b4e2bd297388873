"""Nine things a script may try against the service (promise R12), and all are denied."""

import json
import os
import socket
from pathlib import Path

import pytest

from service.engine.landlock import Landlock

pytestmark = pytest.mark.promise("R12")

PROBES = r"""
import ctypes, glob, json, os, signal, socket, sys

event = json.load(open(sys.argv[1]))
pids, state, token, name = (event["data"][key] for key in ("pids", "state", "token", "name"))
libc = ctypes.CDLL(None, use_errno=True)
done = {}


def probe(what, *attempts):
    done[what] = []
    for about, attempt in attempts:
        try:
            attempt()
        except OSError:
            continue
        done[what].append(about)


def read(path):
    return path, lambda: open(path, "rb").read(1)


def write(path):
    return path, lambda: open(path, "ab").close()


def make(path):
    return path, lambda: os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


def traced(pid):
    if libc.ptrace(0x4206, pid, 0, 0) != 0:
        raise OSError


def peeked(pid):
    class Piece(ctypes.Structure):
        _fields_ = [("start", ctypes.c_void_p), ("size", ctypes.c_size_t)]

    buffer = ctypes.create_string_buffer(8)
    ours = Piece(ctypes.addressof(buffer), 8)
    for line in open(f"/proc/{pid}/maps"):
        theirs = Piece(int(line.partition("-")[0], 16), 8)
        if libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0) == 8:
            return
    raise OSError


def reached(address):
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)


probe("environment", *(read(f"/proc/{pid}/environ") for pid in pids))
probe(
    "memory",
    *((pid, lambda pid=pid: open(f"/proc/{pid}/mem", "rb").close()) for pid in pids),
    *((pid, lambda pid=pid: peeked(pid)) for pid in pids),
    *((pid, lambda pid=pid: open(f"/proc/{pid}/maps").close()) for pid in pids),
)
probe(
    "journal",
    ("list", lambda: os.listdir(state)),
    *(read(f"{state}/{file}") for file in ("inbox.db", "record.db", "address")),
    *((pid, lambda pid=pid: os.readlink(f"/proc/{pid}/fd/2")) for pid in pids),
    *(read(f"/proc/{pid}/root{state}/record.db") for pid in pids),
    ("truncate", lambda: os.truncate(f"{state}/spare", 0)),
)
probe("credentials", read(token), read(f"{os.path.dirname(token)}/link"))
probe("signal", *((pid, lambda pid=pid: os.kill(pid, signal.SIGCONT)) for pid in pids))
probe("trace", *((pid, lambda pid=pid: traced(pid)) for pid in pids))
probe(
    "sockets",
    ("abstract", lambda: reached("\0" + name)),
    *(read(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 3),
)
probe(
    "files of others",
    make(f"{state}/blobs/new"),
    make(f"{state}/mirrors/new"),
    make(f"{state}/work/new"),
    write(f"{state}/spare"),
    write(sys.argv[0]),
    ("remove", lambda: os.unlink(sys.argv[0])),
)
if event["data"]["kill"]:
    kills = [(pid, lambda pid=pid: os.kill(pid, signal.SIGKILL)) for pid in pids]
    probe("end of the runner", *kills)
print(json.dumps(done))
"""
ALL_NINE = {
    "environment",
    "memory",
    "journal",
    "credentials",
    "signal",
    "trace",
    "sockets",
    "files of others",
    "end of the runner",
}
UNISOLATED = r"""
import json, os, sys

pids = json.load(open(sys.argv[1]))["data"]["pids"]
read = []
for pid in pids:
    for file in ("environ", "mem", "maps", "fd/0"):
        try:
            os.close(os.open(f"/proc/{pid}/{file}", os.O_RDONLY))
            read.append((pid, file))
        except OSError:
            pass
print(json.dumps(read))
"""


@pytest.fixture
def listener():
    """Listen on an abstract socket; return its name."""
    name = f"genexec-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen()
        yield name


@pytest.fixture
def probed(make_service, listener):
    """Run the probes against a service; return it and what worked."""

    def probe(*, user, isolation, kill, warm=False):
        script = {"com.example.probe.py": PROBES, "com.example.warm.py": "#"}
        it = make_service(script, user=user, start=False, isolation=isolation)
        config = it.folder / "config"
        config.mkdir()
        (config / "token").write_text("secret")
        (config / "link").symlink_to("token")
        it.environment["GENEXEC_GIT_TOKEN_FILE"] = token = str(config / "token")
        it.environment["GENEXEC_SCRIPT_READABLE"] = str(config)
        it.start()
        (it.state / "spare").write_text("x")
        (it.state / "spare").chmod(0o666)
        (it.state / "mirrors").mkdir(exist_ok=True)
        (it.state / "mirrors").chmod(0o777)
        if warm:
            it.warm("com.example.warm")
        forked = it.forked()
        # A spare of warm Python is about to be a script itself.
        pids = [pid for pid in it.processes() if not is_spare(pid)]
        about = {"pids": pids, "state": str(it.state), "token": token, "name": listener}
        run = it.send("com.example.probe", **about, kill=kill)
        assert it.ended(run)["state"] == "passed", it.output(run)
        assert it.forked() - forked == warm
        assert set(it.processes()) >= set(pids)
        return it, json.loads(it.output(run))

    return probe


def is_spare(pid):
    own = b"service.engine.warm" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return own and os.getsid(pid) != pid


@pytest.mark.skipif(Landlock().abi < 6, reason="this machine cannot: Landlock ABI 6")
@pytest.mark.parametrize("warm", [False, True], ids=["program", "fork of warm Python"])
def test_nine_probes_are_denied(probed, user, warm):
    it, worked = probed(user=user, isolation="require", kill=True, warm=warm)

    assert worked == {probe: [] for probe in ALL_NINE}
    assert it.get("/api/v1/status").json()["engine"]["isolation"]["level"] == "full"


def test_the_probes_of_root_reach_their_aims_without_isolation(probed):
    """Else nothing would be shown by their being denied."""
    _, worked = probed(user="root", isolation="off", kill=False)

    assert {probe for probe, reached in worked.items() if reached} == ALL_NINE - {
        "end of the runner"
    }


def test_without_isolation_memory_and_environment_are_still_denied(make_service):
    it = make_service({"com.example.probe.py": UNISOLATED}, user="nobody", isolation="off")
    pids = it.processes()

    run = it.send("com.example.probe", pids=pids)

    assert it.ended(run)["state"] == "passed", it.output(run)
    assert json.loads(it.output(run)) == []
    assert Path(f"/proc/{pids[0]}").exists()
    assert "scripts are not isolated from the service: it is switched off" in it.log.read_text()
    assert it.get("/api/v1/status").json()["engine"]["isolation"]["level"] == "off"
