"""What the files of the journal must hold: SQL texts, one per version.

`database` brings a file to the newest version; what the tables mean is written in the texts.
"""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """What a file must hold; its version is the number of steps that lead to it."""

    application_id: int
    steps: tuple[str, ...]
    """SQL texts; each brings a file from one version to the next."""


def schema(*names: str, application_id: int) -> Schema:
    """Return the schema written in the SQL files of these names, one step each."""
    folder = files(__package__)
    steps = tuple(folder.joinpath(f"{name}.sql").read_text("utf-8") for name in names)
    return Schema(application_id=application_id, steps=steps)


def inbox_schema() -> Schema:
    """Return what `inbox.db` holds."""
    return schema("inbox", "inbox_2", application_id=0x67654E49)


def record_schema() -> Schema:
    """Return what `record.db` holds."""
    return schema("record", "record_2", "record_3", application_id=0x67654E52)
