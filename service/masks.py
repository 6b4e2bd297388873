"""Secret values are replaced before anything is cut, stored, sent or shown.

Made once from the exposed variables whose names say that they are secret; used by
`outcome` on all output and by everything that writes texts about runs. A value is also
recognised in the encodings it commonly travels in: base64 (at each of the three
alignments), URL, JSON, and HTML-safe forms of these.
"""

import base64
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 6
"""Shorter values are no masks: they would blacken ordinary text."""

_HTML_SAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
"""How Go writes these characters into JSON."""


class Masks:
    """Replaces secret values in texts; prints none of them."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        joined = "|".join(re.escape(form) for form in longest_first)
        self._forms = tuple(map(_encoded, longest_first))
        self._text = re.compile(joined) if forms else None
        self._bytes = re.compile(_encoded(joined)) if forms else None

    def text(self, text: str) -> str:
        """Return *text* with every secret value replaced by three stars."""
        return self._text.sub(MASK, text) if self._text else text

    def bytes(self, content: bytes) -> bytes:
        """Return *content* with every secret value replaced by three stars."""
        return self._bytes.sub(MASK.encode("ascii"), content) if self._bytes else content

    def flowing(self) -> "FlowingMask":
        """Return who masks content that comes in pieces as `bytes` does the whole."""
        return FlowingMask(self._bytes, self._forms)

    def __repr__(self) -> str:
        return f"Masks({'some' if self._text else 'none'})"


class FlowingMask:
    """Masks content that comes in pieces: a secret may lie across any number of them.

    An end that may be the beginning of a secret is held back until it is known what follows.
    """

    def __init__(self, pattern: re.Pattern[bytes] | None, forms: Iterable[bytes]) -> None:
        self._pattern = pattern
        self._forms = tuple(forms)
        self._firsts = {form[0] for form in self._forms}
        self._longest = max(map(len, self._forms), default=1)
        self._held = b""

    def add(self, piece: bytes) -> bytes:
        """Return what can be shown now that *piece* is there."""
        if self._pattern is None:
            return piece
        content = self._held + piece
        safe = self._certain(content)
        masked = []
        at = 0
        for match in self._pattern.finditer(content):
            if match.start() >= safe:
                break  # a longer secret may begin at the same place
            masked += [content[at : match.start()], MASK.encode("ascii")]
            at = match.end()
        masked.append(content[at : max(at, safe)])
        self._held = content[max(at, safe) :]
        return b"".join(masked)

    def _certain(self, content: bytes) -> int:
        """Return where the end begins that may be the beginning of a secret."""
        for start in range(max(0, len(content) - self._longest + 1), len(content)):
            if content[start] in self._firsts:
                end = content[start:]
                if any(len(form) > len(end) and form.startswith(end) for form in self._forms):
                    return start
        return len(content)


def secret_values(exposed: Mapping[str, str], patterns: Iterable[str]) -> list[str]:
    """Return the values of those variables whose names match one of *patterns*, in any case."""
    upper = [pattern.upper() for pattern in patterns]
    return [
        value
        for name, value in exposed.items()
        if any(fnmatch.fnmatchcase(name.upper(), pattern) for pattern in upper)
    ]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _forms(value: str) -> set[str]:
    raw = _encoded(value)
    plain = raw.decode("utf-8", "replace")
    forms = {value, quote(plain, safe=""), quote(plain), quote_plus(plain)}
    forms |= {json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1]}
    forms |= {form.translate(_HTML_SAFE) for form in forms}
    forms |= {escape(plain), escape(plain, quote=False)}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode("ascii")
        # The first characters depend on what stands before, the last on what follows.
        core = encoded[(0, 2, 3)[shift] : len(encoded) - (0, 3, 2)[(shift + len(raw)) % 3]]
        if len(core) >= SHORTEST:
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= SHORTEST}
