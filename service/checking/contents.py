"""What may stand in a script: directives, `.http` grammar, Python."""

import ast
import warnings
from collections.abc import Collection, Iterator

from service.checking.findings import File, Finding, Weight
from service.directives import read_directives
from service.errors import BadScript
from service.http_file import parse_http_file, problems
from service.requirements import read_requirements


def content_findings(
    file: File, *, script_limit: int, variable_names: Collection[str]
) -> Iterator[Finding]:
    """Yield what is wrong with the content of a script, with the line.

    *script_limit* is in bytes; *variable_names* are those every event has.
    """
    if not file.content:
        message = "an empty file counts as absent: the next level answers"
        yield Finding(file=file, weight=Weight.WARNING, message=message)
        return
    if len(file.content) > script_limit:
        message = f"larger than {script_limit} bytes (GENEXEC_SCRIPT_LIMIT): it is not run"
        yield Finding(file=file, weight=Weight.ERROR, message=message)
        return
    try:
        if read_directives(file.content).cold and not file.name.endswith(".py"):
            message = "the directive 'cold' is for .py files: it does nothing here"
            yield Finding(file=file, weight=Weight.WARNING, message=message)
        if file.name.endswith(".http"):
            parsed = parse_http_file(file.content)
            for problem in problems(parsed, names=variable_names):
                yield _with_line(file, Weight.WARNING, problem)
        elif file.name.endswith(".py"):
            yield from _python(file)
    except BadScript as error:
        yield _with_line(file, Weight.ERROR, str(error))


def _python(file: File) -> Iterator[Finding]:
    declared = read_requirements(file.content)
    if declared is not None:
        what = ", ".join(declared.packages) or "no packages"
        message = f"runs in an environment of its own: {what}"
        yield Finding(file=file, weight=Weight.NOTE, message=message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(file.content, filename=file.path)
    except SyntaxError as error:
        yield Finding(
            file=file,
            weight=Weight.ERROR,
            message=f"not Python: {error.msg}",
            line=error.lineno or 0,
        )
    except ValueError as error:
        yield Finding(file=file, weight=Weight.ERROR, message=f"not Python: {error}")


def _with_line(file: File, weight: Weight, message: str) -> Finding:
    """Take the line number out of a sentence that begins with it."""
    head, _, rest = message.partition(": ")
    word, _, number = head.partition(" ")
    if word == "line" and number.isdecimal():
        return Finding(file=file, weight=weight, message=rest, line=int(number))
    return Finding(file=file, weight=weight, message=message)
