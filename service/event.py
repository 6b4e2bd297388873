"""One CloudEvent, read once at the edge; behind it no raw dictionary travels.

`http_binding` finds the document in a request, `read_event` here decides whether it is an
event. The rules are those of CloudEvents 1.0.2 and, while legacy events are enabled, of
the 0.2 and 0.3 envelopes that Keptn up to 0.7 sends. What an event means to Keptn is
decided in `keptn_events`.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from service.credentials import without_credentials
from service.errors import BadEvent
from service.strict_json import Json, canonical, compact, describe, parse
from service.times import parse_time, time_string

LIMITS = {"id": 1024, "source": 2048, "type": 255}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CORRELATION = {"shkeptncontext", "triggeredid", "gitcommitid", "shkeptnspecversion"}
_EXTENSION_NAME = re.compile(r"[a-z0-9]+")
_OWN_NAMES = {"specversion", "id", "source", "type", "time", "data", "data_base64"}
_OWN_NAMES |= {"datacontenttype", "contenttype", "dataschema", "subject", "extensions"}


class Acceptance(StrEnum):
    """How far from CloudEvents 1.0 an event may be and still be taken."""

    STRICT = "strict"
    """specversion 1.0 only."""
    LEGACY = "legacy"
    """Also 0.2 and 0.3, which may lack `id` and `time`."""
    LENIENT = "lenient"
    """Every event may lack `id`, `time` and `specversion`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A CloudEvent whose required attributes are known to be sound."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    time_text: str
    data: Json
    extensions: Mapping[str, str]
    document: Mapping[str, Json]
    """The whole event as JSON, the way a script gets it as a file."""
    warnings: tuple[str, ...] = field(default=())

    @property
    def context(self) -> str:
        """The `shkeptncontext`, exactly as it came."""
        return self.extension("shkeptncontext")

    def extension(self, name: str) -> str:
        """Return the extension attribute, empty when absent.

        Keptn writes an absent value as nothing, as null, as an empty text and as a text of
        two quotation marks.
        """
        value = self.extensions.get(name, "")
        return "" if value == '""' else value

    @property
    def fields(self) -> Mapping[str, Json]:
        """`data` when it is an object, else an empty one."""
        return self.data if isinstance(self.data, dict) else {}

    def digest(self) -> bytes:
        """Return the SHA-256 that tells whether two events of one id say the same.

        Keptn delivers one event once per matching subscription; these differ only in the
        temporary data that the distributor adds, and in nothing that was sent.
        """
        document = dict(self.document)
        if "temporaryData" in self.fields:
            document["data"] = {k: v for k, v in self.fields.items() if k != "temporaryData"}
        return hashlib.sha256(canonical(document)).digest()


def read_event(
    document: Json, *, accept: Acceptance, now: datetime, raw: bytes | None = None
) -> Event:
    """Return the event that *document* (a parsed JSON value) holds.

    *raw* are the bytes it came in; the id of a legacy event without one is their SHA-256, so
    that sending it again is a duplicate. *now* is the time of such an event without a time.
    Raises `BadEvent` naming the attribute.
    """
    if not isinstance(document, dict):
        raise BadEvent(f"a CloudEvent is a JSON object, not {describe(document)}")
    specversion = _specversion(document, accept)
    relaxed = specversion != "1.0" or accept is Acceptance.LENIENT
    identity = document
    if relaxed and document.get("id") in (None, ""):
        identity = {**document, "id": hashlib.sha256(raw or canonical(document)).hexdigest()}
    names = {name: _required(identity, name) for name in LIMITS}
    time_text, time = _time(document.get("time"), relaxed=relaxed, now=now)
    extensions, warnings = _extensions(document)
    data = _data(document, names["type"])
    whole = {"specversion": specversion, **document, **names}
    if isinstance(data, dict):  # data_base64 would still hold the sender's token
        whole.pop("data_base64", None)
        whole["data"] = data
    return Event(
        specversion=specversion,
        time=time,
        time_text=time_text,
        data=data,
        extensions=extensions,
        document=whole,
        warnings=warnings,
        **names,
    )


def text(value: Json) -> str:
    """Return the documented text form: `true`, `1`, empty for null, compact JSON when nested."""
    if isinstance(value, str):
        return value
    return "" if value is None else compact(value)


def is_json(media_type: str) -> bool:
    """Say whether a media type carries JSON (RFC 6839: also any that ends with +json)."""
    essence = media_type.partition(";")[0].strip().lower()
    return essence.endswith(("/json", "+json"))


