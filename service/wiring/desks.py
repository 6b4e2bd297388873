"""Desks for chat: at a running service, or at an engine in this process.

`botkube` (the process) makes one `Desks`. A channel's config says which; an engine of our own
is opened by the first command that needs it and stays until the process ends, one per
repository and settings. It is given nothing of the agent's environment.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

from service.botkube.configs import Config, Embedded, Remote
from service.config.reading import read_settings
from service.config.rows import PREFIX, ROWS
from service.desk import Desk
from service.errors import BadSettings, EngineUnavailable
from service.remote.desk import RemoteDesk
from service.wiring.embedded import opened_engine
from service.wiring.embedded_desk import EmbeddedEngine

_MOST = 4
"""Engines at a time; each has a runner and a journal of its own."""


class Desks:
    """Opens a desk for each command."""

    def __init__(self) -> None:
        self._engines: dict[Embedded, tuple[EmbeddedEngine, AsyncExitStack]] = {}
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """End the engines; their scripts are interrupted."""
        engines, self._engines = self._engines, {}
        await asyncio.gather(*(stack.aclose() for _, stack in engines.values()))

    @asynccontextmanager
    async def open(self, config: Config, kubeconfig: bytes) -> AsyncIterator[Desk]:
        """Open the desk that *config* names; runs asked for there get *kubeconfig*.

        Raises `BadSettings`, `JournalLocked` or `EngineUnavailable`.
        """
        if isinstance(config.engine, Remote):
            with closing(_remote(config.engine)) as desk:
                yield desk
            return
        engine = await self._engine(config.engine)
        yield engine.desk({"KUBECONFIG": kubeconfig} if kubeconfig else None)

    async def _engine(self, wanted: Embedded) -> EmbeddedEngine:
        async with self._opening:
            known = self._engines.get(wanted)
            if known is not None:
                try:
                    known[0].check()
                    return known[0]
                except EngineUnavailable:
                    del self._engines[wanted]
                    await known[1].aclose()
            if len(self._engines) >= _MOST:
                raise EngineUnavailable(
                    f"this plugin carries {_MOST} engines already: let channels share one, or "
                    "name a running service in engine.url"
                )
            settings = read_settings(_environment(wanted))
            stack = AsyncExitStack()
            engine = await stack.enter_async_context(opened_engine(settings, {}))
            self._engines[wanted] = engine, stack
            return engine


def _remote(engine: Remote) -> RemoteDesk:
    return RemoteDesk(
        engine.url, token=engine.token, token_file=engine.token_file, ca_file=engine.ca_file
    )


def _environment(wanted: Embedded) -> dict[str, str]:
    """Return the settings as the environment of a service would have them."""
    unknown = [key for key, _ in wanted.settings if key not in ROWS]
    if unknown:
        raise BadSettings(f"the config of this plugin has an unknown setting {unknown[0]!r}")
    given = {f"{PREFIX}{key.upper()}": text for key, text in wanted.settings}
    mark = hashlib.sha256(repr(wanted).encode()).hexdigest()[:12]
    own = Path(tempfile.gettempdir()) / f"genexec-{mark}"
    return {f"{PREFIX}STATE_DIR": str(own), **given, f"{PREFIX}SCRIPTS": wanted.scripts}
