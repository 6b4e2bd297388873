"""How the event sink is, judged by what became of the last attempts.

`outbox` tells every outcome and asks two things: has this turned the sink, which is worth
one alarm; and may more than one attempt be made now. A single context that fails on its
own must not stop the others, and a sink that is away must not be asked by a hundred
thousand contexts: it is tested by one attempt at a time.
"""

_DOWN_AFTER = 3
"""Failed attempts in a row."""


class Condition:
    """Whether the sink takes events; *pause* are the seconds between two tests of it."""

    def __init__(self, *, pause: float) -> None:
        self._pause = pause
        self._row = 0
        self._who = ""
        self._several = False
        self.down = False
        self.trouble = ""
        """What it said last, empty while it takes events."""
        self.test_at = 0.0
        """Monotonic seconds of the next attempt while it is `shut`."""

    @property
    def shut(self) -> bool:
        """Say whether only one attempt at a time makes sense: it fails for several contexts."""
        return self.down and self._several

    def failed(self, context: str, *, now: float, why: str, wish: float) -> bool:
        """Note a failed attempt; *wish* are the seconds the sink asks to be left alone.

        Return whether the sink counts as down from now on.
        """
        self._several = self._several or (self._row > 0 and context != self._who)
        self._row += 1
        self._who = context
        self.trouble = why
        self.test_at = now + max(self._pause, wish)
        turned = not self.down and self._row >= _DOWN_AFTER
        self.down = self.down or turned
        return turned

    def succeeded(self) -> bool:
        """Note that the sink took or refused an event; return whether it was down before."""
        turned = self.down
        self.down = self._several = False
        self._row = 0
        self.trouble = ""
        return turned
