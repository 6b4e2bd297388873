"""Events in files, and text from strangers on a terminal."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from service.cli.event_file import read_file, read_one
from service.cli.terminal import moment, shown
from service.errors import BadEvent, UnsupportedMediaType
from service.event import Acceptance

EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "test",
    "type": "com.example.hello",
    "data": {"greeting": "grüezi"},
}

STRUCTURED = f"""
# a comment
POST http://localhost:8080/
Content-Type: application/cloudevents+json

{json.dumps(EVENT)}
"""

BINARY = """POST http://localhost:8080/
Content-Type: application/json
ce-specversion: 1.0
ce-id: e-1
ce-source: test
ce-type: com.example.hello
ce-subject: gr%C3%BCezi

{"greeting": "hello"}
"""


@pytest.fixture
def event_file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        text = content if isinstance(content, bytes | str) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_a_json_file_holds_an_event(event_file):
    event = read_one(event_file("event.json", EVENT), Acceptance.STRICT)

    assert (event.id, event.data) == ("e-1", {"greeting": "grüezi"})


def test_a_http_file_holds_an_event(event_file):
    name = event_file("event.http", STRUCTURED)

    assert read_one(name, Acceptance.STRICT).data == {"greeting": "grüezi"}
    assert read_file(name).url == "http://localhost:8080/"


def test_a_http_file_may_be_in_binary_mode(event_file):
    event = read_one(event_file("event.http", BINARY), Acceptance.STRICT)

    assert (event.type, event.data) == ("com.example.hello", {"greeting": "hello"})
    assert event.document["subject"] == "grüezi"


def test_an_array_is_a_batch(event_file):
    message = read_file(event_file("events.json", [EVENT, EVENT | {"id": "e-2"}]))

    assert dict(message.headers) == {"content-type": "application/cloudevents-batch+json"}
    assert [event.id for event in message.events(Acceptance.STRICT)] == ["e-1", "e-2"]


def test_standard_input_is_json(monkeypatch):
    content = json.dumps(EVENT).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert read_one("-", Acceptance.STRICT).id == "e-1"


@pytest.mark.parametrize("count", [0, 2])
def test_only_one_event_is_taken(event_file, count):
    name = event_file("events.json", [EVENT | {"id": str(n)} for n in range(count)])

    with pytest.raises(BadEvent, match=f"events.json holds {count} events|empty") as caught:
        read_one(name, Acceptance.STRICT)

    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("event.json", "{", "is not JSON"),
        ("event.json", "[1]", "is a JSON object"),
        ("event.json", {"id": "1"}, "'specversion' is missing"),
        ("event.json", b"\xff", "not UTF-8"),
        ("event.json", "", "is not JSON"),
        ("event.http", "POST http://localhost/\n\n{}", "carries no CloudEvent"),
        ("event.http", "", "line 1: there is no request line"),
        ("event.http", "POST http://localhost/\nno colon\n", "line 2: a header needs a colon"),
        ("event.http", "GET http://a/\n\n###\nGET http://b/\n", "line 3: '###' starts a further"),
    ],
)
def test_a_file_that_holds_no_event_is_named(event_file, name, content, what):
    path = event_file(name, content)

    with pytest.raises(BadEvent) as caught:
        read_one(path, Acceptance.STRICT)

    assert str(caught.value).startswith(path)
    assert str(caught.value).count(path) == 1
    assert what in str(caught.value)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_a_mistake_on_the_command_line(tmp_path, name):
    with pytest.raises(click.UsageError, match=r"missing\.json|directory"):
        read_file(str(tmp_path / name))


def test_a_message_of_another_media_type_is_refused(event_file):
    text = "POST http://localhost/\nContent-Type: text/plain\n\nhello"
    message = read_file(event_file("event.http", text))

    with pytest.raises(UnsupportedMediaType):
        message.events(Acceptance.STRICT)


def test_an_old_event_is_taken_when_it_may_be_old(event_file):
    name = event_file("event.json", {"specversion": "0.2", "source": "s", "type": "x.y"})

    assert read_one(name, Acceptance.LEGACY).specversion == "0.2"
    with pytest.raises(BadEvent):
        read_one(name, Acceptance.STRICT)


# The terminal


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb", r"a\rb"),
        ("\x00\x07\x08", r"\x00\x07\x08"),
        ("\x7f\x85\x9b", r"\x7f\x85\x9b"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("grüezi 🚀", "grüezi 🚀"),
    ],
)
def test_nothing_changes_the_screen(text, visible):
    assert shown(text) == visible


def test_a_moment_is_told_in_utc():
    zone = timezone(timedelta(hours=2))

    assert moment(datetime(2026, 11, 21, 14, 0, 5, 999, tzinfo=zone)) == "2026-11-21 12:00:05"
    assert moment(datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)) == "2026-11-21 12:00:05"
    assert moment(None) == "-"
