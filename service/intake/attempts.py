"""Wrong credentials, counted per peer, so that guessing is slow and seen.

A count flows away with time: who is wrong more than so many times within the window is told
to wait. `guard` asks only about requests that already failed; one with the right credentials
is never held up by others from the same address, such as those behind one proxy.
"""

import ipaddress
from collections import OrderedDict

_WRONG = 100
"""Attempts that a peer has within the window."""
_WINDOW = 10.0
"""Seconds after which a full count has flowed away."""
_PEERS = 10_000
"""Counted at once; beyond them the one that was wrong longest ago is forgotten."""


class WrongAttempts:
    """Counts; used from one event loop only."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def too_many(self, peer: str, *, now: float) -> bool:
        """Count one more wrong attempt; say whether there were too many. *now* never jumps."""
        peer = _network(peer)
        count, since = self._counts.pop(peer, (0.0, now))
        count = max(0.0, count - (now - since) * _WRONG / _WINDOW) + 1
        self._counts[peer] = (min(count, _WRONG + 1.0), now)
        if len(self._counts) > _PEERS:
            self._counts.popitem(last=False)
        return count > _WRONG


def _network(peer: str) -> str:
    """Return what stands for one machine: of IPv6 the first half, which its owner fills freely."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return peer
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else address.exploded[:19]
