"""What a running script has written so far, masked, for whoever looks on.

`processes` announces each script here while it runs; the engine answers questions about it.
Nothing is done for a script that nobody looks at.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from service.masks import FlowingMask, Masks
from service.ports import Order


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Some output of an attempt that is under way."""

    position: int
    number: int
    start: int
    """How many bytes of the masked output come before."""
    content: bytes


@dataclass(slots=True)
class _Seen:
    order: Order
    written: Callable[[int], bytes]
    mask: FlowingMask | None = None
    read: int = 0
    masked: bytearray = field(default_factory=bytearray)


class LiveOutputs:
    """The outputs of the scripts that run; used on one event loop."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._running: dict[str, _Seen] = {}

    def announce(self, order: Order, written: Callable[[int], bytes]) -> None:
        """Let people look on until it is over; *written* returns what was kept from a byte on."""
        self._running[order.run] = _Seen(order, written)

    def over(self, order: Order) -> None:
        """There is nothing more to look at; the record has it soon."""
        del self._running[order.run]

    def piece(self, run: str, *, attempt: tuple[int, int], start: int, limit: int) -> Piece | None:
        """Return at most *limit* bytes of what the script of *run* wrote; None when none runs.

        From *start* on if *attempt* (position and number) is the one that runs, else from its
        beginning. What is returned is the beginning of what the record will hold.
        """
        seen = self._running.get(run)
        if seen is None:
            return None
        self._take(seen)
        current = (seen.order.position, seen.order.number)
        start = min(start, len(seen.masked)) if attempt == current else 0
        return Piece(
            position=current[0],
            number=current[1],
            start=start,
            content=bytes(seen.masked[start : start + limit]),
        )

    def _take(self, seen: _Seen) -> None:
        seen.mask = seen.mask or self._masks.flowing()
        new = seen.written(seen.read)
        seen.read += len(new)
        seen.masked += seen.mask.add(new)
