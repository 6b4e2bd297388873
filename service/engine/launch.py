"""Starting the runner process.

The supervisor of `genexec serve` does it first of all, while it is small, and hands the
connection on to the engine; `genexec run` does it for itself. Whoever starts the runner
also waits for it: it ends when the connection does, or at SIGTERM.
"""

import socket
import subprocess
import sys


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
                [python, "-I", "-m", "service.engine.runner", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": path, "LANG": "C.UTF-8"},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
    return process, ours
