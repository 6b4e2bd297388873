"""What counts as an event, and which two events say the same (IN-2 to IN-5, IN-17 to IN-23)."""

import base64
import hashlib
import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import BadEvent
from service.event import Acceptance, is_json, read_event, text
from service.strict_json import canonical
from service.times import parse_time, time_string

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
NEW = {"specversion": "1.0", "id": "1", "source": "s", "type": "com.example.t"}
OLD = NEW | {"specversion": "0.2"}
quickly = settings(max_examples=60, deadline=None)
KEPTN = {"type": "sh.keptn.event.test.triggered"}


def read(document, accept=Acceptance.LEGACY, **more):
    return read_event(document, accept=accept, now=NOW, **more)


def without(document, name):
    return {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    ("document", "what"),
    [(None, "null"), (5, "a number"), ("x", "a text"), ([], "a list"), ([NEW], "a list")],
)
def test_only_an_object_is_an_event(document, what):
    with pytest.raises(BadEvent, match=f"a CloudEvent is a JSON object, not {what}"):
        read(document)


@pytest.mark.parametrize("accept", [Acceptance.STRICT, Acceptance.LEGACY])
@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named_and_never_filled_in(name, accept):
    with pytest.raises(BadEvent, match=f"'{name}' is missing"):
        read(without(NEW, name), accept)


@pytest.mark.parametrize("value", ["", 5, 1.5, True, None, ["a"], {"a": 1}], ids=repr)
@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_a_required_attribute_is_a_text_that_is_not_empty(name, value):
    with pytest.raises(BadEvent, match=f"'{name}' must be a text that is not empty"):
        read(NEW | {name: value})


@pytest.mark.parametrize("value", [5, True, ["a"], {"a": 1}], ids=repr)
def test_the_id_of_a_legacy_event_is_missing_or_a_text(value):
    with pytest.raises(BadEvent, match="'id' must be a text that is not empty"):
        read(OLD | {"id": value})


@pytest.mark.parametrize("accept", Acceptance)
@pytest.mark.parametrize("value", ["1.1", "2.0", "1", "0.1", "", 1.0, 1, None, True, ["1.0"], {}])
def test_an_unknown_specversion_is_refused(value, accept):
    with pytest.raises(BadEvent, match=r"'specversion' must be the text '1\.0'"):
        read(NEW | {"specversion": value}, accept)


@pytest.mark.parametrize("version", ["0.2", "0.3"])
def test_old_versions_are_taken_only_while_legacy_events_are_enabled(version):
    with pytest.raises(BadEvent, match=f"specversion {version} is taken only while"):
        read(NEW | {"specversion": version}, Acceptance.STRICT)

    assert read(NEW | {"specversion": version}).specversion == version


@pytest.mark.parametrize(
    ("document", "accept"),
    [
        pytest.param(OLD, Acceptance.LEGACY, id="0.2"),
        pytest.param(OLD | {"specversion": "0.3"}, Acceptance.LEGACY, id="0.3"),
        pytest.param(NEW, Acceptance.LENIENT, id="lenient 1.0"),
        pytest.param(without(NEW, "specversion"), Acceptance.LENIENT, id="lenient without version"),
    ],
)
@pytest.mark.parametrize("missing", [..., None, ""])
def test_a_legacy_event_without_id_is_named_by_its_bytes(document, accept, missing):
    document = document | {"id": missing}
    document = without(document, "id") if missing is ... else document
    body = json.dumps(document).encode()

    event = read(document, accept, raw=body)

    assert event.id == hashlib.sha256(body).hexdigest()
    assert event.document["id"] == event.id


def test_a_legacy_event_without_id_in_a_batch_is_named_by_its_content():
    event = read(without(OLD, "id"))

    assert event.id == hashlib.sha256(canonical(without(OLD, "id"))).hexdigest()


def test_a_strict_event_without_id_is_refused_even_when_its_bytes_are_known():
    with pytest.raises(BadEvent, match="'id' is missing"):
        read(without(NEW, "id"), raw=b"{}")


