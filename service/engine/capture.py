"""What a script writes to its standard output and error, kept up to a limit.

`processes` makes one `Capture` per run and passes its writing ends to the runner. Memory
stays bounded whatever the script writes: what exceeds the kept part is read, so that the
script does not block, and only counted.
"""

import asyncio
import os
from collections.abc import Callable

from service.engine.streams import Streams

_CHUNK = 65536


class Kept:
    """The first bytes of a stream.

    One growing buffer would be simpler and leave nine times its size behind in the heap.
    """

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._blocks: list[bytes] = []
        self._last = bytearray()

    def add(self, chunk: bytes) -> None:
        """Keep of *chunk* what still fits."""
        if self.size >= self._limit:
            return
        self._last += chunk[: self._limit - self.size]
        self.size = min(self._limit, self.size + len(chunk))
        if len(self._last) >= _CHUNK:
            self._blocks.append(bytes(self._last))
            self._last.clear()

    def content(self, start: int = 0) -> bytes:
        """Return what was kept, from byte *start* on."""
        if start >= self.size - len(self._last):  # nothing is copied but what is new
            return bytes(self._last[start - self.size + len(self._last) :])
        return b"".join((*self._blocks, self._last))[start:]


class Capture:
    """Two pipes, read by the running loop as their content arrives."""

    def __init__(
        self, streams: Streams, *, kept: int, limit: int, exceeded: Callable[[], None]
    ) -> None:
        """Open the pipes; *exceeded* is called once when more than *limit* bytes came.

        Raises `OSError` when there are no descriptors left.
        """
        self.stdout = Kept(kept)
        self.output = Kept(kept)
        """Both streams in order of arrival."""
        self._streams = streams
        self._limit = limit
        self._exceeded = exceeded
        self._total = 0
        self._closed = asyncio.Event()
        self._reading: list[int] = []
        ends: list[int] = []
        try:
            for _ in range(2):
                stream, end = os.pipe()
                self._reading.append(stream)
                ends.append(end)
            self._stdout = self._reading[0]
            for stream in self._reading:
                os.set_blocking(stream, False)
                streams.add(stream, self._read)
        except OSError:
            self.close()
            for end in ends:
                os.close(end)
            raise
        self.writing_ends = (ends[0], ends[1])
        """Whoever takes them closes them."""

    @property
    def cut(self) -> int:
        """How many bytes of the output are not kept."""
        return self._total - self.output.size

    async def finish(self, *, within: float) -> None:
        """Read the rest, at most *within* seconds, and close the pipes.

        A process that is none of the run's may still hold a writing end.
        """
        for stream in tuple(self._reading):
            if self._read(stream):  # what it wrote last; behind it is the end
                self._read(stream)
        if self._reading:
            try:
                await asyncio.wait_for(self._closed.wait(), within)
            except TimeoutError:
                self.close()

    def close(self) -> None:
        """Stop reading."""
        for stream in tuple(self._reading):
            self._end(stream)

    def _read(self, stream: int) -> bool:
        """Take what is there; say whether there was something."""
        try:
            chunk = os.read(stream, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self._end(stream)
            return False
        before = self._total
        self._total += len(chunk)
        self.output.add(chunk)
        if stream == self._stdout:
            self.stdout.add(chunk)
        if before <= self._limit < self._total:
            self._exceeded()
        return True

    def _end(self, stream: int) -> None:
        self._streams.forget(stream)
        os.close(stream)
        self._reading.remove(stream)
        if not self._reading:
            self._closed.set()
