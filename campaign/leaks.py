"""Looks for the planted secrets, in the encodings they travel in, wherever the service writes.

Made without the service's own idea of encodings: what it forgets has to be found here.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from campaign.processes import living

_SHORTEST = 8


def encodings(secrets: Iterable[str]) -> list[bytes]:
    """Return every form in which one of *secrets* would still be readable."""
    found: set[str] = set()
    for value in secrets:
        raw = value.encode()
        found |= {value, quote(value), quote(value, safe=""), quote_plus(value)}
        found |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        for shift in range(3):
            padded = b"\0" * shift + raw
            whole = len(padded) - len(padded) % 3
            core = base64.b64encode(padded[:whole]).decode()[4 if shift else 0 :]
            found |= {core, core.replace("+", "-").replace("/", "_")}
    return sorted(form.encode() for form in found if len(form) >= _SHORTEST)


def leaks_in_files(forms: Iterable[bytes], *places: Path) -> Iterator[str]:
    """Yield a sentence for every file that holds one of *forms*."""
    for place in places:
        for path in sorted(place.rglob("*") if place.is_dir() else [place]):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                hits = [form for form in forms if form in content]
                if hits:
                    yield f"{path} holds {len(hits)} forms of a secret, such as {hits[0]!r}"


def leaks_in_arguments(forms: Iterable[bytes]) -> Iterator[str]:
    """Yield a sentence for every living process with one of *forms* among its arguments."""
    for process in living():
        words = "\0".join(process.words).encode(errors="surrogateescape")
        if any(form in words for form in forms):
            yield f"process {process.pid} ({process.words[0][:80]}) has a secret as an argument"
