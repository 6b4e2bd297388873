"""The plugin process of a Botkube agent, put together.

`deploy/botkube/plugin/executor_script.py` is the program: it calls `step_in` before it
imports this module, and `be_the_plugin` after it. What answers commands is opened by
`opened_plugin`, the one place that knows.

The process is gone within two seconds of the host's wish (`Shutdown`, SIGTERM) or death,
whatever it is doing: a thread counts, because a loop that hangs cannot.
"""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType

from service.botkube.ancestors import broken, chain
from service.botkube.blueprints import own_blueprints
from service.botkube.chat import Chat
from service.botkube.description import describe
from service.botkube.doorstep import shake_hands
from service.botkube.hclog import log_to_the_host
from service.botkube.programs import Programs
from service.botkube.server import Plugin, PluginServer
from service.botkube.standard_error import keep_for_ourselves
from service.botkube.unpacked import remove_abandoned, wrappers
from service.engine.process_tree import descendants, signal_process
from service.engine.sandbox import adopt_orphans
from service.wiring.desks import Desks

_LOOK = 0.2
_LEAVING = 1.0
"""Seconds for answers under way and for closing what was opened."""
_PAUSE = 0.01
_ENDING = 0.3
"""Seconds for what was started and is still there."""

OpenPlugin = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Plugin]]


@asynccontextmanager
async def opened_plugin(environment: Mapping[str, str]) -> AsyncIterator[Plugin]:
    """Open what answers commands, given the environment of the process."""
    desks = Desks()
    chat = Chat(
        desks.open,
        description=describe(),
        programs=Programs(
            path=environment.get("PATH", os.defpath),
            dependency_dir=environment.get("PLUGIN_DEPENDENCY_DIR", ""),
        ),
        blueprints=own_blueprints(),
    )
    try:
        yield chat
    finally:
        await chat.close()
        await desks.close()


def be_the_plugin(
    host: int, environment: Mapping[str, str], *, opened: OpenPlugin = opened_plugin
) -> None:
    """Serve until the host wants us to go or is gone; does not return.

    *host* is the descriptor that `step_in` returned.
    """
    known = chain(wrappers(environment))
    log_to_the_host(keep_for_ourselves())
    adopt_orphans()
    # Not SIG_IGN, which scripts would inherit. An interrupt on the agent's terminal reaches
    # us through `Shutdown`.
    signal.signal(signal.SIGINT, _nothing)
    remove_abandoned()
    asyncio.run(_serve(host, environment, opened, gone=lambda: broken(known)))
    _leave()


async def _serve(
    host: int, environment: Mapping[str, str], opened: OpenPlugin, *, gone: Callable[[], bool]
) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    noticed = threading.Event()

    def stop() -> None:
        stopping.set()
        noticed.set()

    def stop_from_thread() -> None:
        loop.call_soon_threadsafe(stop)

    loop.add_signal_handler(signal.SIGTERM, stop)
    guard = threading.Thread(
        target=_guard, args=(noticed, gone, stop_from_thread), name="guard", daemon=True
    )
    guard.start()
    async with opened(environment) as plugin:
        server = PluginServer(
            plugin,
            stop=stop,
            stopping=stopping,
            socket_dir=environment.get("PLUGIN_UNIX_SOCKET_DIR") or None,
        )
        await server.serve(lambda address: shake_hands(host, address))


def _guard(noticed: threading.Event, gone: Callable[[], bool], stop: Callable[[], None]) -> None:
    while not noticed.wait(_LOOK) and not gone():
        pass
    stop()
    time.sleep(_LEAVING)
    _leave()


def _leave() -> None:
    _end_descendants(within=_ENDING)  # nobody could end them after us
    os._exit(0)


def _end_descendants(*, within: float) -> None:
    # One by one: the process group of a child may be that of the host.
    until = time.monotonic() + within
    while (left := descendants(os.getpid())) and time.monotonic() < until:
        for process in left:
            signal_process(process.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(_PAUSE)


def _nothing(_: int, __: FrameType | None) -> None: ...
