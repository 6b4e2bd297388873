"""Whether the service is shutting down, asked before an event is taken.

The supervisor says so on a descriptor that the web process has from it.
"""

import select
from collections.abc import Callable


class Draining:
    """Asks a descriptor that can be read once the service is shutting down."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self) -> bool:
        """Say whether it is; several threads may ask."""
        return self.asked_by_one_thread()()

    def asked_by_one_thread(self) -> Callable[[], bool]:
        """Return what says it for less, to a thread that keeps it to itself."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return lambda: bool(poll.poll(0))