@pytest.mark.parametrize(
    ("document", "version"),
    [
        (NEW, "1.0"),
        (NEW | KEPTN, "0.2"),
        (NEW | KEPTN | {"data": {"project": "p"}}, "0.2"),
        (NEW | KEPTN | {"data": {"result": "pass"}}, "1.0"),
        (NEW | KEPTN | {"data": {"status": "succeeded"}}, "1.0"),
        (NEW | KEPTN | {"shkeptnspecversion": "0.2.4"}, "1.0"),
        (NEW | KEPTN | {"triggeredid": "abc"}, "1.0"),
        (NEW | KEPTN | {"triggeredid": ""}, "0.2"),
        (NEW | KEPTN | {"triggeredid": '""'}, "0.2"),
        (NEW | KEPTN | {"triggeredid": None}, "0.2"),
    ],
)
def test_a_lenient_reader_guesses_the_version_that_is_missing(document, version):
    event = read(without(document, "specversion"), Acceptance.LENIENT)

    assert event.specversion == version
    assert event.document["specversion"] == version


@pytest.mark.parametrize(("name", "limit"), [("id", 1024), ("source", 2048), ("type", 255)])
def test_an_attribute_has_a_longest_form(name, limit):
    assert getattr(read(NEW | {name: "x" * limit}), name) == "x" * limit

    with pytest.raises(BadEvent, match=f"'{name}' is longer than {limit} characters"):
        read(NEW | {name: "x" * (limit + 1)})


@pytest.mark.parametrize(
    "value", ["a\nb", "a\r", "a\x00b", "\x1b[31m", "a\x7f", "a\x85b"], ids=repr
)
@pytest.mark.parametrize("name", ["id", "source", "type", "shkeptncontext", "subject2"])
def test_a_control_character_in_an_attribute_is_refused(name, value):
    with pytest.raises(BadEvent, match=f"'{name}' has a control character"):
        read(NEW | {name: value})


@pytest.mark.parametrize("id_", ["../../../../tmp/x", "/etc/passwd", ".", "NUL", "a/b", "ä b"])
def test_an_id_may_be_anything_printable(id_):
    assert read(NEW | {"id": id_}).id == id_


@pytest.mark.parametrize("type_", ["a/b", "a\\b", "../x", "foo", "App Deployment.Finished"])
def test_an_odd_type_is_an_event_all_the_same(type_):
    assert read(NEW | {"type": type_}).type == type_


@pytest.mark.parametrize("accept", Acceptance)
@pytest.mark.parametrize("absent", [{}, {"time": None}])
def test_a_missing_time_is_the_time_of_arrival(accept, absent):
    event = read(NEW | absent, accept)

    assert (event.time, event.time_text) == (NOW, "2026-11-21T12:00:00.250Z")


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-11-21T12:00:00", "", 1795262400, ["x"], "12:00"]
)
def test_a_time_that_is_none_is_refused_in_a_new_event(value):
    with pytest.raises(BadEvent, match="'time' must be an RFC 3339 time with a zone"):
        read(NEW | {"time": value})


@pytest.mark.parametrize("value", ["yesterday", "2026-11-21T12:00:00", "", 1795262400])
@pytest.mark.parametrize(
    ("document", "accept"), [(OLD, Acceptance.LEGACY), (NEW, Acceptance.LENIENT)]
)
def test_a_time_that_is_none_is_the_time_of_arrival_in_a_legacy_event(document, accept, value):
    assert read(document | {"time": value}, accept).time == NOW


@pytest.mark.parametrize("value", [None, "text", 5, ["a"], True, {"a": 1}, ...], ids=repr)
def test_an_ordinary_event_may_carry_any_data(value):
    document = NEW if value is ... else NEW | {"data": value}

    event = read(document)

    assert event.data == (None if value is ... else value)
    assert event.fields == (value if isinstance(value, dict) else {})


@pytest.mark.parametrize("value", ["text", '{"project": "p"}', 5, True, ["a"], []], ids=repr)
def test_data_of_a_keptn_event_is_an_object(value):
    with pytest.raises(BadEvent, match="'data' of a Keptn event must be an object"):
        read(NEW | KEPTN | {"data": value})


@pytest.mark.parametrize("document", [NEW | KEPTN, NEW | KEPTN | {"data": None}])
def test_a_keptn_event_without_data_is_an_event(document):
    assert read(document).fields == {}


