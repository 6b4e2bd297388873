"""What a script was called for its predecessor, and what it is called here."""

from collections.abc import Iterator

from service.checking.findings import File, Weight
from service.checking.names import name_findings
from service.migration.judgement import Dialect, Remark, Verdict, different, work
from service.scripts import CATCH_ALL

_RENAMED = {
    "events.problem": "problem.open",
    "events.deployment-finished": "deployment.finished",
    "events.tests-finished": "tests.finished",
    "events.evaluation-done": "evaluation.done",
    "event.start-evaluation": "start.evaluation",
    "log.error": "sh.keptn.log.error",
}
"""0.8 took the last two parts of every type."""
_OF_03 = {"configuration.change", "deployment.finished", "tests.finished", "evaluation.done"}
_OF_03 |= {"start.evaluation", "monitoring.configure"}
_KINDS = {"triggered", "started", "finished", "invalidated"}
_PLAIN = _OF_03 | {"problem.open", CATCH_ALL}
_SEQUENCES = {"delivery", "delivery-direct", "remediation"}


def new_name(name: str, dialect: Dialect) -> str:
    """Return the file name that answers the same event here; most often the same."""
    basename, dot, suffix = name.rpartition(".")
    if dialect is Dialect.V08 and basename in _RENAMED:
        return _RENAMED[basename] + dot + suffix
    return name


def script_name_remarks(file: File, dialect: Dialect) -> Iterator[Remark]:
    """Yield what the name of a script means for it."""
    basename = file.name.rpartition(".")[0]
    renamed = new_name(file.name, dialect)
    if renamed != file.name:
        yield work(f"this event is answered by {renamed} here", mended=True)
        return
    for finding in name_findings(file):
        heavy = finding.weight is Weight.ERROR
        yield Remark(verdict=Verdict.WORK if heavy else Verdict.DIFFERENT, message=finding.message)
        if heavy:
            return
    if dialect is Dialect.V08:
        yield from _name_of_08(basename)
    elif not basename.startswith("action.triggered.") and basename not in _OF_03 | {CATCH_ALL}:
        message = "0.3 never ran a file of this name; here it runs when such an event comes"
        yield different(message)


def _name_of_08(basename: str) -> Iterator[Remark]:
    first, _, last = basename.partition(".")
    if basename == "status.changed":
        yield work("the task belongs into the name here: <task>.status.changed")
    elif basename.endswith(".triggered") and first in _SEQUENCES:
        message = "0.8 answered sequences; here nobody does, the script runs all the same"
        yield different(message)
    elif basename.count(".") == 1 and basename not in _PLAIN and last not in _KINDS:
        yield work(
            "0.8 took the last two parts of any type; here an event that is not Keptn's is "
            f"answered by its whole type: <…>.{basename}"
        )
