"""How a warm interpreter forks children of the runner, which waits for them.

`clone` with CLONE_PARENT makes a sibling in place of a child. Called beside the C library
it has to be told where the library keeps the id of its thread, as that tells it in its own
fork: else the library takes the interpreter for the owner of every lock. What the library's
fork does besides is for processes with threads, or with an OpenSSL that does not look at
its process id. Where all that does not hold, a process in between forks and ends: its child
falls to the runner, the sub-reaper, at twice the price. Used by `process`.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

Fork = Callable[[], int]
"""Returns the id of a child of this process's parent, 0 in that one. Raises `OSError`."""

_CALLS = {"x86_64": (56, 273, 274), "aarch64": (220, 99, 100)}
"""Numbers of `clone`, `set_robust_list` and `get_robust_list`, by machine."""
_PARENT, _CLEAR_ID, _SET_ID = 0x8000, 0x200000, 0x1000000
_FLAGS = _PARENT | _CLEAR_ID | _SET_ID | signal.SIGCHLD
_GET_ID_ADDRESS = 40
_LEARNT_TO_LOOK = (3,)
"""Since this version OpenSSL sees by itself, in every case, that it was forked."""


def fork_for_parent() -> Fork:
    """Return the best way to fork that there is here, for a process with one thread."""
    return _sibling() or fork_twice


def fork_twice() -> int:
    """Do it by a process in between, and wait for its end."""
    reading, writing = os.pipe()
    try:
        middle = _fork_briefly()
        if middle == 0:
            if _is_child(writing):
                return 0
            os._exit(0)
        # When it has been waited for, its child is the runner's.
        os.waitpid(middle, 0)
        os.set_blocking(reading, False)
        born = int(os.read(reading, 20))
    finally:
        os.close(reading)
        os.close(writing)
    return _checked(born, number=-born)


def _is_child(writing: int) -> bool:
    """Fork; say True in the child, else write its id, or less than 0 when there is none."""
    try:
        born = os.fork()
    except OSError as error:
        born = -(error.errno or 0)
    if born:
        os.write(writing, b"%d" % born)
    return born == 0


def _fork_briefly() -> int:
    """Fork a process that only forks again and ends: what Python does after a fork is left out.

    That is most of what a fork costs. Raises `OSError`.
    """
    library = ctypes.PyDLL(None, use_errno=True)
    if not hasattr(library, "_Fork"):  # before glibc 2.34
        return os.fork()
    return _checked(int(getattr(library, "_Fork")()))  # noqa: B009  # public in the C library


def _sibling() -> Fork | None:
    """Return how to do it by one call, None where that would not be the same."""
    numbers = _CALLS.get(os.uname().machine) if sys.maxsize > 1 << 32 else None
    library = ctypes.PyDLL(None, use_errno=True)
    own, robust, size = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
    if numbers is None or library.prctl(_GET_ID_ADDRESS, ctypes.byref(own), 0, 0, 0) != 0:
        return None
    if not own.value or ctypes.c_int.from_address(own.value).value != os.getpid():
        return None
    if getattr(sys.modules.get("_ssl"), "OPENSSL_VERSION_INFO", _LEARNT_TO_LOOK) < _LEARNT_TO_LOOK:
        return None
    clone_number, set_number, get_number = map(ctypes.c_long, numbers)
    if library.syscall(get_number, 0, ctypes.byref(robust), ctypes.byref(size)) != 0:
        return None
    clone = library["syscall"]
    clone.restype = ctypes.c_long
    # Which of the last two is the address depends on the machine; the other one is not looked at.
    arguments = (clone_number, ctypes.c_long(_FLAGS), None, None, own, own)
    python = ctypes.pythonapi
    before, in_child, in_parent = (
        python.PyOS_BeforeFork,
        python.PyOS_AfterFork_Child,
        python.PyOS_AfterFork_Parent,
    )

    def fork() -> int:
        before()
        born = clone(*arguments)
        if born != 0:
            in_parent()
            return _checked(born)
        library.syscall(set_number, robust, size)
        in_child()
        return 0

    return fork


def _checked(result: int, *, number: int = 0) -> int:
    if result < 0:
        number = number or ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
