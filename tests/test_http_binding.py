"""CloudEvents in HTTP messages, also those of the public package (IN-1 to IN-10)."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_structured_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import BadEvent, InvalidName, RunnerLost, UnsupportedMediaType
from service.event import Acceptance, Event
from service.http_binding import MAX_BATCH, STATUS, code_of, read_message, status_of
from service.strict_json import compact

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DOCUMENT = {"specversion": "1.0", "id": "1", "source": "s", "type": "com.example.t"}
BODY = json.dumps(DOCUMENT).encode()
ATTRIBUTES = {f"ce-{name}": value for name, value in DOCUMENT.items()}
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

quickly = settings(max_examples=60, deadline=None)


def read(headers, body, accept=Acceptance.LEGACY):
    pairs = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers.items()]
    return read_message(pairs, body, accept=accept, now=NOW)


def read_one(headers, body, accept=Acceptance.LEGACY):
    [event] = read(headers, body, accept)
    return event


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=utf-8",
        "Application/CloudEvents+JSON",
        "application/json",
        "application/json;charset=UTF-8",
    ],
)
def test_a_structured_event_is_read(content_type):
    assert read_one({"content-type": content_type}, BODY).document == DOCUMENT


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"null", b"5", b'"x"', b"[]", b"{}", b"[" + BODY + b"]", b"\xff"]
)
@pytest.mark.parametrize("content_type", [STRUCTURED, "application/json"])
def test_a_structured_body_that_is_no_event_is_bad(content_type, body):
    with pytest.raises(BadEvent):
        read({"content-type": content_type}, body)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/xml",
        "application/cloudevents",
        "application/cloudevents+avro",
        "application/cloudevents-batch+avro",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json",
    ],
)
def test_another_media_type_carries_no_event(content_type):
    headers = {"content-type": content_type} if content_type else {}

    with pytest.raises(UnsupportedMediaType, match="send application/cloudevents"):
        read(headers, BODY)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZIP", "gzip, identity"])
def test_a_compressed_body_is_refused(coding):
    with pytest.raises(UnsupportedMediaType, match="compressed"):
        read({"content-type": STRUCTURED, "content-encoding": coding}, BODY)


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_says_it_is_not_compressed_is_read(coding):
    assert read_one({"content-type": STRUCTURED, "content-encoding": coding}, BODY).id == "1"


def test_plain_json_must_say_that_it_is_an_event():
    body = json.dumps({key: DOCUMENT[key] for key in ("id", "source", "type")}).encode()

    with pytest.raises(BadEvent, match="no 'specversion'"):
        read({"content-type": "application/json"}, body)

    assert read_one({"content-type": "application/json"}, body, Acceptance.LENIENT).id == "1"


@pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8"])
def test_structured_mode_wins_over_attribute_headers(content_type):
    event = read_one(
        {"ce-id": "2", "ce-type": "u", "ce-specversion": "9", "content-type": content_type}, BODY
    )

    assert (event.id, event.type) == ("1", "com.example.t")


def test_header_names_may_have_any_case():
    headers = {name.title(): value for name, value in ATTRIBUTES.items()}

    event = read_one(headers | {"CONTENT-TYPE": "application/json", "CE-Stage": "dev"}, b"{}")

    assert (event.id, event.data, event.extension("stage")) == ("1", {}, "dev")


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("a%20b", "a b"),
        ("a b", "a b"),
        ("%C3%A4", "ä"),
        ("%c3%a4", "ä"),
        ("ä", "ä"),
        ("%2541", "%41"),
        ("100%", "100%"),
        ("a%2", "a%2"),
        ("a%zz%41", "a%zz%41"),
        ("%2e%2e%2f", "../"),
    ],
)
def test_percent_signs_of_an_attribute_are_decoded_once(raw, value):
    assert read_one(ATTRIBUTES | {"ce-id": raw}, b"").id == value


@pytest.mark.parametrize("raw", ["a%0d%0aX: y", "a%00b", "a%1b[31m", "a%c2%85b"])
@pytest.mark.parametrize("name", ["id", "source", "type", "shkeptncontext"])
def test_control_characters_are_found_after_decoding(name, raw):
    with pytest.raises(BadEvent, match="control character"):
        read(ATTRIBUTES | {f"ce-{name}": raw}, b"")


@pytest.mark.parametrize("raw", ["a%0a", "%0da", "a%0d%0a"])
def test_control_characters_are_found_at_the_ends_too(raw):
    with pytest.raises(BadEvent, match="control character"):
        read(ATTRIBUTES | {"ce-id": raw}, b"")


def test_encoded_blanks_at_the_ends_belong_to_the_attribute():
    assert read_one(ATTRIBUTES | {"ce-id": " %20a%20 "}, b"").id == " a "


def test_an_attribute_that_is_not_utf8_is_refused():
    with pytest.raises(BadEvent, match="not UTF-8 after percent-decoding"):
        read(ATTRIBUTES | {"ce-id": "a%ff"}, b"")


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_a_binary_event_lacks_no_attribute(name):
    headers = {key: value for key, value in ATTRIBUTES.items() if key != f"ce-{name}"}

    with pytest.raises(BadEvent, match=f"'{name}' is missing"):
        read(headers, b"{}")


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        (None, b'{"a": 1}', {"a": 1}),
        ("application/json", b"", None),
        ("text/plain", "ä".encode(), "ä"),
        ("application/octet-stream", b"\xff\x00", "/wA="),
        ("application/vnd.api+json", b"[1]", [1]),
    ],
)
def test_a_binary_body_is_read_by_its_media_type(content_type, body, data):
    headers = ATTRIBUTES | ({"content-type": content_type} if content_type else {})

    assert read_one(headers, body).data == data


@pytest.mark.parametrize("body", [b"hello", b"[NaN]", b'{"a":1,"a":2}', b"\xff", b"[" * 1000])
def test_a_binary_body_is_read_as_strictly(body):
    with pytest.raises(BadEvent):
        read(ATTRIBUTES | {"content-type": "application/json"}, body)


def test_an_event_of_the_lifecycle_toolkit_is_read():
    headers = {
        "ce-id": "6f5ad1f6",
        "ce-source": "keptn.sh",
        "ce-specversion": "1.0",
        "ce-time": "2023-09-01T10:00:00.123456789Z",
        "ce-type": "Workload Pre-Deployment Tasks.Started",
        "content-type": "application/json",
    }

    event = read_one(headers, b'{"message": "m", "resource": {"name": "n"}}')

    assert event.type == "Workload Pre-Deployment Tasks.Started"
    assert event.data == {"message": "m", "resource": {"name": "n"}}


def test_two_legacy_events_in_binary_mode_with_one_body_are_two_events():
    headers = {"ce-specversion": "0.2", "ce-source": "s", "content-type": "application/json"}

    one, other = (read_one(headers | {"ce-type": kind}, b"{}") for kind in ("started", "finished"))

    assert one.id != other.id


def test_all_events_of_a_batch_are_read():
    body = json.dumps([DOCUMENT, DOCUMENT | {"id": "2"}]).encode()

    assert [event.id for event in read({"content-type": BATCH}, body)] == ["1", "2"]


def test_an_empty_batch_holds_no_event():
    assert read({"content-type": BATCH}, b"[]") == ()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (BODY, "a JSON array"),
        (b"null", "a JSON array"),
        (json.dumps([DOCUMENT, {}]).encode(), "event 1 of the batch: .*'specversion' is missing"),
        (json.dumps([[DOCUMENT]]).encode(), "event 0 of the batch: .* not a list"),
        (b"[" + b",".join([b"{}"] * (MAX_BATCH + 1)) + b"]", "at most 1000 events"),
        (b"[" + BODY, "not JSON"),
    ],
)
def test_a_batch_is_refused_as_a_whole(body, sentence):
    with pytest.raises(BadEvent, match=sentence):
        read({"content-type": BATCH}, body)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadEvent("x"), 400, "bad-event"),
        (InvalidName("x"), 400, "invalid-name"),
        (UnsupportedMediaType(), 415, "unsupported-media-type"),
        (RunnerLost(), 500, "runner-lost"),
    ],
)
def test_an_error_has_a_status_and_a_code(error, status, code):
    assert (status_of(error), code_of(error)) == (status, code)


def test_409_is_never_answered():
    assert 409 not in STATUS.values()


NAMES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(
    lambda name: name not in Event.__dataclass_fields__ and not name.startswith("data")
)
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
# A blank at an end is the one thing that the two sides see differently, see the tests above.
LINES = PRINTABLE.map(str.strip).filter(bool)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=OFFSETS).map(lambda time: time.replace(year=2000 + time.year % 100))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PRINTABLE, inner, max_size=3),
    max_leaves=10,
)
CONTENTS = st.one_of(
    st.tuples(
        st.sampled_from(["application/json", "text/json; charset=utf-8"]),
        st.dictionaries(PRINTABLE.filter(lambda key: "\x7f" not in key), JSON, max_size=4),
    ),
    st.tuples(st.just("text/plain"), st.text(min_size=1)),
    st.tuples(st.just("application/octet-stream"), st.binary(min_size=1)),
    st.tuples(st.just("application/json"), st.none()),
)


@st.composite
def public_events(draw):
    """An event as somebody makes it with the public package."""
    content_type, data = draw(CONTENTS)
    attributes = draw(st.dictionaries(NAMES, LINES, max_size=3)) | {
        "specversion": "1.0",
        "datacontenttype": content_type,
        "id": draw(LINES),
        "source": draw(LINES),
        "type": draw(LINES),
        "time": draw(TIMES),
    }
    return CloudEvent(attributes, data)


def ours(data):
    """Bytes are a text when they are one, else base64; everything else stays."""
    if not isinstance(data, bytes):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()


@quickly
@given(public_events(), st.sampled_from([to_structured_event, to_binary_event]))
def test_what_the_public_package_writes_is_read_back(written, write):
    message = write(written)

    event = read_one(message.headers, message.body, Acceptance.STRICT)

    attributes = written.get_attributes()
    own = {"specversion", "id", "source", "type", "time", "datacontenttype"}
    assert [event.id, event.source, event.type] == [attributes[n] for n in ("id", "source", "type")]
    assert event.time == attributes["time"]
    assert event.extensions == {n: v for n, v in attributes.items() if n not in own}
    assert event.document["datacontenttype"] == attributes["datacontenttype"]
    assert event.data == ours(written.get_data())
    assert event.warnings == ()


@quickly
@given(public_events())
def test_what_we_keep_is_read_by_the_public_package(written):
    message = to_structured_event(written)
    event = read_one(message.headers, message.body)

    body = compact(event.document).encode()
    read_back = from_structured_event(HTTPMessage({"content-type": STRUCTURED}, body))

    assert read_back.get_attributes() == written.get_attributes()
    assert read_back.get_data() == written.get_data()


@quickly
@given(LINES)
def test_a_percent_encoded_attribute_is_what_was_meant(value):
    assert read_one(ATTRIBUTES | {"ce-subject": quote(value)}, b"").document["subject"] == value
