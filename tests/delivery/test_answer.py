"""What an answer of the sink means."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.answer import Answer, judged, one_line, retry_after
from service.errors import SinkRefused, SinkUnavailable

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def judge(status, text="", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status=status, headers=headers, text=text)
    return judged(answer, sink="the sink http://sink/", now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_an_event_that_was_taken_is_done(status):
    assert judge(status) is None


@pytest.mark.parametrize(
    "status",
    [101, 300, 301, 304, 307, 308, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504, 599, 999],
)
def test_an_answer_that_may_change_is_asked_for_again(status):
    assert isinstance(judge(status), SinkUnavailable)


@pytest.mark.parametrize("status", [400, 402, 405, 410, 413, 415, 418, 422, 431, 451, 499])
def test_an_answer_to_the_event_itself_is_final(status):
    assert isinstance(judge(status), SinkRefused)


def test_the_message_names_the_status_and_what_the_sink_said_in_one_short_line():
    error = judge(400, "no\r\nsuch\x1b[31m type\u2028" + "x" * 5000)

    assert str(error).startswith("the sink http://sink/ answers 400: no such [31m type xxx")
    assert str(error).endswith("x…")
    assert len(str(error)) < 260


def test_a_redirect_says_where_to_without_the_secrets_of_that_address():
    error = judge(307, location="https://user:word@new.example/in?token=abc#part")

    assert str(error) == (
        "the sink http://sink/ answers 307 "
        "(redirects are not followed, set its address to https://new.example/in)"
    )


@pytest.mark.parametrize("location", ["", "http://[broken", "//"])
def test_a_redirect_to_nowhere_is_told_as_well(location):
    assert "set its address to" in str(judge(301, location=location))


@pytest.mark.parametrize(("status", "advice"), [(401, "credentials"), (403, "the right to")])
def test_a_lack_of_rights_says_what_the_operator_must_fix(status, advice):
    assert advice in str(judge(status))


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 5000, 300.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 12:00:00 GMT", 300.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
    ],
)
def test_the_sink_may_ask_for_patience(wish, seconds):
    error = judge(503, retry_after=wish)

    assert error.retry_after == seconds


def test_a_moment_is_measured_by_the_clock_of_the_sink():
    error = judge(
        429, retry_after="Sat, 21 Nov 2026 15:00:20 GMT", date="Sat, 21 Nov 2026 15:00:00 GMT"
    )

    assert error.retry_after == 20.0


@given(st.text(), st.text())
def test_no_header_is_strange_enough_to_break_anything(wish, date):
    seconds = retry_after({"retry-after": wish, "date": date}, now=NOW)

    assert seconds is None or 0.0 <= seconds <= 300.0


@given(st.text())
def test_what_the_sink_says_always_fits_in_a_line(text):
    line = one_line(text)

    assert line.isprintable()
    assert len(line) <= 200
