"""Starting the runner process.

The supervisor of `genexec serve` does it first of all, while it is small, and hands the
connection on to the engine; `genexec run` does it for itself. Whoever starts the runner
also waits for it: it ends when the connection does, or at SIGTERM.

A program in one file has no interpreter that could be given a module. It is started again
as it stands, with `RUNNER` as its first argument, and is the runner then.
"""

import os
import socket
import subprocess
import sys

RUNNER = "--be-the-runner"
_UNPACKED = "_PYI_"
"""Variables of the program in one file: it is unpacked already, and where."""


def launch_runner(
    *, path: str, python: str = sys.executable
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a runner process; return it and the engine's end of the connection.

    It inherits standard error and nothing else: *path* is its `PATH`, *python* the absolute
    path of an interpreter that knows this package. It has a session of its own, so that
    signals to the service's process group pass it by. The returned end must be open in one
    process only, because its closing is what ends the runner and every script. Raises
    `OSError` when *python* cannot be started.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        try:
            process = subprocess.Popen(
                [*_command(python), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": path, "LANG": "C.UTF-8"} | _unpacked(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
    return process, ours


def _command(python: str) -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, RUNNER]
    return [python, "-I", "-m", "service.engine.runner"]


def _unpacked() -> dict[str, str]:
    """Return what the program in one file needs to start itself again without unpacking.

    Its loader has named the place of its libraries for the first start only, and `unpacked`
    has taken that back, so that scripts never see it.
    """
    kept = {name: value for name, value in os.environ.items() if name.startswith(_UNPACKED)}
    place = getattr(sys, "_MEIPASS", "")
    return {**kept, "LD_LIBRARY_PATH": place} if place else kept
