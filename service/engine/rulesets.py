"""Rulesets that serve one run after the other, because making one is dear.

`isolation` asks for one per run. A ruleset cannot take back what it has allowed, so one that
served a run serves another only when the directory of the first is gone for good: then
nobody can reach what is still allowed. Who has entered a ruleset has a copy of it, and gets
nothing of what is allowed later.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from service.engine.landlock import READ, WRITE, Landlock, Place, Ruleset

_MOST = 32
"""Rulesets that are kept; each holds two descriptors."""
_MOST_RUNS = 16
"""Of one ruleset: until it is closed, the kernel holds on to the directory of each."""
_LOOKS = 2
"""Rulesets in use that are passed over before a new one is made."""

Key = tuple[int, int] | None
"""What tells the folder of a script from every other one, also from a later one of its name."""


class Kept:
    """A ruleset and the directory of the run it served last."""

    def __init__(self, rules: Ruleset, key: Key) -> None:
        self.rules = rules
        self.key = key
        self.runs = 0
        self._directory: Place | None = None

    @property
    def is_free(self) -> bool:
        """The directory is gone: not moved, and not one of a file system that does not count."""
        last = self._directory
        return last is not None and last.links > 0 and last.links_now() == 0

    def serve(self, directory: Place, landlock: Landlock) -> None:
        """Allow a run its *directory*, which is closed here. Raises `OSError`."""
        if self._directory is not None:
            self._directory.close()
        self._directory = directory
        self.runs += 1
        self.rules.allow([landlock.rule(directory)])

    def close(self) -> None:
        self.rules.close()
        if self._directory is not None:
            self._directory.close()


class Rulesets:
    """Makes and keeps them; is told when to begin anew with what all have in common."""

    def __init__(self, landlock: Landlock) -> None:
        self._landlock = landlock
        self._common: Sequence[bytes] = ()
        self._kept: deque[Kept] = deque()
        """Those that were lent last stand last."""

    def begin(self, common: Sequence[bytes]) -> None:
        """Close all; from now on each allows what is in *common*."""
        self.rest(0)
        self._common = common

    def rest(self, most: int = 1) -> None:
        """Close all but *most*; nobody is about to enter one."""
        while len(self._kept) > most:
            self._kept.popleft().close()

    def made(self, *, cwd: str, folder: str) -> Ruleset:
        """Return a new one, the caller's to close. Raises `OSError`."""
        return made(self._landlock, {cwd: WRITE, folder: READ}, self._common)

    def lent(self, *, cwd: str, folder: str) -> Ruleset:
        """Return one that is to be entered before the next call. Raises `OSError`."""
        key = _key(folder)
        kept = self._free(key)
        if kept is None:
            self.rest(_MOST - 1)
            kept = Kept(made(self._landlock, {folder: READ}, self._common), key)
        self._kept.append(kept)
        for place in opened({cwd: WRITE}):
            kept.serve(place, self._landlock)
        return kept.rules

    def _free(self, key: Key) -> Kept | None:
        """Take out one that another run may have."""
        for kept in [kept for kept in self._kept if kept.key == key][:_LOOKS]:
            if kept.is_free:
                self._kept.remove(kept)
                if kept.runs < _MOST_RUNS:
                    return kept
                kept.close()
        return None


def made(landlock: Landlock, rights: Mapping[str, int], common: Iterable[bytes] = ()) -> Ruleset:
    """Return a new ruleset with what is *common* and these *rights*. Raises `OSError`."""
    rules = Ruleset(landlock)
    try:
        rules.allow(common)
        for place in opened(rights):
            with closing(place):
                rules.allow([landlock.rule(place)])
    except OSError:
        rules.close()
        raise
    return rules


def opened(rights: Mapping[str, int]) -> Iterator[Place]:
    """Yield the places that can be opened; what we cannot reach no script can."""
    for path, right in rights.items():
        try:
            place = Place(path, right)
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            continue
        yield place


def _key(folder: str) -> Key:
    try:
        status = os.stat(folder, follow_symlinks=False)  # noqa: PTH116  # as everywhere here
    except OSError:
        return None
    return status.st_dev, status.st_ino
