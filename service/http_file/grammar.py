"""The grammar of `.http` files: one request in plain text.

docs/scripts.md describes it for authors. The placeholders
are left as they stand; they are the business of its siblings.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from service.errors import BadScript

_TOKEN = re.compile(r"[!#%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_WORD = re.compile(r"(?:\$\{[^{}]*\}|\S)+")
_VERSION = re.compile(r"HTTP/\d(?:\.\d)?", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r"\$|https?://", re.IGNORECASE)
HOST_END = re.compile(r"[^/?#]*//[^/?#]*(?=[/?#])")
"""Matches an address up to the end of its host and port, when something follows them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """A header line; its value may hold placeholders, its name may not."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpFile:
    """A request as its author wrote it; the placeholders are still in it."""

    method: str
    """In upper case."""
    url: str
    """Begins with `http://`, `https://` or a placeholder."""
    line: int
    """Of the request line."""
    headers: tuple[Header, ...]
    body: str | None
    """Verbatim; None when there is nothing but blanks."""
    body_line: int


def parse_http_file(content: bytes) -> HttpFile:
    """Return the one request that *content* holds. Raises `BadScript` with the line."""
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise BadScript("the file is not UTF-8", line=number) from error
    start = next((i for i, line in enumerate(lines) if line.strip() and not _comment(line)), None)
    if start is None:
        raise BadScript("there is no request line", line=len(lines))
    _drop_closing_hashes(lines)
    end = next((i for i in range(start, len(lines)) if not lines[i].strip()), len(lines))
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith("###"):
            raise BadScript("'###' starts a further request; a file holds one", line=number)
    head = [(i + 1, lines[i].rstrip("\r")) for i in range(start, end) if not _comment(lines[i])]
    for number, line in head:
        if _CONTROL.search(line):
            raise BadScript("there is a control character before the body", line=number)
    continuation = list(takewhile(_continues_address, head[1:]))
    method, url = _request_line([head[0], *continuation])
    body = "\n".join(lines[end + 1 :])
    return HttpFile(
        method=method,
        url=url,
        line=start + 1,
        headers=tuple(_header(number, line) for number, line in head[1 + len(continuation) :]),
        body=body if body.strip() else None,
        body_line=end + 2,
    )


def _drop_closing_hashes(lines: list[str]) -> None:
    """Drop a bare `###` that only blanks follow: it starts no further request.

    REST clients close requests with it, and so do the files the predecessor shipped.
    """
    last = next((i for i in reversed(range(len(lines))) if lines[i].strip()), 0)
    if lines[last].rstrip() == "###":
        lines[last:] = [""]


def _comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _continues_address(numbered: tuple[int, str]) -> bool:
    _, line = numbered
    return line[:1] in {" ", "\t"} and line.lstrip()[:1] in {"?", "&"}


def _request_line(lines: Sequence[tuple[int, str]]) -> tuple[str, str]:
    number, first = lines[0]
    *method, url = _without_version(_WORD.findall(first))
    if any("://" in word for word in method):
        raise BadScript("the address has a blank; write %20", line=number)
    if len(method) > 1:
        raise BadScript("the method has a blank", line=number)
    if not _ADDRESS.match(url):
        raise BadScript("the address must begin with http:// or https://", line=number)
    name = method[0] if method else "GET"
    if not _TOKEN.fullmatch(name) or name.upper() == "CONNECT":
        raise BadScript(f"{name[:40]!r} is not a method that can be sent", line=number)
    for further, line in lines[1:]:
        words = _without_version(_WORD.findall(line))
        if len(words) > 1:
            raise BadScript("the address has a blank; write %20", line=further)
        url += words[0]
    return name.upper(), url


def _without_version(words: list[str]) -> list[str]:
    return words[:-1] if len(words) > 1 and _VERSION.fullmatch(words[-1]) else words


def _header(number: int, line: str) -> Header:
    name, colon, value = line.partition(":")
    if not colon:
        raise BadScript("a header needs a colon; the body needs an empty line", line=number)
    if not _TOKEN.fullmatch(name):
        raise BadScript(f"{name[:40]!r} is not a header name", line=number)
    return Header(name=name, value=value.strip(), line=number)