@pytest.mark.parametrize(
    ("media_type", "content", "data"),
    [
        (None, b'{"a": 1}', {"a": 1}),
        ("application/json; charset=utf-8", b"[1]", [1]),
        ("application/vnd.x+json", b"null", None),
        ("text/plain", "ä".encode(), "ä"),
        ("application/octet-stream", b"\xff\x00", "/wA="),
    ],
)
def test_encoded_data_is_decoded_by_its_media_type(media_type, content, data):
    document = NEW | {"data_base64": base64.b64encode(content).decode()}

    event = read(document | ({"datacontenttype": media_type} if media_type else {}))

    assert event.data == data


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"data_base64": "a"}, "is not base64"),
        ({"data_base64": "ab cd==="}, "is not base64"),
        ({"data_base64": "YQ==\n"}, "is not base64"),
        ({"data_base64": "ä"}, "is not base64"),
        ({"data_base64": 5}, "is not base64"),
        ({"data_base64": None}, "is not base64"),
        ({"data_base64": "e30=", "data": {}}, "not both"),
        ({"data_base64": "e30=", "data": None}, "not both"),
        ({"data_base64": base64.b64encode(b'{"a":1,"a":2}').decode()}, "the key 'a' twice"),
        ({"data_base64": base64.b64encode(b"[NaN]").decode()}, "NaN"),
    ],
)
def test_unsound_encoded_data_is_refused(more, sentence):
    with pytest.raises(BadEvent, match=sentence):
        read(NEW | more)


def test_the_token_that_old_keptn_adds_is_dropped():
    data = {"project": "p", "eventContext": {"keptnContext": "c", "token": "s3cret-t0ken"}}

    event = read(OLD | KEPTN | {"data": data})

    assert event.data == {"project": "p", "eventContext": {"keptnContext": "c"}}
    assert "s3cret-t0ken" not in repr(event)


def test_the_token_is_dropped_from_encoded_data_too():
    data = b'{"project": "p", "eventContext": {"token": "s3cret-t0ken"}}'
    encoded = base64.b64encode(data).decode()

    event = read(OLD | KEPTN | {"data_base64": encoded})

    assert encoded not in repr(event)


@pytest.mark.parametrize(
    ("value", "text_"),
    [("a", "a"), ("", ""), (None, ""), ('""', ""), (5, "5"), (True, "true"), (1.5, "1.5")],
)
def test_an_extension_is_a_text_and_absent_in_many_ways(value, text_):
    event = read(NEW | {"gitcommitid": value})

    assert event.extension("gitcommitid") == text_


@pytest.mark.parametrize("name", ["traceParent", "my_ext", "my-ext", "ä", ""])
def test_an_extension_with_an_impossible_name_is_ignored_with_a_warning(name):
    event = read(NEW | {name: "x"})

    assert event.extensions == {}
    assert event.warnings == (
        f"extension {name!r} ignored: a name is lower-case letters and digits",
    )


@pytest.mark.parametrize(("value", "what"), [({"a": 1}, "an object"), (["a"], "a list")])
def test_an_extension_with_a_nested_value_is_ignored_with_a_warning(value, what):
    event = read(NEW | {"nested": value, "plain": "x"})

    assert event.extensions == {"plain": "x"}
    assert event.warnings == (f"extension 'nested' ignored: its value is {what}",)


def test_the_container_of_keptn_08_holds_extensions_too():
    event = read(NEW | {"extensions": {"shkeptncontext": "inner", "triggeredid": "t"}})

    assert (event.context, event.extension("triggeredid")) == ("inner", "t")


def test_an_attribute_wins_over_the_container():
    event = read(NEW | {"extensions": {"shkeptncontext": "inner"}, "shkeptncontext": "outer"})

    assert event.context == "outer"


@pytest.mark.parametrize("name", ["contenttype", "datacontenttype", "dataschema", "subject"])
def test_attributes_of_the_specification_are_no_extensions(name):
    assert read(NEW | {name: "application/json"}).extensions == {}


def delivered(**more):
    data = {"project": "p", "labels": {"a": 1}} | more.pop("data", {})
    return read(NEW | KEPTN | {"data": data, "time": "2026-11-21T11:00:00Z"} | more)


def subscription(id_):
    return {"temporaryData": {"distributor": {"subscriptionID": id_}}}


