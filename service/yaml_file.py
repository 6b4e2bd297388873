"""YAML files that people write, read whole or refused with their line.

`config` and `intake` read theirs here. Nothing of a file is quoted: it may hold secrets.
"""

from pathlib import Path
from typing import Any

import yaml

from service.errors import BadSettings

_LARGEST = 1 << 20


def read_yaml(file: Path) -> object:
    """Return what *file* holds, None when that is nothing.

    Raises `BadSettings` with what is wrong, to follow the name of the file.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise BadSettings(f"cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise BadSettings("is larger than 1 MiB")
    try:
        return yaml.load(content.decode("utf-8"), _OneValuePerKey)  # noqa: S506  # made of the safe loader
    except _KeyStandsTwice as error:
        raise BadSettings(f"line {error.line}: a key stands twice") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadSettings(f"line {mark.line + 1 if mark else 1}: not YAML") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadSettings("is not YAML in UTF-8") from error


class _KeyStandsTwice(Exception):
    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


class _OneValuePerKey(yaml.SafeLoader):
    """Refuses what YAML lets pass: a key with two values, of which the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # as the loader calls it
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise _KeyStandsTwice(key.start_mark.line + 1)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
