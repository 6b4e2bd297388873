"""What engine and web ask of the kernel first of all (prctl(2))."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def end_with_parent(parent: int) -> None:
    """Be killed when the supervisor, process *parent*, dies.

    Scripts then end too, because their runner notices.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("genexec: the supervisor ended before this process began")


def keep_memory_private() -> None:
    """Let no other process of this user read this one's memory and environment."""
    _prctl(_PR_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
