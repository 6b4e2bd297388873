"""The file of senders: read whole, refused whole, read again when it changes.

A YAML list, one item per sender; docs/security.md describes it. `config` has it checked at
start, the web process keeps a `SendersFile`. A new version that is wrong is reported and not
used: a slip of the pen locks nobody out, and nobody in.
"""

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.errors import BadSettings
from service.intake.entries import read_entry
from service.intake.fields import Fields
from service.intake.marks import marks_of
from service.intake.roll import Entry, Roll
from service.yaml_file import read_yaml

_LOOKED_AT = 1.0
"""Seconds between two looks at the files."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What came of reading the file once."""

    roll: Roll
    problems: tuple[str, ...]
    files: tuple[Path, ...]
    """The file itself and those it names."""


class SendersFile:
    """The senders in force; used from one event loop only."""

    def __init__(self, file: Path, *, monotonic: Callable[[], float]) -> None:
        """Read *file*. Raises `BadSettings` with a line for everything that is wrong."""
        self._file = file
        self._monotonic = monotonic
        self._looked_at = monotonic()
        reading = read_senders(file)
        self._marks = marks_of(reading.files)
        self._roll = _sound(file, reading)

    def current(self) -> Roll:
        """Return the senders in force, after a look at the files if the last one is old."""
        now = self._monotonic()
        if now - self._looked_at >= _LOOKED_AT:
            self._looked_at = now
            if marks_of(self._marks) != self._marks:
                self._read_again()
        return self._roll

    def _read_again(self) -> None:
        before = marks_of(self._marks)
        reading = read_senders(self._file)
        marks = marks_of(reading.files)
        if any(marks.get(file, mark) != mark for file, mark in before.items()):
            return  # somebody is writing; the next look tells
        self._marks = marks
        if reading.problems:
            log.error(
                "the new version of the senders file is not used, the old one stays in force: %s",
                "; ".join(reading.problems),
            )
            return
        self._roll = reading.roll
        log.info("senders read again, now in force: %s", ", ".join(self._roll.names))


def check_senders(file: Path) -> None:
    """Raise `BadSettings` with a line for everything that is wrong with the file."""
    _sound(file, read_senders(file))


def read_senders(file: Path) -> Reading:
    """Read the file and those it names."""
    files = [file]
    problems: list[str] = []
    entries: list[Entry] = []
    for number, item in enumerate(_items(file, problems), 1):
        named = item.get("name") if isinstance(item, Mapping) else None
        who = f"sender {named!r}" if isinstance(named, str) else f"sender {number}"
        if isinstance(item, Mapping):
            note = _noting(problems, who)
            entries.append(read_entry(Fields(item, folder=file.parent, files=files, note=note)))
        else:
            problems.append(f"{who}: must have keys such as name and tokens")
    problems += _shared_by_two(entries)
    return Reading(roll=Roll(entries), problems=tuple(problems), files=tuple(files))


def _sound(file: Path, reading: Reading) -> Roll:
    if reading.problems:
        raise _refusal(file, reading.problems)
    return reading.roll


def _refusal(file: Path, problems: Sequence[str]) -> BadSettings:
    return BadSettings("\n".join(f"GENEXEC_SENDERS_FILE {file}: {text}" for text in problems))


def _noting(problems: list[str], who: str) -> Callable[[str], None]:
    return lambda problem: problems.append(f"{who}: {problem}")


def _items(file: Path, problems: list[str]) -> list[object]:
    """Return the items of the list."""
    try:
        document = read_yaml(file)
    except BadSettings as error:
        problems.append(str(error))
        return []
    if not isinstance(document, list) or not document:
        problems.append("must be a list with at least one sender (`- name: …`)")
        return []
    return document


def _shared_by_two(entries: list[Entry]) -> Iterator[str]:
    """Yield what two senders have in common although it tells them apart."""
    owners: dict[Hashable, str] = {}
    for entry in entries:
        name = entry.sender.name
        marks: list[tuple[str, Hashable]] = [("name", ("name", name))]
        marks += [("token", ("token", token)) for token in entry.tokens]
        marks += [("GitLab token", ("gitlab", token)) for token in entry.gitlab_tokens]
        marks += [("address", network) for network in entry.networks]
        marks += [
            ("signing secret", ("secret", sign.header, sha256(secret).digest()))
            for sign in entry.signatures
            for secret in sign.secrets
        ]
        for what, mark in marks:
            if mark in owners:
                yield f"sender {name!r}: has the {what} of sender {owners[mark]!r}"
            owners[mark] = name
