"""What a script writes to its standard output and error, kept up to a limit.

`processes` makes one `Capture` per run and passes its writing ends to the runner. Memory
stays bounded whatever the script writes: what exceeds the kept part is read, so that the
script does not block, and only counted.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial

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

    def __init__(self, *, kept: int, limit: int, exceeded: Callable[[], None]) -> None:
        """Open the pipes; *exceeded* is called once when more than *limit* bytes came.

        Raises `OSError` when there are no descriptors left.
        """
        self.stdout = Kept(kept)
        self.output = Kept(kept)
        """Both streams in order of arrival."""
        self._limit = limit
        self._exceeded = exceeded
        self._total = 0
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._reading: set[int] = set()
        stdout, stdout_end = os.pipe()
        try:
            stderr, stderr_end = os.pipe()
        except OSError:
            os.close(stdout)
            os.close(stdout_end)
            raise
        self.writing_ends = (stdout_end, stderr_end)
        """Whoever takes them closes them."""
        for stream in (stdout, stderr):
            os.set_blocking(stream, False)
            self._reading.add(stream)
            self._loop.add_reader(stream, partial(self._read, stream, is_stdout=stream == stdout))
        self._stdout = stdout

    @property
    def cut(self) -> int:
        """How many bytes of the output are not kept."""
        return self._total - self.output.size

    async def finish(self, *, within: float) -> None:
        """Read the rest, at most *within* seconds, and close the pipes.

        A process that is none of the run's may still hold a writing end.
        """
        for stream in tuple(self._reading):
            self._read(stream, is_stdout=stream == self._stdout)
        if self._reading:
            try:
                await asyncio.wait_for(self._closed.wait(), within)
            except TimeoutError:
                self.close()

    def close(self) -> None:
        """Stop reading."""
        for stream in tuple(self._reading):
            self._end(stream)

    def _read(self, stream: int, *, is_stdout: bool) -> None:
        try:
            chunk = os.read(stream, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._end(stream)
            return
        before = self._total
        self._total += len(chunk)
        self.output.add(chunk)
        if is_stdout:
            self.stdout.add(chunk)
        if before <= self._limit < self._total:
            self._exceeded()

    def _end(self, stream: int) -> None:
        self._loop.remove_reader(stream)
        os.close(stream)
        self._reading.discard(stream)
        if not self._reading:
            self._closed.set()
