"""Whether the service is shutting down, asked before an event is taken.

The supervisor says so on a descriptor that the web process has from it; that stays readable.
"""

import asyncio
import select


class Draining:
    """Asks a descriptor that can be read once the service is shutting down."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self) -> bool:
        """Say whether it is; any thread may ask."""
        poll = select.poll()  # of its own: one object serves one thread only
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(0))


class DrainingLoop:
    """The same for those on an event loop, who ask for every event: the loop looks for them."""

    def __init__(self, draining: Draining, descriptor: int) -> None:
        self._draining = draining
        self._descriptor = descriptor
        self._watched = False
        self._seen = False

    def __call__(self) -> bool:
        """Say whether it is, as the loop saw it last."""
        if not self._watched:
            self._watched = True
            self._seen = self._draining()
            asyncio.get_running_loop().add_reader(self._descriptor, self._see)
        return self._seen

    def _see(self) -> None:
        self._seen = True
        asyncio.get_running_loop().remove_reader(self._descriptor)
