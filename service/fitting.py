"""How many variables, and how large ones, the kernel passes on to a program.

`variables` asks what fits; a run whose variables do not fit could not be started at all.
"""

from collections.abc import Mapping
from itertools import chain

MAX_VARIABLE = 131_071
"""Bytes of `NAME=value`; the kernel takes one more for the terminator (MAX_ARG_STRLEN)."""
MAX_TOTAL = 1024 * 1024


def all_fit(values: Mapping[str, str]) -> bool:
    """Say whether all fit for certain: a quick look that most events pass."""
    content = "".join(chain(values, values.values()))
    return "\0" not in content and 4 * len(content) + 2 * len(values) < MAX_VARIABLE


def fitting(values: Mapping[str, str], skipped: list[str]) -> dict[str, str]:
    """Return what fits, one after another; note down in *skipped* what does not."""
    kept: dict[str, str] = {}
    size = 0
    for name, value in values.items():
        cost = _cost(name, value)
        if size + cost > MAX_TOTAL:
            skipped.append(name)
        else:
            size += cost
            kept[name] = value
    return kept


def _cost(name: str, value: str) -> int:
    """Return the bytes a variable takes; more than all may take when the kernel refuses it."""
    if "\0" in value:
        return MAX_TOTAL + 1
    length = len(value) if value.isascii() else len(value.encode("utf-8", "surrogateescape"))
    size = len(name) + 1 + length
    return size if size < MAX_VARIABLE else MAX_TOTAL + 1
