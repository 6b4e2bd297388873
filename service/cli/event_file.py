"""Events in files: JSON, or a request as REST clients write it (`.http`).

`run`, `explain` and `send` read them; the files in `test-events/` are examples of both.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from service.errors import BadEvent, BadScript, UnsupportedMediaType
from service.event import Acceptance, Event
from service.http_binding import BATCH, STRUCTURED, read_message
from service.http_file import parse_http_file

HELP = "EVENT is a JSON file, a .http file, or - for JSON on standard input."


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """An HTTP message that carries one or more events."""

    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str = ""
    """Where a `.http` file says it goes; empty for JSON."""

    def events(self, accept: Acceptance) -> tuple[Event, ...]:
        """Return the events as the service would read them."""
        pairs = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in self.headers]
        return read_message(pairs, self.body, accept=accept, now=datetime.now(UTC))


def read_file(name: str) -> Message:
    """Return the message in a file; raises `BadEvent` naming the file."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}") from error
    if not name.endswith(".http"):
        media_type = BATCH if content.lstrip().startswith(b"[") else STRUCTURED
        return Message(headers=(("content-type", media_type),), body=content)
    try:
        file = parse_http_file(content)
    except BadScript as error:
        raise BadEvent(f"{name}, {error}") from error
    headers = tuple((header.name, header.value) for header in file.headers)
    return Message(headers=headers, body=(file.body or "").strip().encode(), url=file.url)


def read_one(name: str, accept: Acceptance) -> Event:
    """Return the one event of a file; raises `BadEvent` naming the file."""
    message = read_file(name)
    try:
        events = message.events(accept)
    except (BadEvent, UnsupportedMediaType) as error:
        raise BadEvent(f"{name}: {error}") from error
    if len(events) != 1:
        raise BadEvent(f"{name} holds {len(events)} events; give a file with one")
    return events[0]
