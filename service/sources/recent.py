"""A bounded memory of what was used last.

The sources keep directories, sizes and contents in it. Everything kept here can be read
again, so forgetting costs time and nothing else.
"""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping that forgets the least recently used values beyond *capacity*."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        """Return the value and mark it as used; None when it is not here."""
        kept = self._values.get(key)
        if kept is None:
            return None
        self._values.move_to_end(key)
        return kept[0]

    def put(self, key: K, value: V, *, weight: int = 1) -> None:
        """Keep *value*; one that is heavier than the whole capacity is not kept."""
        self.drop(key)
        if weight > self._capacity:
            return
        self._values[key] = (value, weight)
        self._weight += weight
        while self._weight > self._capacity:
            _, (_, gone) = self._values.popitem(last=False)
            self._weight -= gone

    def drop(self, key: K) -> None:
        """Forget *key*, if it is known."""
        kept = self._values.pop(key, None)
        if kept is not None:
            self._weight -= kept[1]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._values)
