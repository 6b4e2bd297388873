"""How the fork of a warm interpreter becomes the script of a run.

`process` calls `become_script` in the fork, which waits for its order and does what the kernel does
at `execve`, in this order: session, streams, isolation, directory, environment, arguments.
Limits are on before the order comes. Where a fork could behave other than a fresh
interpreter it becomes one: the order has all that takes.
"""

import contextlib
import json
import os
import posix
import signal
import site
import sys
import threading
import time
import warnings
from socket import AF_UNIX, SOCK_STREAM, SocketType
from types import CodeType
from typing import NoReturn

from service.engine.warm.letters import COLD, FAILED, Letter, receive
from service.engine.warm.memory import Kernel, Shown

_READ_AT_START = (
    b"GLIBC_TUNABLES",
    b"LC_",
    b"LD_",
    b"LOCPATH",
    b"MALLOC_",
    b"OPENSSL_",
    b"PYTHON",
    b"SSL_CERT_",
)
"""Beginnings of names that a program reads once, when it starts."""
_LANGUAGE, _HOME, _TIME_ZONE = b"LANG", b"HOME", b"TZ"
_NOT_RUN = 127
_MOST_DESCRIPTORS = 1 << 16


def become_script(kept: int, shown: Shown, kernel: Kernel) -> tuple[CodeType, str, Kernel]:
    """Become what the gate *kept* tells of; return what `run` wants to know."""
    os.closerange(3, kept)
    os.closerange(kept + 1, _MOST_DESCRIPTORS)
    gate = SocketType(AF_UNIX, SOCK_STREAM, 0, kept)
    received = receive(gate)
    if received is None:
        os._exit(0)
    # Not earlier: whoever is in the session of the interpreter has run nothing of a script.
    os.setsid()
    letter, descriptors = received
    language, home = posix.environ.get(_LANGUAGE), posix.environ.get(_HOME)
    try:
        _become(letter, descriptors, shown, kernel)
        _look_around(home)
        code, why = _code_of(letter, language)
        if code is None:
            _tell(gate, COLD, why)
            _start_anew(letter)
    except OSError as error:
        _tell(gate, FAILED, error.strerror or str(error))
        os._exit(_NOT_RUN)
    gate.close()
    return code, sys.argv[0], kernel


def _become(letter: Letter, descriptors: tuple[int, ...], shown: Shown, kernel: Kernel) -> None:
    stdout, stderr, *rulesets = descriptors
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    try:
        for ruleset in rulesets:
            kernel.enter_ruleset(ruleset)
    except OSError as error:
        raise OSError(f"the script could not be isolated: {error.strerror}") from error
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(letter.cwd)
    shown.become(letter.argv, letter.block)
    # Now the runner can read whose it is, and so may its own like.
    kernel.set_dumpable(dumpable=True)
    script = _text(letter.argv[-2])
    sys.orig_argv[:] = [_text(word) for word in letter.argv]
    sys.argv[:] = sys.orig_argv[-2:]
    sys.path.insert(0, os.path.dirname(script))  # noqa: PTH120  # less to load


def _look_around(home: bytes | None) -> None:
    """Do what modules do with clock, thread and home directory when they are loaded.

    *home* is what `site` has taken for the home directory.
    """
    if _TIME_ZONE in posix.environ:
        time.tzset()
    logging = sys.modules.get("logging")
    began = getattr(logging, "_startTime", None)
    if began is not None:
        now = time.time_ns() if isinstance(began, int) else time.time()
        setattr(logging, "_startTime", now)  # noqa: B010  # no public way
    set_native_id = getattr(threading.main_thread(), "_set_native_id", None)
    if set_native_id is not None:  # Python 3.11 forgets
        set_native_id()
    own = posix.environ.get(_HOME, b"")
    if home and own[:1] == b"/" != own[-1:] and site.USER_BASE and site.USER_SITE:
        before, after = _text(home), _text(own)
        site.USER_BASE = site.USER_BASE.replace(before, after, 1)
        site.USER_SITE = site.USER_SITE.replace(before, after, 1)
    else:
        site.USER_BASE = site.USER_SITE = None  # lie in it
        site.getusersitepackages()


def _code_of(letter: Letter, language: bytes | None) -> tuple[CodeType | None, str]:
    """Return the script compiled, or None and why it needs an interpreter of its own."""
    read_at_start = [name for name in posix.environ if name.startswith(_READ_AT_START)]
    if read_at_start:
        return None, f"Python reads {_text(read_at_start[0])} when it starts"
    if posix.environ.get(_LANGUAGE) != language:
        return None, f"{_text(_LANGUAGE)} is another one"
    script = _text(letter.argv[-2])
    for sibling in os.listdir(sys.path[0]):  # noqa: PTH208  # less to load
        if sibling in sys.modules or sibling.removesuffix(".py") in sys.modules:
            return None, f"{sibling} stands before a module that is loaded already"
    with open(script, "rb") as file:  # noqa: PTH123  # less to load
        content = file.read()
    # What the compiler says, an interpreter of its own says word for word.
    try:
        with warnings.catch_warnings(record=True) as said:
            code = compile(content, script, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return None, "it cannot be compiled"
    return (None, "the compiler has something to say") if said else (code, "")


def _start_anew(letter: Letter) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(number, signal.SIG_DFL)
    variables = dict(entry.split(b"=", 1) for entry in letter.block.split(b"\0")[:-1])
    os.execve(letter.argv[0], letter.argv, variables)  # noqa: S606  # as the runner does


def _text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")  # as `os.fsdecode` does, in the language we have


def _tell(gate: SocketType, kind: str, why: str) -> None:
    with contextlib.suppress(OSError):
        gate.send(json.dumps([kind, why]).encode())
