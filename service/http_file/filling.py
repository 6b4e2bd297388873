"""A `.http` file becomes a request: values land where placeholders stood.

Every value is encoded for its place (address, header, JSON text, form); one that does not
fit there is an error and nothing is sent. Used by `engine.request`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from json import dumps
from urllib.parse import quote

from service.errors import BadEvent, BadScript
from service.event import is_json
from service.http_file.grammar import HOST_END, HttpFile
from service.http_file.placeholders import Insert, Part, Values
from service.strict_json import Json, compact, parse

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TARGET = re.compile(
    r"https?://(([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?)(?=[/?]|\Z)", re.ASCII | re.IGNORECASE
)
_LAST_PORT = 65535
_SAFE_IN_URL = "%/:?#[]@!$&'()*+,;=~"
_NO_SCALAR = (
    "stands outside quotes in a JSON body and has no number, true, false, null or text in quotes"
)
_JSON_MARK = re.compile(r'\\(?:.|\Z)|"', re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """A request ready to be sent: an http or https address with an ASCII host."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


def fill(
    file: HttpFile,
    *,
    variables: Mapping[str, str],
    document: Mapping[str, Json],
    env: Mapping[str, str],
    allowed_hosts: Collection[str] = (),
) -> tuple[HttpRequest, tuple[str, ...]]:
    """Return the request with every value in place, and warnings that name no value.

    *variables* are those of the script contract, *document* is the whole event, *env* what
    `${env.…}` finds. A host made of event data must be one of *allowed_hosts* (lower case,
    or with `:port`). Raises `BadScript` when a value does not fit where it would land.
    """
    values = Values(variables, document, env)
    url = _url(list(values.parts(file.url, file.line)), file.line, allowed_hosts)
    headers = tuple(
        (header.name, _header(header.name, values.parts(header.value, header.line)))
        for header in file.headers
    )
    body = None
    if file.body is not None:
        media_type = next((v for name, v in headers if name.lower() == "content-type"), "")
        parts = values.parts(file.body, file.body_line)
        if is_json(media_type) or (not media_type and file.body.lstrip()[0] in "{["):
            body = _json(parts)
            if not _reads_as_json(body):
                values.warnings.append(f"line {file.body_line}: the body does not read as JSON")
        else:
            form = media_type.lower().startswith("application/x-www-form-urlencoded")
            body = _plain(parts, form=form)
    request = HttpRequest(method=file.method, url=url, headers=headers, body=body)
    return request, tuple(values.warnings)


def _url(parts: Iterable[Part], line: int, allowed_hosts: Collection[str]) -> str:
    url = ""
    inserted: list[tuple[int, Insert]] = []
    for part in parts:
        if isinstance(part, str):
            url += part
        elif part.from_operator and not HOST_END.match(url):
            url += part.text
        else:
            inserted.append((len(url), part))
            url += _percent(part.text)
    host_end = HOST_END.match(url + "/")
    reach = host_end.end() if host_end else len(url)
    from_event = next((insert for at, insert in inserted if at <= reach), None)
    url = quote(url.partition("#")[0], safe=_SAFE_IN_URL, errors="surrogateescape")
    target = _TARGET.match(url)
    if from_event and not (target and {target[1].lower(), target[2].lower()} & {*allowed_hosts}):
        raise from_event.misfit("comes from the event, which may not choose the host")
    if target is None or not 0 < int(target[3] or 80) <= _LAST_PORT:
        raise BadScript(
            "the address must be http:// or https://, a host and perhaps a port", line=line
        )
    return url


def _percent(value: str) -> str:
    """Encode all that has a meaning in an address, a path step of dots included."""
    encoded = quote(value, safe="", errors="surrogateescape")
    return encoded if encoded.strip(".") else "%2E" * len(encoded)


def _header(name: str, parts: Iterable[Part]) -> str:
    value = ""
    for part in parts:
        if isinstance(part, str):
            value += part
            continue
        if _CONTROL.search(part.text):
            raise part.misfit("has a line break or control character, which no header can hold")
        if name.lower() == "host" and not part.from_operator:
            raise part.misfit("comes from the event, which may not choose the host")
        value += part.text
    return value


def _plain(parts: Iterable[Part], *, form: bool) -> bytes:
    pieces = (
        part if isinstance(part, str) else _percent(part.text) if form else part.text
        for part in parts
    )
    return "".join(pieces).encode("utf-8", "surrogateescape")


def _json(parts: Iterable[Part]) -> bytes:
    pieces = []
    in_string = after_backslash = False
    for part in parts:
        if isinstance(part, str):
            start = 1 if after_backslash and part else 0
            after_backslash = after_backslash and not part
            for mark in _JSON_MARK.finditer(part, start):
                in_string ^= mark[0] == '"'
                after_backslash = mark[0] == "\\"
            pieces.append(part)
        elif after_backslash:
            raise part.misfit("stands after a backslash, which would change its first character")
        else:
            pieces.append(
                dumps(part.text, ensure_ascii=False)[1:-1] if in_string else _scalar(part)
            )
    return "".join(pieces).encode("utf-8", "surrogateescape")


def _scalar(insert: Insert) -> str:
    written = insert.text if isinstance(insert.value, str) else compact(insert.value)
    try:
        value = parse(written.encode("utf-8", "surrogateescape"))
    except BadEvent as error:
        raise insert.misfit(_NO_SCALAR) from error
    if isinstance(value, Mapping | list):
        raise insert.misfit(_NO_SCALAR)
    return written


def _reads_as_json(body: bytes) -> bool:
    try:
        parse(body)
    except BadEvent:
        return False
    return True
