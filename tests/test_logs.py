"""Log records: one line each, whatever strangers wrote into them."""

import json
import logging
import sys

import pytest

from service.logs import JsonLines, PlainLines, set_up

NASTY = "a\nb\r\x1b[31mred\x00\u202eevil\u2028x\x85"


@pytest.fixture
def make_record():
    def make(message="it happened", *arguments, level=logging.INFO, error=None, **extra):
        info = (type(error), error, error.__traceback__) if error else None
        record = logging.LogRecord("service", level, __file__, 1, message, arguments, info)
        record.created = 1795262400.25
        record.__dict__.update(extra)
        return record

    return make


@pytest.fixture
def restored():
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = handlers, level
    root.setLevel(level)


@pytest.fixture
def error():
    def fail():
        raise ValueError(NASTY)

    with pytest.raises(ValueError) as caught:
        fail()
    return caught.value


def test_a_record_is_one_json_object(make_record):
    record = make_record("%s took %d ms", "it", 7, run="run-1", event="e-1")

    assert json.loads(JsonLines().format(record)) == {
        "time": "2026-11-21T12:00:00.250Z",
        "level": "info",
        "message": "it took 7 ms",
        "run": "run-1",
        "event": "e-1",
    }


def test_text_from_strangers_does_not_break_a_json_line(make_record):
    line = JsonLines().format(make_record("%s", NASTY, sender=NASTY))

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["sender"] == NASTY


def test_a_traceback_is_part_of_the_json_line(make_record, error):
    line = JsonLines().format(make_record(error=error))

    assert "\n" not in line
    assert "ValueError" in json.loads(line)["traceback"]


def test_values_that_json_does_not_know_are_written_as_text(make_record):
    line = JsonLines().format(make_record(path=sys, number=5))

    assert json.loads(line)["number"] == 5
    assert json.loads(line)["path"].startswith("<module")


def test_a_person_reads_time_level_message_and_ids(make_record):
    record = make_record("it happened", level=logging.WARNING, run="run-1")

    assert PlainLines().format(record) == "12:00:00 warning it happened  run=run-1"


def test_a_record_without_ids_ends_with_its_message(make_record):
    assert PlainLines().format(make_record()) == "12:00:00 info    it happened"


def test_text_from_strangers_does_not_break_a_plain_line(make_record):
    line = PlainLines().format(make_record("%s", NASTY, sender=NASTY))

    assert line.isprintable()
    assert r"a\nb\r\x1b[31mred\x00\u202eevil\u2028x\x85" in line


def test_a_person_reads_the_traceback_below(make_record, error):
    first, second, *_ = PlainLines().format(make_record(error=error)).splitlines()

    assert first == "12:00:00 info    it happened"
    assert second.startswith("Traceback")


def test_text_from_strangers_in_a_traceback_does_not_change_the_screen(make_record, error):
    text = PlainLines().format(make_record(error=error))

    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("as_json", "formatter"), [(True, JsonLines), (False, PlainLines)])
def test_a_process_sets_up_its_records_once(restored, as_json, formatter):
    set_up(as_json=as_json, level="warning")
    set_up(as_json=as_json, level="warning")

    [handler] = restored.handlers
    assert isinstance(handler.formatter, formatter)
    assert restored.level == logging.WARNING


def test_records_go_to_standard_error(restored, capsys):
    set_up(as_json=True, level="info")
    logging.getLogger("service.test").info("hello", extra={"run": "run-1"})
    logging.getLogger("service.test").debug("not this")

    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["message"] == "hello"
