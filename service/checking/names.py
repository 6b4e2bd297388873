"""Which file names an event can have."""

import difflib
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from service.checking.findings import File, Finding, Weight
from service.event import Acceptance, read_event
from service.keptn_events import NAME, meaning_of
from service.scripts import BLUEPRINTS, CATCH_ALL, SUFFIXES

_NOT_SCRIPTS = re.compile(
    rf"(?i)(readme.*|license.*|.*\.(md|txt|rst)|\..*|{re.escape(BLUEPRINTS)})"
)
_KINDS = ("triggered", "started", "finished", "changed", "invalidated")
_KNOWN_LAST = {"change", "configure", "open", "done", "events", "evaluation"}
_FAMILY_A = {
    "deployment-finished": "deployment.finished",
    "tests-finished": "tests.finished",
    "evaluation-done": "evaluation.done",
    "start-evaluation": "start.evaluation",
}


def is_script(file: File) -> bool:
    """Say whether a file has the ending of a script."""
    return file.name.endswith(SUFFIXES)


def name_findings(file: File) -> Iterator[Finding]:
    """Yield what is wrong with the name of a file in a scripts folder."""
    if not is_script(file):
        if not _NOT_SCRIPTS.fullmatch(file.name):
            message = "never run: a script ends with .sh, .py or .http"
            yield Finding(file=file, weight=Weight.WARNING, message=message)
        return
    basename = file.name.rpartition(".")[0]
    problem = _impossible(basename)
    if problem:
        yield Finding(file=file, weight=Weight.ERROR, message=problem)
        return
    doubt = _doubtful(basename)
    if doubt:
        yield Finding(file=file, weight=Weight.WARNING, message=doubt)


def _impossible(basename: str) -> str:
    """Return why no event can have this name, empty when one can."""
    if not NAME.fullmatch(basename):
        return (
            "no event can have this name: use letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    short = basename_of(basename)
    if short != basename:
        return f"no event has this name: Keptn's prefix is left out, name it {short!r}"
    return ""


def basename_of(type_: str) -> str:
    """Return the name by which events of *type_* are answered; most often the type itself."""
    document = {"specversion": "1.0", "id": "-", "source": "-", "type": type_}
    data = {"action": {"action": "-"}}
    event = read_event(
        document | {"data": data}, accept=Acceptance.STRICT, now=datetime.min.replace(tzinfo=UTC)
    )
    return next(iter(meaning_of(event).basenames), "action.triggered")


def _doubtful(basename: str) -> str:
    """Return why this name is most likely not what was meant, empty when it may be."""
    if basename in _FAMILY_A:
        return f"Keptn's {basename} is answered by {_FAMILY_A[basename]!r}"
    if basename.lower() != basename and basename.lower().endswith(_KINDS):
        return "names are compared byte for byte, and Keptn's are in lower case"
    if basename != CATCH_ALL and difflib.get_close_matches(basename, [CATCH_ALL], cutoff=0.85):
        return f"did you mean {CATCH_ALL!r}?"
    last = basename.rpartition(".")[2]
    close = difflib.get_close_matches(last, _KINDS, n=1, cutoff=0.75)
    if "." in basename and last not in {*_KINDS, *_KNOWN_LAST} and close:
        return f"did you mean {basename.removesuffix(last) + close[0]!r}?"
    return ""
