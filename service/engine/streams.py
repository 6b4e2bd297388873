"""Pipes that are watched together: one entry in the event loop for all.

`runner_client` owns one `Streams`; every `capture` adds its two pipes to it and closes them. A
closed pipe is forgotten by the kernel, so that nothing has to be taken out.
"""

import asyncio
import select
from collections.abc import Callable

_AT_ONCE = 64


class Streams:
    """Tells who reads a pipe that there is something to read; used in one event loop."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[int], object]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """Watch nothing any more."""
        if self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def add(self, stream: int, read: Callable[[int], object]) -> None:
        """Call *read* with *stream* whenever something is there, or its end. Raises `OSError`."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._epoll.fileno(), self._dispatch)
        self._epoll.register(stream, select.EPOLLIN)
        self._readers[stream] = read

    def forget(self, stream: int) -> None:
        """Call nobody for *stream* any more; it is closed next."""
        self._readers.pop(stream, None)

    def _dispatch(self) -> None:
        for stream, _ in self._epoll.poll(0, _AT_ONCE):
            read = self._readers.get(stream)
            if read is not None:  # not closed by what an earlier one in this turn has caused
                read(stream)
