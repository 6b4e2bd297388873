"""The runner process: starts scripts, limits them, ends everything they leave.

`launch` starts it as `python -I -m service.engine.runner DESCRIPTOR`, with one end of a
socket pair; `processes` in the engine holds the other end. It has one loop, starts scripts
in threads that end at once (see `isolation`), knows no event and holds no secret.

It is two processes. The keeper only waits; should the runner be killed under its scripts,
they fall to the keeper, which ends them. Should the keeper be killed, the runner ends. The
end of the connection is the end of the engine, and that of every script.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

from service.engine.process_tree import end_all
from service.engine.protocol import Channel
from service.engine.runner_loop import RunnerLoop
from service.engine.sandbox import adopt_orphans, end_with_parent, restrict_self, work_in_batches
from service.engine.script_process import PATIENCE


class Terminated(Exception):
    """Somebody sent SIGTERM."""


def main() -> None:
    """Be the keeper, and in a child of it the runner."""
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    restrict_self()
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM):
        # Not SIG_IGN, which the scripts would inherit.
        signal.signal(number, _nothing)
    keeper = os.getpid()
    runner = os.fork()
    if runner == 0:
        code = _be_the_runner(channel, keeper)
    else:
        channel.close()
        code = _keep(runner)
    # Both have nothing left to say, and what was loaded needs no tidying.
    os._exit(code)


def _be_the_runner(channel: Channel, keeper: int) -> int:
    adopt_orphans()
    end_with_parent()
    work_in_batches()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if os.getppid() == keeper:
            RunnerLoop(channel).serve()
    except (ConnectionError, Terminated):
        return 0
    finally:
        signal.signal(signal.SIGTERM, _nothing)
        end_all(within=PATIENCE)
    return 0


def _keep(runner: int) -> int:
    signal.signal(signal.SIGTERM, _forward_to(runner))
    _, status = os.waitpid(runner, 0)
    end_all(within=PATIENCE)
    return abs(os.waitstatus_to_exitcode(status))


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Let the wakeup descriptor speak."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _forward_to(runner: int) -> Callable[[int, FrameType | None], None]:
    def forward(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(runner, number)

    return forward


if __name__ == "__main__":
    main()