def _specversion(document: Mapping[str, Json], accept: Acceptance) -> str:
    value = document.get("specversion")
    if value == "1.0":
        return "1.0"
    if value in ("0.2", "0.3") and accept is not Acceptance.STRICT:
        return str(value)
    if "specversion" not in document:
        if accept is Acceptance.LENIENT:
            return _guessed_specversion(document)
        raise BadEvent("the attribute 'specversion' is missing; CloudEvents 1.0 requires it")
    if value in ("0.2", "0.3"):
        raise BadEvent(
            f"specversion {value} is taken only while GENEXEC_ACCEPT is legacy or lenient"
        )
    raise BadEvent(f"'specversion' must be the text '1.0', not {text(value)[:40]!r}")


def _guessed_specversion(document: Mapping[str, Json]) -> str:
    """Keptn 0.8 and later put a verdict or a correlation into every event; 0.7 did not."""
    data = document.get("data")
    fields = data if isinstance(data, dict) else {}
    modern = "result" in fields or "status" in fields or bool(document.get("shkeptnspecversion"))
    modern = modern or document.get("triggeredid") not in (None, "", '""')
    keptn = text(document.get("type")).startswith("sh.keptn.")
    return "1.0" if modern or not keptn else "0.2"


def _required(document: Mapping[str, Json], name: str) -> str:
    if name not in document:
        raise BadEvent(f"the attribute {name!r} is missing; CloudEvents 1.0 requires it")
    value = document[name]
    if not isinstance(value, str) or not value:
        what = "an empty text" if value == "" else describe(value)
        raise BadEvent(f"the attribute {name!r} must be a text that is not empty, not {what}")
    if len(value) > LIMITS[name]:
        raise BadEvent(f"the attribute {name!r} is longer than {LIMITS[name]} characters")
    if _CONTROL.search(value):
        raise BadEvent(f"the attribute {name!r} has a control character")
    return value


def _time(value: Json, *, relaxed: bool, now: datetime) -> tuple[str, datetime]:
    if value is None:
        return time_string(now), now
    try:
        return str(value), parse_time(value if isinstance(value, str) else "")
    except ValueError as error:
        if relaxed:
            return time_string(now), now
        raise BadEvent(
            f"'time' must be an RFC 3339 time with a zone, not {text(value)[:60]!r}"
        ) from error


def _extensions(document: Mapping[str, Json]) -> tuple[dict[str, str], tuple[str, ...]]:
    container = document.get("extensions")  # Keptn's model of 0.8 declares it; normally absent
    named = dict(container) if isinstance(container, dict) else {}
    named |= {name: value for name, value in document.items() if name not in _OWN_NAMES}
    kept: dict[str, str] = {}
    warnings = []
    for name, value in named.items():
        if not _EXTENSION_NAME.fullmatch(name):
            warnings.append(f"extension {name!r} ignored: a name is lower-case letters and digits")
        elif isinstance(value, dict | list):
            warnings.append(f"extension {name!r} ignored: its value is {describe(value)}")
        elif _CONTROL.search(text(value)):
            raise BadEvent(f"the attribute {name!r} has a control character")
        elif name in _CORRELATION and len(text(value)) > LIMITS["id"]:
            raise BadEvent(f"the attribute {name!r} is longer than {LIMITS['id']} characters")
        else:
            kept[name] = text(value)
    return kept, tuple(warnings)


def _data(document: Mapping[str, Json], type_: str) -> Json:
    """Return the data; of a Keptn event it must be an object, without credentials."""
    data = _decoded(document) if "data_base64" in document else document.get("data")
    if not type_.startswith("sh.keptn.") or data is None:
        return data
    if not isinstance(data, dict):
        raise BadEvent(f"'data' of a Keptn event must be an object, not {describe(data)}")
    return without_credentials(data)


def _decoded(document: Mapping[str, Json]) -> Json:
    """Return what `data_base64` holds: a JSON value, a text, or the base64 text of other bytes."""
    encoded = document["data_base64"]
    if "data" in document:
        raise BadEvent("an event has 'data' or 'data_base64', not both")
    try:
        content = base64.b64decode(encoded if isinstance(encoded, str) else "?", validate=True)
    except ValueError as error:
        raise BadEvent("'data_base64' is not base64") from error
    media_type = document.get("datacontenttype") or document.get("contenttype")
    if is_json(text(media_type) or "application/json"):
        return parse(content)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return encoded
