"""What a setting is: its key, how it is read, its default and its meaning."""

from collections.abc import Callable
from dataclasses import dataclass

PREFIX = "GENEXEC_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One setting."""

    key: str
    read: Callable[[str], object]
    default: str
    meaning: str
    also: tuple[str, ...] = ()
    """Variables of the predecessor and of Knative that mean the same."""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.key.upper()


def row(key: str, read: Callable[[str], object], default: str, meaning: str, *also: str) -> Row:
    """Return the row of one setting; *also* are names of other programs."""
    return Row(key=key, read=read, default=default, meaning=meaning, also=also)
