"""The keys of one sender in its file, read as texts, choices and secrets.

Whatever is wrong is noted and reading goes on, so that an operator sees everything at once.
No note repeats a value that could be a secret. What the keys mean is decided in `entries`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

SHORTEST = 16
"""Characters of a secret; a shorter one can be guessed."""

_HEADER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_KEY = re.compile(r"[a-z_]{1,40}", re.ASCII)

_Choice = TypeVar("_Choice", bound=StrEnum)


class Fields:
    """The keys and values of one mapping."""

    def __init__(
        self,
        values: Mapping[object, object],
        *,
        folder: Path,
        files: list[Path],
        note: Callable[[str], None],
    ) -> None:
        """Paths are relative to *folder*; *files* gets those that were read."""
        self._values = values
        self._folder = folder
        self._files = files
        self.note = note

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def check_keys(self, known: Sequence[str]) -> None:
        """Note the keys that are not *known*."""
        for key in self._values:
            if key not in known:
                close = get_close_matches(str(key), known, n=1)
                shown = repr(key) if close or _KEY.fullmatch(str(key)) else "one that is no word"
                self.note(f"unknown key {shown}{f'; did you mean {close[0]}?' if close else ''}")

    def inner(self, key: str) -> "Fields | None":
        """Return the keys below *key*."""
        values = self._values[key]
        if isinstance(values, Mapping):
            return Fields(
                values,
                folder=self._folder,
                files=self._files,
                note=lambda problem: self.note(f"{key}: {problem}"),
            )
        self.note(f"{key}: must have keys of its own")
        return None

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self._values.get(key, default)
        if isinstance(value, str):
            return value
        self.note(f"{key}: must be a text; put it into quotes")
        return default

    def header(self, key: str) -> str:
        """Return the name of a header in lower case."""
        name = self.text(key)
        if not _HEADER.fullmatch(name):
            self.note(f"{key}: must be the name of a header")
        return name.lower()

    def choice(self, key: str, kind: type[_Choice], default: _Choice) -> _Choice:
        """Return one of the values of *kind*."""
        value = self.text(key, default)
        if value in set(kind):
            return kind(value)
        self.note(f"{key}: must be one of {', '.join(kind)}")
        return default

    def texts(self, key: str) -> list[str]:
        """Return a text or a list of texts as a list; an empty one only when the key is not there.

        YAML takes some texts for numbers or dates.
        """
        if key not in self._values:
            return []
        value = self._values[key]
        given = value if isinstance(value, list) else [value]
        texts = [text for text in given if isinstance(text, str) and text]
        if not given or len(texts) != len(given):
            self.note(f"{key}: must be a text or a list of texts; quotes make a text of a number")
            return []
        return texts

    def secrets(self, key: str, file_key: str) -> list[str]:
        """Return the secrets at *key* and in the file that *file_key* names, one a line."""
        secrets = self.texts(key)
        if file_key not in self._values:
            return secrets
        name = self.text(file_key)
        file = self._folder / Path(name).expanduser()
        self._files.append(file)
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            self.note(f"{file_key}: {name!r} cannot be read: {error.strerror}")
            return secrets
        except UnicodeDecodeError:
            self.note(f"{file_key}: {name!r} is not UTF-8")
            return secrets
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            self.note(f"{file_key}: {name!r} is empty")
        return secrets + found

    def is_long_enough(self, key: str, secret: str) -> bool:
        """Say whether a secret is hard to guess; note when it is not."""
        if len(secret) < SHORTEST:
            self.note(f"{key}: has less than {SHORTEST} characters and can be guessed")
        return len(secret) >= SHORTEST
