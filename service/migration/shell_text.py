"""What in a shell script works differently here, found by patterns."""

import re
from collections.abc import Collection, Iterator

from service.migration.judgement import Dialect, Remark, work
from service.migration.shell_scan import Scanned
from service.migration.surroundings import place_remark, written_remark
from service.migration.tools import KNOWN_ELSEWHERE, missing

LONGEST = 600
"""Seconds a run may take unless it says otherwise."""

_COMMAND = re.compile(
    r"(?:^|[;&|(`{]|\b(?:if|then|else|elif|do|while|until|exec|sudo|nohup|time|xargs)(?=\s)|!\s)"
    r"[ \t]*(?:\w+=[^\s(`]*[ \t]+)*([A-Za-z][\w.+-]*)",
    re.MULTILINE,
)
_FUNCTION = re.compile(r"^[ \t]*(?:function[ \t]+)?([\w-]+)[ \t]*\([ \t]*\)", re.MULTILINE)
_SOURCED = re.compile(
    r"(?:^|[;&|({]|\bthen|\bdo)[ \t]*(?:source|\.)[ \t]+\"?([^\s;\"&|]+)", re.MULTILINE
)
_STARTED = re.compile(
    r"(?:^|[;&|(`{]|\bthen|\bdo|\bbash|\bsh|\bpython3?)[ \t]*(\./[\w./-]+)", re.MULTILINE
)
_BESIDE = re.compile(r"dirname[ \t]+(?:--[ \t]+)?\"?\$(?:0|\{0\}|\{?BASH_SOURCE)|\$\{0%/\*\}")
_READ = re.compile(
    r"(?:\b(?:cat|jq|grep|sed|awk|head|tail|python3|envsubst)\b[^\n;|&]*?[ \t]|<[ \t]*|@|-f[ \t=]+)"
    r"(?:\./)?([\w-][\w./-]*\.(?:json|ya?ml|txt|py|sh|conf|cfg|ini|tpl|tmpl|jmx|js|sql|csv|env|xml))\b"
)
_MADE = re.compile(
    r"(?:>|>>|\btee(?:[ \t]+-a)?|-o|--output|\btouch|\bmktemp|\bcp\b[^\n;|&]*?)[ \t]*"
    r"(?:\./)?([\w-][\w./-]*)"
)
_REDIRECTED = re.compile(r"(?<![<0-9&])\d?>>?[ \t]*(/[\w./-]+)")
_BACKGROUND = re.compile(
    r"(?<![&>|<\\])&(?![&>\d|])[ \t]*(?=$|[;)\n}])|\b(?:nohup|setsid|disown)\b", re.MULTILINE
)
_SLEEP = re.compile(r"\bsleep[ \t]+(\d+)([smhd]?)\b")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_ARGUMENT = re.compile(r"(?:\bjq\b|\bcat\b|\bgrep\b|\bpython3?\b|\bsed\b|<)[^\n;|]*\$\{?1\b")
_HOME_OF_SECRETS = re.compile(r"/(?:var/)?run/secrets/kubernetes\.io\S*")


def shell_remarks(
    text: str, scanned: Scanned, *, siblings: Collection[str], dialect: Dialect
) -> Iterator[Remark]:
    """Yield what is different; *siblings* are the names of files beside the script."""
    code, expanded = scanned.code, scanned.expanded
    yield from _commands(code)
    yield from _files(code, expanded, siblings)
    for match in _REDIRECTED.finditer(code):
        yield from written_remark(match[1], _line(text, match.start(1)))
    for match in _HOME_OF_SECRETS.finditer(expanded):
        yield place_remark(match[0], _line(text, match.start()))
    if not re.search(r"\bwait\b", code):
        for match in _BACKGROUND.finditer(code):
            message = "what runs on in the background is ended with the script; wait for it"
            yield work(message, _line(text, match.start()))
    for match in _SLEEP.finditer(code):
        if seconds_of(match) >= LONGEST:
            message = f"waits longer than the deadline of {LONGEST} seconds; a directive sets more"
            yield work(message, _line(text, match.start()), mended=True)
    if dialect is Dialect.V03:
        yield from _argument(text, expanded)


def seconds_of(match: re.Match[str]) -> int:
    """Return how long a `sleep` takes."""
    return int(match[1]) * _UNITS[match[2]]


def asked_time(scanned: Scanned) -> int:
    """Return the seconds of all long sleeps of a script, each taken once; 0 when there is none."""
    sleeps = [seconds_of(match) for match in _SLEEP.finditer(scanned.code)]
    return sum(sleeps) if any(seconds >= LONGEST for seconds in sleeps) else 0


def _commands(code: str) -> Iterator[Remark]:
    own = {match[1] for match in _FUNCTION.finditer(code)}
    seen: set[str] = set()
    for match in _COMMAND.finditer(code):
        command = match[1]
        if command in KNOWN_ELSEWHERE and command not in own | seen:
            seen.add(command)
            yield work(missing(command), _line(code, match.start(1)))


def _files(code: str, expanded: str, siblings: Collection[str]) -> Iterator[Remark]:
    made = {match[1] for match in _MADE.finditer(expanded)}
    seen: set[int] = set()
    found = [
        (match.start(1), match[1])
        for pattern, view in ((_SOURCED, expanded), (_STARTED, code), (_READ, expanded))
        for match in pattern.finditer(view)
        if not match[1].startswith(("/", "$", "~"))
    ]
    for at, name in sorted(found):
        line = _line(code, at)
        plain = name.removeprefix("./")
        if plain not in made and line not in seen:
            seen.add(line)
            beside = " (it lies beside the script)" if plain in siblings else ""
            yield work(
                f"{name!r} is not there{beside}: the working directory is fresh and holds no "
                "other file of the repository; put its text into the script",
                line,
            )
    for match in _BESIDE.finditer(expanded):
        message = "only the script itself is there: nothing lies beside it"
        yield work(message, _line(code, match.start()))


def _argument(text: str, expanded: str) -> Iterator[Remark]:
    match = re.search(r"tmpdata/", text)
    if match:
        yield work("./tmpdata/ is not there: the event's file is $1", _line(text, match.start()))
    match = _ARGUMENT.search(expanded)
    if match:
        message = "0.3 wrote only data into the file $1 names; here it is the whole event: .data"
        yield work(message, _line(text, match.start()))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
