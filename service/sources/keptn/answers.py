"""What an answer of the resource API means.

`api` asks and acts on it. The one distinction that matters: "this is not there" lets the
next level be tried, "this could not be looked at" never does. Only sentences that all
Keptns use for the first are taken for it, everything else is the second.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.errors import BadEvent, SourceUnavailable
from service.sources.keptn.line import Answer
from service.strict_json import Json, parse

_NOT_THERE = re.compile(r"not found|not exist|could not find|no such", re.IGNORECASE)
_RESOURCE = re.compile(r"\bresource\b", re.IGNORECASE)
_LEVEL = re.compile(r"\b(?:stage|service|branch)\b", re.IGNORECASE)
_OTHERS = re.compile(r"\b(?:path|route|credentials?|upstream|repository)\b", re.IGNORECASE)
"""404 is also said of an unknown address and of a Git remote that cannot be used."""
_UNPRINTABLE = re.compile(r"[^ -~]+")
_SHOWN = 120


class Missing(StrEnum):
    """What is definitely not there."""

    RESOURCE = "resource"
    LEVEL = "stage or service"


class Elsewhere(Exception):
    """This is not the resource API, or not a path that it understands."""


class NotOffered(Exception):
    """The API knows the path and does not offer it; old ones cannot list stages and services."""


class Failed(Exception):
    """Keptn failed by itself; also what it says when it does not know a commit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A part of a list of files."""

    names: tuple[str, ...]
    commit: str
    """Of the branch that was listed; empty when it is not told."""
    next: str
    """The key of the next page, empty at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A file."""

    content: bytes
    commit: str
    """Empty when it is not told (Keptn 0.7 and older)."""
    whole: bool = True
    """False: it is larger than any answer that is read, *content* is empty."""


def read_page(answer: Answer) -> Page | Missing:
    """Return a page of a list. Raises as `_judged` does."""
    found = _judged(answer)
    if isinstance(found, Missing):
        return found
    entries = found.get("resources") or []
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise Elsewhere("its list has no resources")
    names, commits = [], set()
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("resourceURI"), str):
            raise Elsewhere("its list has an entry without a name")
        names.append(str(entry["resourceURI"]).removeprefix("/"))
        commits.add(_commit(entry))
    key = found.get("nextPageKey")
    return Page(
        names=tuple(names),
        commit=commits.pop() if len(commits) == 1 else "",
        next="" if key in (None, "", "0", 0) else str(key),
    )


def read_resource(answer: Answer) -> Resource | Missing:
    """Return the content of a file. Raises as `_judged` does."""
    if answer.status == 200 and answer.cut and answer.body.lstrip().startswith(b"{"):
        return Resource(content=b"", commit="", whole=False)
    found = _judged(answer)
    if isinstance(found, Missing):
        return found
    encoded = found.get("resourceContent", "")
    if not isinstance(encoded, str) or "resourceURI" not in found:
        raise Elsewhere("its answer is not a resource")
    try:
        content = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise SourceUnavailable("Keptn sent a file whose base64 is damaged") from error
    return Resource(content=content, commit=_commit(found))


def _judged(answer: Answer) -> Mapping[str, Json] | Missing:
    """Return what an answer holds, or what is missing.

    Raises `Elsewhere`, `NotOffered`, `Failed`, or `SourceUnavailable` when nothing can be said.
    """
    document = _document(answer)
    status = answer.status
    if status == 200:
        if document is None:
            raise Elsewhere(f"200 with {_kind(answer)} instead of JSON")
        return document
    said = document.get("message") if document is not None else None
    text = _UNPRINTABLE.sub(" ", said)[:_SHOWN] if isinstance(said, str) else ""
    if status == 404:
        return _missing(text, answer)
    if status in (405, 501):
        raise NotOffered(text)
    if status in (401, 403):
        raise SourceUnavailable(
            f"Keptn refuses the look-up ({status}): check the token in "
            "GENEXEC_KEPTN_TOKEN_FILE and what it may read"
        )
    if status == 429:
        raise SourceUnavailable("Keptn has been asked too often with a wrong token (429)")
    if 300 <= status < 400:
        raise Elsewhere(f"{status}, a redirect, which is not followed")
    if status == 500 and not answer.body:  # a distributor, of a path that it does not forward
        raise Elsewhere("500 without a word")
    raise Failed(f"Keptn answered {status}: {text or _kind(answer)}")


def _missing(text: str, answer: Answer) -> Missing:
    if not text or text.startswith("path "):
        raise Elsewhere(f"404 with {text or _kind(answer)}")
    if _NOT_THERE.search(text) and not _OTHERS.search(text):
        if _RESOURCE.search(text):
            return Missing.RESOURCE
        if _LEVEL.search(text):
            return Missing.LEVEL
    raise SourceUnavailable(f"Keptn cannot look into this project: {text}")


def _document(answer: Answer) -> Mapping[str, Json] | None:
    if answer.cut:
        return None
    try:
        document = parse(answer.body)
    except BadEvent:
        return None
    return document if isinstance(document, Mapping) else None


def _commit(entry: Mapping[str, Json]) -> str:
    metadata = entry.get("metadata")
    version = metadata.get("version") if isinstance(metadata, Mapping) else ""
    return version if isinstance(version, str) and re.fullmatch("[0-9a-f]{7,64}", version) else ""


def _kind(answer: Answer) -> str:
    beginning = answer.body[:200].lstrip().lower()
    if beginning.startswith(b"<"):
        return "a web page"
    return "other text" if beginning else "an empty body"