def test_one_event_for_two_subscriptions_says_the_same():
    digests = {delivered(data=more).digest() for more in ({}, subscription("a"), subscription("b"))}

    assert len(digests) == 1


def test_the_order_of_keys_says_nothing():
    document = {**NEW, "data": {"a": 1, "b": 2}}

    assert read(document).digest() == read(dict(reversed(document.items()))).digest()


def test_the_time_of_arrival_says_nothing():
    later = read_event(NEW, accept=Acceptance.LEGACY, now=NOW.replace(hour=13))

    assert later.digest() == read(NEW).digest()


@pytest.mark.parametrize(
    "more",
    [
        {"type": "sh.keptn.event.test.finished"},
        {"time": "2026-11-21T11:00:01Z"},
        {"shkeptncontext": "c"},
        {"data": {"project": "q"}},
        {"data": {"labels": {"a": "1"}}},
        {"data": {"labels": {"a": 1, "temporaryData": 1}}},
    ],
    ids=str,
)
def test_everything_else_tells_events_apart(more):
    assert delivered(**more).digest() != delivered().digest()


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-11-21T12:00:00Z", "2026-11-21T12:00:00.000Z"),
        ("2026-11-21t12:00:00z", "2026-11-21T12:00:00.000Z"),
        ("2026-11-21 12:00:00Z", "2026-11-21T12:00:00.000Z"),
        ("2026-11-21T12:00:00.1Z", "2026-11-21T12:00:00.100Z"),
        ("2026-11-21T12:00:00.12Z", "2026-11-21T12:00:00.120Z"),
        ("2026-11-21T12:00:00.1239999Z", "2026-11-21T12:00:00.123Z"),
        ("2026-11-21T12:00:00.123456789Z", "2026-11-21T12:00:00.123Z"),
        ("2026-11-21T12:00:00+01:00", "2026-11-21T11:00:00.000Z"),
        ("2026-11-21T12:00:00.5-05:30", "2026-11-21T17:30:00.500Z"),
        ("2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_may_have_up_to_nine_digits_and_any_offset(value, utc):
    assert time_string(parse_time(value)) == utc


@quickly
@given(st.datetimes(), st.integers(0, 9), st.integers(-1439, 1439))
def test_every_time_of_the_grammar_is_the_moment_it_says(moment, digits, offset):
    moment = moment.replace(year=2000 + moment.year % 100)
    nanoseconds = f"{moment.microsecond:06}789"[:digits]
    fraction = f".{nanoseconds}" if digits else ""
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"

    time = parse_time(f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{zone}")

    micros = int(nanoseconds.ljust(6, "0")[:6])
    minutes = timezone(timedelta(minutes=offset))
    assert time == moment.replace(microsecond=micros, tzinfo=minutes)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-21",
        "2026-11-21T12:00Z",
        "2026-11-21T12:00:00",
        "2026-11-21T12:00:00.Z",
        "2026-11-21T12:00:00.1234567890Z",
        "2026-11-21T12:00:00+0100",
        "2026-11-21T12:00:00+24:00",
        "2026-11-21T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-21T12:00:00Z\n",
        " 2026-11-21T12:00:00Z",
        "٢٠٢٦-11-21T12:00:00Z",
        "20261121T120000Z",
    ],
)
def test_what_is_not_of_the_grammar_is_no_time(value):
    with pytest.raises(ValueError):
        parse_time(value)


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_no_clock_in_utc_can_show_is_refused(value):
    with pytest.raises(BadEvent, match="RFC 3339"):
        read(NEW | {"time": value})


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("x", "x"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.5, "1.5"),
        ([1, "ä"], '[1,"ä"]'),
        ({"a": None}, '{"a":null}'),
    ],
)
def test_every_value_has_a_text_form(value, form):
    assert text(value) == form


@pytest.mark.parametrize(
    ("media_type", "json_inside"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/json", True),
        ("application/vnd.api+json", True),
        ("application/jsonp", False),
        ("text/plain", False),
        ("json", False),
        ("", False),
    ],
)
def test_json_is_told_by_the_media_type(media_type, json_inside):
    assert is_json(media_type) is json_inside


def test_an_event_is_frozen():
    with pytest.raises(FrozenInstanceError):
        read(NEW).id = "2"
