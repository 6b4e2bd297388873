"""Bad JSON is refused before anybody reads it (IN-1, IN-13 to IN-16)."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import BadEvent
from service.strict_json import MAX_DEPTH, MAX_MEMBERS, canonical, compact, describe, parse, written

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(map(chr, [*range(32), 127])))
)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)

quickly = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(b"", "not JSON: it is empty", id="nothing"),
        pytest.param(b"   ", "not JSON: it is empty", id="blanks"),
        pytest.param(b"hello", "not JSON", id="a word"),
        pytest.param(b'{"a": 1', "line 1, column 8", id="cut off"),
        pytest.param(b'{"a": 1} {}', "Extra data", id="two values"),
        pytest.param(b"{'a': 1}", "not JSON", id="single quotation marks"),
        pytest.param(b'{"a": 1,}', "not JSON", id="comma too many"),
        pytest.param(b"[01]", "not JSON", id="leading zero"),
        pytest.param(b'"a\nb"', "control character", id="raw line feed in a text"),
        pytest.param(b"\xef\xbb\xbf{}", "begins with a byte order mark", id="byte order mark"),
        pytest.param('{"a": "ä"}'.encode("latin-1"), "not UTF-8 (byte 7)", id="Latin-1"),
        pytest.param('{"a": 1}'.encode("utf-16"), "not UTF-8 (byte 0)", id="UTF-16"),
        pytest.param(b'"\xed\xa0\x80"', "not UTF-8", id="encoded surrogate"),
        pytest.param(b'"\xc0\xaf"', "not UTF-8", id="overlong slash"),
        pytest.param(b"[NaN]", "NaN, which is not JSON", id="NaN"),
        pytest.param(b"[Infinity]", "Infinity, which is not JSON", id="Infinity"),
        pytest.param(b"[-Infinity]", "-Infinity, which is not JSON", id="-Infinity"),
        pytest.param(b"[1e400]", "too large: 1e400", id="float without a finite value"),
        pytest.param(b"[-1e400]", "too large: -1e400", id="negative without a finite value"),
        pytest.param(b"9" * 4301, "number that is too large", id="integer of 4,301 digits"),
        pytest.param(b'{"a": 1, "a": 2}', "the key 'a' twice", id="two equal keys"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', "the key 'a' twice", id="equal after unescaping"),
        pytest.param(
            b'{"data":{"project":"a","project":"b"}}', "the key 'project' twice", id="two projects"
        ),
        pytest.param(b'[[{"a": {"b": 1, "b": 1}}]]', "the key 'b' twice", id="two keys far inside"),
        pytest.param(b'{"a\\u0000b": 1}', "control character in the key", id="NUL in a key"),
        pytest.param(b'{"a\\nb": 1}', "control character in the key", id="line feed in a key"),
        pytest.param(b'{"a\x7fb": 1}', "control character in the key", id="DEL in a key"),
        pytest.param(b'"\\ud800"', "half of a surrogate pair", id="first half of a pair"),
        pytest.param(b'{"\\uD83D": 1}', "half of a surrogate pair", id="half a pair as a key"),
        pytest.param(b'"\\ude00\\ud83d"', "half of a surrogate pair", id="pair in wrong order"),
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(text, sentence):
    with pytest.raises(BadEvent) as refusal:
        parse(text)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize("text", [b'"\\udc00"', b'{"\\uDFFF": 1}'])
def test_the_second_half_of_a_pair_alone_is_refused(text):
    with pytest.raises(BadEvent, match="half of a surrogate pair"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"null", None),
        (b"5", 5),
        (b'"x"', "x"),
        (b" [] \r\n", []),
        (b"{}", {}),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        ('"ä\u2028"'.encode(), "ä\u2028"),
        (b'"a\\u0000b"', "a\0b"),
        (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
        (b"[1e308, -0.0, 1E2]", [1e308, -0.0, 100.0]),
        (b"12345678901234567890123", 12345678901234567890123),
        (b'"[[[[{{{{,,,,"', "[[[[{{{{,,,,"),
    ],
)
def test_sound_json_is_read(text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * 65 + b"]" * 65, id="65 levels"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, id="65 objects"),
        pytest.param(b'{"a":[' * 33 + b"]}" * 33, id="66 mixed levels"),
        pytest.param(b"[" * 1_000 + b"]" * 1_000, id="1,000 levels"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 levels"),
        pytest.param(b'{"a":' * 100_000, id="100,000 levels never closed"),
        pytest.param(b'["]",' * 65 + b"1" + b"]" * 65, id="brackets in texts do not count"),
        pytest.param(b'["\\"]",' * 65 + b"1" + b"]" * 65, id="escaped quotation marks"),
    ],
)
def test_deep_nesting_is_refused_quickly(text):
    taken = []
    for _ in range(3):
        started = time.process_time()
        with pytest.raises(BadEvent, match="nested deeper than 64 levels"):
            parse(text)
        taken.append(time.process_time() - started)

    assert min(taken) < 0.05


@pytest.mark.parametrize(
    "head", [pytest.param(b"[" * 65, id="deep"), pytest.param(b"," * MAX_MEMBERS + b"[", id="wide")]
)
def test_a_text_that_never_ends_is_refused_as_quickly(head):
    """An untidy pattern took 170 ms for 8 KB here and hours for 1 MB."""
    text = head + b'"' + b'\\"' * 5_000
    started = time.perf_counter()

    with pytest.raises(BadEvent):
        parse(text)

    assert time.perf_counter() - started < 0.05


def test_64_levels_are_read():
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None


def test_many_siblings_are_not_deep():
    assert parse(b"[" + b",".join([b"[]"] * 500) + b"]") == [[]] * 500


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" + b"1," * 20_000 + b"1]", id="20,001 elements"),
        pytest.param(b"[" + b"{}," * 10_000 + b"{}]", id="20,001 brackets and commas"),
    ],
)
def test_more_than_20000_members_are_refused(text):
    with pytest.raises(BadEvent, match="more than 20000 members"):
        parse(text)


def test_20000_members_are_read():
    value = parse(b"[" + b"1," * (MAX_MEMBERS - 1) + b"1]")

    assert value == [1] * MAX_MEMBERS


def test_commas_inside_texts_are_not_members():
    assert parse(b'["' + b"," * 30_000 + b'"]') == ["," * 30_000]


@quickly
@given(VALUES)
def test_every_sound_value_comes_back(value):
    assert parse(json.dumps(value).encode()) == value


@quickly
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    try:
        value = parse(content)
    except BadEvent:
        return
    assert parse(compact(value).encode()) == value


@quickly
@given(st.dictionaries(KEYS, SCALARS, max_size=6))
def test_canonical_bytes_do_not_depend_on_order(members):
    assert canonical(members) == canonical(dict(reversed(members.items())))


@quickly
@given(VALUES)
def test_canonical_bytes_keep_the_whole_value(value):
    assert parse(canonical(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": [1, 2.5], "a": "ä"}, '{"b":[1,2.5],"a":"ä"}'),
        ([True, None], "[true,null]"),
        ("x", '"x"'),
    ],
)
def test_compact_json_has_no_blanks(value, text):
    assert compact(value) == text


@pytest.mark.parametrize("write", [compact, canonical])
def test_numbers_without_a_finite_value_are_never_written(write):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write([float("nan")])


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        ({}, "an object"),
        ([], "a list"),
        ("", "a text"),
        (False, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
    ],
)
def test_types_have_names_for_error_sentences(value, name):
    assert describe(value) == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, "ä"]}, b'{"a":[1,null,"\xc3\xa4"]}'),
        (2**70, b"1180591620717411303424"),
        ("\ud83d", b'"\\ud83d"'),
    ],
)
def test_what_is_written_is_compact_json(value, text):
    assert written(value) == text
