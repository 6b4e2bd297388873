"""A script of generic-executor-service: what its text means here."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from service.checking.findings import File
from service.errors import BadScript
from service.migration.http_text import http_remarks
from service.migration.judgement import Dialect, Remark, different, work
from service.migration.mending import mended_http, mended_python, mended_shell, shebang_flags
from service.migration.names_used import indexed_remarks, name_remarks
from service.migration.python_text import names_read as names_of_python
from service.migration.python_text import parse_python, python_remarks
from service.migration.shell_names import names_read as names_of_shell
from service.migration.shell_scan import scan
from service.migration.shell_text import asked_time, shell_remarks

_LONGEST_LINE = 2000
"""Characters; patterns take their time on longer ones, and people write shorter ones."""
_SHELLS = re.compile(r"#!\s*(?:\S*/)?(?:env\s+)?(?:-S\s+)?(?:bash|sh|dash|ash)\b")
_ERROR = re.compile(r"\\?[\"']error\\?[\"']\s*:")
_TYPE = re.compile(r"\\?[\"']type\\?[\"']\s*:\s*\\?[\"']sh\.keptn\.")
_RESULT = re.compile(r"\\?[\"']result\\?[\"']\s*:\s*\\?[\"'](?:fail|warning)\b")
_RESULT_FILE = re.compile(r"\.finished\.event\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """What was found in a script, and its text as it is written."""

    remarks: tuple[Remark, ...]
    content: bytes


def examine(file: File, *, siblings: Collection[str], dialect: Dialect) -> Examined:
    """Look at the text of a script; *siblings* are the names of files beside it."""
    if not file.content:
        message = "an empty file counts as absent: the next level answers"
        return Examined(remarks=(different(message),), content=b"")
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        remark = work("the text is not UTF-8 and was not looked at")
        return Examined(remarks=(remark,), content=file.content)
    if file.name.endswith(".http"):
        remarks = tuple(http_remarks(file.content, dialect))
        return Examined(remarks=remarks, content=mended_http(text, dialect=dialect).encode())
    look = _python if file.name.endswith(".py") else _shell
    try:
        found, mended = look(file, text, siblings, dialect)
    except BadScript as error:
        message = str(error).partition(": ")[2] if error.line else str(error)
        return Examined(remarks=(work(message, error.line or 0),), content=file.content)
    remarks = (*found, *indexed_remarks(text, dialect), *_said(text, dialect))
    in_order = sorted(dict.fromkeys(remarks), key=lambda remark: remark.line)
    return Examined(remarks=tuple(in_order), content=mended.encode())


def _shell(
    file: File, text: str, siblings: Collection[str], dialect: Dialect
) -> tuple[list[Remark], str]:
    lines = text.split("\n")
    long = [number for number, line in enumerate(lines, 1) if len(line) > _LONGEST_LINE]
    scanned = scan("\n".join(line if len(line) <= _LONGEST_LINE else "" for line in lines))
    message = f"longer than {_LONGEST_LINE} characters: this line was not looked at"
    found = [different(message, number) for number in long]
    found += shell_remarks(scanned.expanded, scanned, siblings=siblings, dialect=dialect)
    remarks, inherited = name_remarks(names_of_shell(scanned), dialect)
    if dialect is Dialect.V03:
        found += _first_line(text)
    mended = mended_shell(text, inherited=inherited, seconds=asked_time(scanned), dialect=dialect)
    return [*found, *remarks], mended


def _python(
    file: File, text: str, siblings: Collection[str], dialect: Dialect
) -> tuple[list[Remark], str]:
    tree = parse_python(file.content)
    found = list(python_remarks(tree, siblings=siblings, dialect=dialect))
    remarks, inherited = name_remarks(names_of_python(tree), dialect)
    mended = mended_python(text, tree, inherited=inherited, dialect=dialect)
    return [*found, *remarks], mended


def _first_line(text: str) -> Iterator[Remark]:
    """0.3 started `.sh` files directly, and so by their first line."""
    first = text.partition("\n")[0]
    if not first.startswith("#!"):
        yield different("without #! in its first line 0.3 could not start it; here bash does", 1)
    elif not _SHELLS.match(first):
        yield work("a .sh file is always run by bash here, whatever its first line says", 1)
    elif flags := shebang_flags(text):
        yield work(f"the option {flags} in the first line is not looked at here", 1, mended=True)


def _said(text: str, dialect: Dialect) -> Iterator[Remark]:
    """Yield what the output of a script means here, as far as its text shows it."""
    if dialect is not Dialect.V08:
        return
    for pattern, message in (
        (_ERROR, 'an object with "error" as output passed in 0.8; here it fails'),
        (_TYPE, 'an object with "type" became data of the answer; here an event of it is sent'),
        (_RESULT, '"result" in the output was data only; here it lowers the result'),
    ):
        if match := pattern.search(text):
            yield different(message, text.count("\n", 0, match.start()) + 1)
    if match := _RESULT_FILE.search(text):
        message = (
            "the result file is read when the event's id can be a file name; "
            "$GENEXEC_RESULT_FILE is read always"
        )
        yield different(message, text.count("\n", 0, match.start()) + 1)
