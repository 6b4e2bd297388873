"""JSON from strangers: decoded once, here, so that no later stage has to cope.

The standard reader accepts `NaN`, lets the last of two equal keys win, guesses encodings
and runs into its recursion limit; each of these lets two readers see two different
documents, or turns bad input into a server error. Intake, the `.http` body check and the
reading of script output come through here.
"""

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import orjson

from service.errors import BadEvent

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

MAX_DEPTH = 64
MAX_MEMBERS = 20_000

_TYPE_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number"}
# A text that never ends reaches to the end; else the search would start anew at each quote.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPECIAL = re.compile(rb"[\\\x7f]")
"""Without one of these no key has a control character: the reader takes no other as it is."""


def parse(text: bytes) -> Json:
    """Return the one value that *text* (UTF-8, RFC 8259) holds.

    Raises `BadEvent` for anything two readers could understand differently, for more than
    64 levels or 20,000 members, and for numbers that have no finite value.
    """
    _refuse_deep_or_wide(text)
    try:
        reader = _READER if _SPECIAL.search(text) else _PLAIN_READER
        value = reader.decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadEvent(f"the body is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise BadEvent(f"the body is not JSON: {_what_is_wrong(text, error)}") from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise BadEvent("the body has a number that is too large") from error
    if _SURROGATE_ESCAPE.search(text):
        _refuse_half_characters(value)
    return value  # type: ignore[no-any-return]  # the decoder is untyped


def compact(value: Json) -> str:
    """Return *value* as JSON without blanks, the way texts are made of nested values."""
    return _COMPACT.encode(value)


def written(value: Json) -> bytes:
    """Return *value* as JSON in UTF-8 without blanks: the quick way, for programs to read.

    Half characters, which UTF-8 has not, are escaped as JSON can.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer of more than 64 bits, half a character
        return _ESCAPED.encode(value).encode("ascii")


def escaped(value: Json) -> bytes:
    """Return *value* as JSON in ASCII without blanks: no reader can make more bytes of it."""
    text = written(value)
    return text if text.isascii() else _ESCAPED.encode(value).encode("ascii")


def canonical(value: Json) -> bytes:
    """Return the bytes that are equal for equal values: keys sorted, no blanks."""
    return _CANONICAL.encode(value).encode("ascii")


def describe(value: object) -> str:
    """Name the JSON type of *value* for an error sentence."""
    return "null" if value is None else _TYPE_NAMES.get(type(value), "a number")


def _refuse_deep_or_wide(text: bytes) -> None:
    opened = text.count(b"[") + text.count(b"{")
    if opened > MAX_DEPTH:
        _refuse_deep(text)
    if opened + text.count(b",") > MAX_MEMBERS:
        bare = _STRINGS.sub(b"", text)
        if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > MAX_MEMBERS:
            raise BadEvent(f"the body has more than {MAX_MEMBERS} members")


def _refuse_deep(text: bytes) -> None:
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", text)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadEvent(f"the body is nested deeper than {MAX_DEPTH} levels")


def _plain_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice, _ = counts.most_common(1)[0]
        raise BadEvent(f"the body has the key {twice!r} twice")
    return result


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = _plain_object(pairs)
    for name in result:
        if _CONTROL.search(name):
            raise BadEvent(f"the body has a control character in the key {name!r}")
    return result


def _what_is_wrong(text: bytes, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    if text.startswith(codecs.BOM_UTF8):
        return "it begins with a byte order mark; write it as UTF-8 without one"
    return f"{error.msg} (line {error.lineno}, column {error.colno})"


def _constant(word: str) -> object:
    raise BadEvent(f"the body has {word}, which is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadEvent(f"the body has a number that is too large: {text[:20]}")
    return number


def _refuse_half_characters(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadEvent("the body has half of a surrogate pair, which is no character") from error


# Made once: the functions of the module make a new one for each call with options.
_READER, _PLAIN_READER = (
    json.JSONDecoder(object_pairs_hook=hook, parse_constant=_constant, parse_float=_float)
    for hook in (_object, _plain_object)
)
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_ESCAPED = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_CANONICAL = json.JSONEncoder(
    ensure_ascii=True, separators=(",", ":"), sort_keys=True, allow_nan=False
)
