"""Seven ways to escape, three ends, two users, isolated or not: nothing is left.

Promise R4 of the design: two seconds after a run ended, was stopped, or the service died.
"""

import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.promise("R4")

DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        time.sleep(60)
"""
CHAIN = """
import os, time
end = time.monotonic() + 30
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
"""
WAYS = {
    "background": "sleep 60 &",
    "group": "set -m; sleep 60 & set +m",
    "double-fork": f"python3 -Sc '{DAEMON}'",
    "ignored-signals": "(trap '' TERM HUP INT; while :; do sleep 0.1; done) &",
    "stopped": "sleep 60 & kill -STOP $!",
    "chain": f"python3 -Sc '{CHAIN}'",
    "stopped-parent": "(sleep 60 & setsid sleep 60 & kill -STOP $BASHPID) &",
}
ENDS = {
    "end": "{}\nsleep 0.1",
    "deadline": "# genexec: timeout=1s\n{}\nsleep 60",
    "death": "{}\nsleep 60",
}
SCRIPTS = {
    f"com.example.{way}.{end}.sh": frame.format(text)
    for way, text in WAYS.items()
    for end, frame in ENDS.items()
}
PYTHON = {
    "session": "if os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)",
    "double-fork": (
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.closerange(0, 100)\n        time.sleep(60)\n    os._exit(0)"
    ),
    "ignored-signals": (
        "if os.fork() == 0:\n    os.setpgid(0, 0)\n"
        "    for n in (signal.SIGTERM, signal.SIGHUP):\n        signal.signal(n, signal.SIG_IGN)\n"
        "    time.sleep(60)\n    os._exit(0)"
    ),
    "stopped": (
        "pid = os.fork()\nif pid == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\n"
        "os.kill(pid, signal.SIGSTOP)"
    ),
    "chain": (
        "if os.fork() == 0:\n    end = time.monotonic() + 30\n    while time.monotonic() < end:\n"
        "        if os.fork():\n            os._exit(0)\n        os.setsid()\n    os._exit(0)"
    ),
}
PYTHON_ENDS = {
    "end": "import os, signal, time\n{}\ntime.sleep(0.1)",
    "deadline": "# genexec: timeout=1s\nimport os, signal, time\n{}\ntime.sleep(60)",
    "death": "import os, signal, time\n{}\ntime.sleep(60)",
}
PYTHON_SCRIPTS = {
    f"com.example.{way}.{end}.py": frame.format(text)
    for way, text in PYTHON.items()
    for end, frame in PYTHON_ENDS.items()
} | {"com.example.warm.py": "#"}
STATES = {"end": "passed", "deadline": "timed-out"}


@pytest.mark.parametrize("isolation", ["auto", "off"])
@pytest.mark.parametrize("warm", [False, True], ids=["programs", "forks of warm Python"])
def test_nothing_is_left_of_any_script(make_service, user, isolation, warm):
    ways, scripts = (PYTHON, PYTHON_SCRIPTS) if warm else (WAYS, SCRIPTS)
    it = make_service(
        scripts, user=user, isolation=isolation, at_once=30, per_project=30, grace="300ms"
    )
    if warm:
        it.warm("com.example.warm")

    runs = {(way, end): it.send(f"com.example.{way}.{end}") for way in ways for end in STATES}
    for (way, end), run in runs.items():
        assert it.ended(run)["state"] == STATES[end], (way, it.output(run))
    left = {which: pids for which, run in runs.items() if (pids := it.scripts(run))}

    assert it.forked() >= (len(runs) if warm else 0)

    last = {way: it.send(f"com.example.{way}.death") for way in ways}
    assert wait_until(lambda: all(it.scripts(run) for run in last.values()))
    time.sleep(0.3)
    processes = it.processes()
    it.process.send_signal(signal.SIGKILL)
    it.process.wait()
    all_gone = wait_until(lambda: not any(map(is_alive, [*processes, *it.scripts()])), seconds=2)
    left |= {(way, "death"): pids for way, run in last.items() if (pids := it.scripts(run))}

    assert left == {}
    assert len(processes) >= 6  # supervisor, keeper, runner, engine, arbiter, worker
    assert all_gone


def wait_until(ask, *, seconds=10.0):
    """Say whether *ask* came true in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
