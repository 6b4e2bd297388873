"""Reading what a Git command says, and ending it with everything it started.

For `commands`. A command was started in a session of its own, so its helpers share its
process group; the group is signalled before the command is reaped, or its number could
already belong to others.
"""

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress

_OUTPUT_LIMIT = 64 * 1024 * 1024
_ERROR_LIMIT = 64 * 1024
_CHUNK = 64 * 1024
_GRACE = 0.5
_PAUSE = 0.01


def drained(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes, str]:
    """Read output and errors up to their ends or to *deadline* (monotonic).

    The third value says what went wrong, else it is empty. What exceeds the limit of the
    errors is dropped; an output that is too long is never returned in part.
    """
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, buffer in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, buffer)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(out), bytes(err), "no complete answer"
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is out or len(err) < _ERROR_LIMIT:
                    key.data.extend(chunk)
            if len(out) > _OUTPUT_LIMIT:
                return b"", bytes(err), "more output than is reasonable"
    return bytes(out), bytes(err), ""


def end(process: subprocess.Popen[bytes], deadline: float) -> None:
    """Wait for the end of *process*; when *deadline* is past, end its whole group.

    On SIGTERM Git removes its lock files, so that is tried first. Afterwards the process is
    reaped.
    """
    if not _ended(process, deadline) or time.monotonic() >= deadline:
        signal_group(process, signal.SIGTERM)
        _ended(process, time.monotonic() + _GRACE)
        signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal everything in the session of *process*, unless it was reaped already."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _ended(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Say whether it ended by *deadline*; it stays a zombie, so its number stays taken."""
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    pause = _PAUSE / 10
    while os.waitid(os.P_PID, process.pid, how) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE)
    return True
