"""Which predecessor a repository was made for, told from its files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.checking.findings import File
from service.checking.names import is_script
from service.checking.places import is_slip
from service.migration.judgement import Dialect
from service.scripts import FOLDERS

JOB_CONFIG = "job/config.yaml"

_NAMES_OF_03 = {"configuration.change", "tests.finished", "evaluation.done", "start.evaluation"}
_NAMES_OF_03 |= {"monitoring.configure"}
_TEXT = {
    Dialect.V03: re.compile(
        r"tmpdata/|\$\{?(?:LABEL|VALUE|ENV)_\w+|sh\.keptn\.events\.[a-z-]+"
        r"|\$\{?(?:PROJECT|STAGE|SERVICE|CONTEXT|EVENT|DEPLOYMENT\w*|PROBLEM(?:ID|TITLE|STATE)|PID)\b"
    ),
    Dialect.V08: re.compile(
        r"\bDATA_[A-Z]\w*|\$\{(?:data|env)\.[^}]*\}|\.finished\.event\.json|\bSHKEPTNCONTEXT\b"
    ),
}
_KINDS_OF_08 = (".triggered", ".started", ".invalidated")


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """The dialect of the scripts, and the reasons; no dialect when there are none."""

    dialect: Dialect | None
    reasons: tuple[str, ...]


def is_job_config(path: str) -> bool:
    """Say whether a path is that of a configuration of job-executor-service."""
    return path == JOB_CONFIG or path.endswith("/" + JOB_CONFIG)


def scripts_folder(path: str) -> str | None:
    """Return the part of a path that names a scripts folder, in any spelling."""
    parts = path.split("/")[:-1]
    return parts[-1] if parts and (parts[-1] in FOLDERS or is_slip(parts[-1])) else None


def is_wanted(path: str) -> bool:
    """Say whether a file has to be read."""
    return is_job_config(path) or scripts_folder(path) is not None or path == "shipyard.yaml"


def guess_dialect(files: Sequence[File]) -> Guess:
    """Return which generation of generic-executor-service the scripts were written for."""
    scripts = [file for file in files if is_script(file) and scripts_folder(file.path)]
    if not scripts:
        return Guess(dialect=None, reasons=())
    reasons: dict[Dialect, list[str]] = {Dialect.V03: [], Dialect.V08: []}
    for file in scripts:
        for dialect, reason in _signs(file):
            reasons[dialect].append(reason)
    dialect = max(reasons, key=lambda one: (len(reasons[one]), one is Dialect.V08))
    if not reasons[dialect]:
        return Guess(dialect=Dialect.V08, reasons=("nothing tells 0.3 from 0.8",))
    return Guess(dialect=dialect, reasons=tuple(dict.fromkeys(reasons[dialect])))


def _signs(file: File) -> Iterator[tuple[Dialect, str]]:
    basename = file.name.rpartition(".")[0]
    if basename in _NAMES_OF_03:
        yield Dialect.V03, f"{file.name} is the name of an event up to Keptn 0.7"
    elif basename.endswith(_KINDS_OF_08) and not basename.startswith("action."):
        yield Dialect.V08, f"{file.name} is the name of an event since Keptn 0.8"
    text = file.content.decode("utf-8", "replace")
    for dialect, pattern in _TEXT.items():
        for word in dict.fromkeys(match[0].strip("${}") for match in pattern.finditer(text)):
            yield dialect, f"{word} in {file.name}"
