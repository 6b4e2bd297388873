"""A warm interpreter: loads what scripts need, then forks when it is told to.

`interpreter` starts it with the flags that scripts have and none of the service's variables.
It holds no secret and learns nothing of runs. It has one thread, or says that it is unfit.
How a fork becomes a child of the runner is told in `forking`.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
from types import CodeType

from service.engine.warm.child import become_script
from service.engine.warm.forking import Fork, fork_for_parent
from service.engine.warm.letters import BORN, FAILED, READY, ROOM, UNFIT, stamps
from service.engine.warm.memory import Kernel, Shown

PRELOADED = ("json", "requests", "yaml")
_OUR_PACKAGE = "service"
_GATE = struct.Struct("i")
_ROOM_FOR_GATE = socket.CMSG_SPACE(_GATE.size)
_BORN = BORN.encode()


def born() -> tuple[CodeType, str, Kernel]:
    """Load, say how that went, and fork until the runner closes the socket.

    Returns in the forks only, with the script of each, its path, and what `run` needs besides.

    The arguments are the directory of our package, the descriptor of the socket and the
    process id of the runner.
    """
    kernel = Kernel()
    kernel.set_dumpable(dumpable=False)
    kernel.end_with_parent(signal.SIGKILL)
    ours, descriptor, runner = sys.argv[1:4]
    if os.getppid() != int(runner):
        os._exit(0)
    channel = socket.socket(fileno=int(descriptor))
    channel.set_inheritable(False)
    os.chdir("/")
    shown = Shown(ROOM)
    # What scripts have there is put in by the fork.
    del sys.path[0]
    sys.path_importer_cache.pop(ours, None)
    seen = stamps([*sys.path, sys.executable])
    preload()
    forget_ourselves()
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208  # less to load
    if threads != 1:
        _say(channel, UNFIT, f"its libraries start threads ({threads - 1})")
        os._exit(0)
    fork = fork_for_parent()
    gc.collect()
    gc.freeze()
    _say(channel, READY, seen)
    return become_script(_fork_until_born(channel, fork), shown, kernel)


def preload() -> None:
    """Import what scripts use; an interpreter need not have all of it."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def forget_ourselves() -> None:
    """Take this package out of the modules: a script that imports it gets its own."""
    for name in list(sys.modules):
        if name.partition(".")[0] == _OUR_PACKAGE:
            del sys.modules[name]


def _fork_until_born(channel: socket.socket, fork: Fork) -> int:
    """Fork whenever a gate comes; return in the forks only, with the descriptor of each.

    What this touches is copied after every fork, so it is little.
    """
    while True:
        request, ancillary, _, _ = channel.recvmsg(1, _ROOM_FOR_GATE, socket.MSG_CMSG_CLOEXEC)
        if not request:
            os._exit(0)
        gate = _GATE.unpack_from(ancillary[0][2])[0]
        try:
            born = fork()
        except OSError as error:
            _say(channel, FAILED, f"it cannot fork: {error.strerror}")
        else:
            if born == 0:
                channel.close()
                return int(gate)
            channel.send(b'["%b", %d]' % (_BORN, born))
        os.close(gate)


def _say(channel: socket.socket, *words: object) -> None:
    channel.send(json.dumps(words).encode())
