"""A file of a repository, and a finding about it."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of a scripts repository."""

    branch: str
    """Empty where there are no branches."""
    path: str
    content: bytes
    link: str = ""
    """Where a symbolic link points; empty for an ordinary file."""

    @property
    def folder(self) -> str:
        """The path of its folder."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]


class Weight(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The script cannot run, or no event ever reaches it."""
    WARNING = "warning"
    """Most likely not what was meant."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something about a file, and the way out."""

    file: File
    weight: Weight
    message: str
    line: int = 0
    """0 when it is about the whole file."""

    def __str__(self) -> str:
        where = f"{self.file.branch}:{self.file.path}" if self.file.branch else self.file.path
        line = f":{self.line}" if self.line else ""
        return f"{where}{line}: {self.weight}: {self.message}"
