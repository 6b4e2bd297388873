"""The variables of a script on their way: all names, then all values.

A hundred of them go beside the JSON of a `Start`, which would cost more than all the rest:
here they are joined at one stroke and parted at one stroke. Used by `protocol`.
"""

from collections.abc import Iterator, Mapping


class PassedVariables(Mapping[str, str]):
    """Variables as they arrive; `os.posix_spawn` asks for the two lists."""

    def __init__(self, text: str) -> None:
        """Take apart what `joined` has made."""
        words = text.split("\0")
        half = len(words) // 2
        self._names, self._values = words[:half], words[half:]

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def keys(self) -> list[str]:  # type: ignore[override]  # a list is what is wanted
        return self._names

    def values(self) -> list[str]:  # type: ignore[override]  # as above
        return self._values


def joined(variables: Mapping[str, str]) -> str | None:
    """Return them as one text; None when there are none, or one has a NUL."""
    text = "\0".join((*variables, *variables.values()))
    return text if variables and text.count("\0") == 2 * len(variables) - 1 else None
