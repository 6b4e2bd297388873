"""What in an `.http` file works differently here."""

import re
from collections.abc import Iterator

from service.errors import BadScript
from service.http_file import parse_http_file, problems
from service.migration.judgement import Dialect, Remark, different, work
from service.variables import ALWAYS_SET

_REFUSED = re.compile(
    r"https?://(localhost|127\.\d+\.\d+\.\d+|\[::1\]|169\.254\.\d+\.\d+|kubernetes(?:\.default\S*)?)[:/]",
    re.IGNORECASE,
)
_DOLLAR = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z]\w*))", re.ASCII)
_ONLY_REFUSED = "puts event data into the host"


def http_remarks(content: bytes, dialect: Dialect) -> Iterator[Remark]:
    """Yield what is different in a request, and what keeps it from being sent."""
    text = content.decode("utf-8", "replace")
    lines = text.split("\n")
    further = second_request(content)
    if further:
        message = "a further request begins here; neither the predecessor nor this service sends it"
        yield work(message, further, mended=True)
        lines = lines[: further - 1]
        content = "\n".join(lines).encode()
    if dialect is Dialect.V03:
        yield different("0.3 could not read .http files that came from Git; here it is sent")
    try:
        parsed = parse_http_file(content)
    except BadScript as error:
        yield work(str(error).partition(": ")[2] or str(error), error.line or 0)
        return
    for header in parsed.headers:
        if ":" in header.value:
            message = f"the header {header.name} was cut at its second colon; here it is kept"
            yield different(message, header.line)
    for problem in problems(parsed, names=ALWAYS_SET):
        line, _, message = problem.removeprefix("line ").partition(": ")
        if message.endswith(_ONLY_REFUSED):
            message += ", which is refused: take it from an ENV_ variable or GENEXEC_HTTP_ALLOW"
            yield work(message, int(line))
    if match := _REFUSED.search(parsed.url):
        message = f"requests to {match[1]} are refused unless GENEXEC_HTTP_ALLOW names it"
        yield work(message, parsed.line)
    if parsed.body is not None:
        yield from _body(parsed.body, parsed.body_line)
    for number, line in enumerate(lines, 1):
        yield from _words(line, number, dialect)


def second_request(content: bytes) -> int:
    """Return the line of the `###` that begins a further request, 0 when there is none."""
    try:
        parse_http_file(content)
    except BadScript as error:
        return (error.line or 0) if "further request" in str(error) else 0
    return 0


def _body(body: str, start: int) -> Iterator[Remark]:
    lines = body.rstrip().split("\n")
    begun = False
    for number, line in enumerate(lines, start):
        begun = begun or bool(line.strip())
        if begun and not line.strip():
            message = "the body ended at this empty line; here the lines after it are sent, too"
            yield different(message, number)
            return
        if line.lstrip().startswith("#"):
            yield different("lines with # were left out of the body; here they are sent", number)


def _words(line: str, number: int, dialect: Dialect) -> Iterator[Remark]:
    for match in _DOLLAR.finditer(line):
        braced, word = match[1], match[2]
        if word and dialect is Dialect.V08 and word in ALWAYS_SET:
            yield different(f"${word} stayed as it is; here it is replaced", number)
        elif word and dialect is Dialect.V03:
            yield from _word_of_03(word, number)
        elif braced and dialect is Dialect.V03 and braced.startswith(("data.", "env.", "time")):
            yield different(f"${{{braced}}} stayed as it is; here it is replaced", number)


def _word_of_03(word: str, number: int) -> Iterator[Remark]:
    """0.3 replaced names one after the other wherever they stood, also as the head of others."""
    heads = [name for name in ALWAYS_SET if word.startswith(name) and name != word]
    head = max(heads, key=len, default="")
    if word in ALWAYS_SET and head:
        yield different(f"${word} became the value of ${head} with letters behind it", number)
    elif word.startswith("LABEL_") and word != word.upper():
        yield different(f"${word} was found in capitals only; here it is replaced", number)
    elif head and not word.startswith(f"{head}_"):
        message = f"${word} was ${head} with letters behind it; here it is another word"
        yield work(f"{message}: write ${{{head}}}{word[len(head) :]}", number, mended=True)


def with_braces(text: str) -> str:
    """Return *text* with names of 0.3 that have letters behind them put in braces."""

    def braced(match: re.Match[str]) -> str:
        remarks = list(_word_of_03(match[2] or "", 0))
        out = next((one.message.rpartition("write ")[2] for one in remarks if one.mended), "")
        return out or match[0]

    return _DOLLAR.sub(braced, text)
