"""How settings are read, and refused all at once when wrong.

`cli` reads them once and hands them to `wiring`. `gather` tells where each came from, which
is what `genexec settings` prints.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.config.keptn import keptn_problems
from service.config.listening import listening_problems
from service.config.rows import PREFIX, ROWS, Row
from service.config.settings import Settings, is_git_address
from service.errors import BadSettings, SourceMisconfigured
from service.keptn_events import NAME
from service.scripts import Layout
from service.sources.address import check_address
from service.sources.keptn.address import check_keptn_address, is_keptn_address
from service.yaml_file import read_yaml

CONFIG_FILE = "GENEXEC_CONFIG"
CRASH_AT = f"{PREFIX}TEST_CRASH_AT"
"""No setting: read by `wiring.crash_points`, and only with a key file beside the journal."""
_FOR_COMMANDS = {f"{PREFIX}URL", f"{PREFIX}TOKEN_FILE"}
"""What `genexec send` reads; the service has no use for it."""
OWN = (f"{PREFIX}*", *(name for row in ROWS.values() for name in row.also))
"""Variables of the service itself; no script ever sees them."""

_IN_ADDRESS = re.compile(r"://[^/\s@]{1,4096}@")
"""A user and a password in an address."""

_TOLD_TO_SCRIPTS = {
    f"{PREFIX}{name}"
    for name in ("RUN_ID", "ATTEMPT", "SCRIPT", "LEVEL", "COMMIT", "RESULT_FILE", "SKIPPED_VARS")
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The text of one setting and where it was given."""

    row: Row
    text: str
    origin: str


def gather(environment: Mapping[str, str]) -> tuple[dict[str, Given], list[str]]:
    """Return the text of every setting, and what is wrong with their names."""
    named, problems = _from_file(environment.get(CONFIG_FILE, ""))
    problems += _unknown(environment)
    given = {}
    for key, row in ROWS.items():
        names = (row.variable, *row.also)
        name = next((name for name in names if environment.get(name)), None)
        if name is not None:
            given[key] = Given(row=row, text=environment[name].strip(), origin=name)
        elif key in named:
            given[key] = Given(row=row, text=named[key], origin=environment[CONFIG_FILE])
        else:
            given[key] = Given(row=row, text=row.default, origin="default")
    return given, problems


def read_settings(environment: Mapping[str, str], **overrides: str) -> Settings:
    """Return the settings; *overrides* come from the command line and win.

    Raises `BadSettings` with one line for everything that is wrong.
    """
    given, problems = gather(environment)
    for key, override in overrides.items():
        given[key] = Given(row=ROWS[key], text=override, origin="the command line")
    read: dict[str, object] = {}
    for key, one in given.items():
        try:
            read[key] = one.row.read(one.text)
        except ValueError as error:
            where = "" if one.origin == one.row.variable else f" (from {one.origin})"
            shown = _IN_ADDRESS.sub("://***@", one.text)[:80]
            problems.append(f"{one.row.variable}{where} {error}, not {shown!r}")
    if not problems:
        problems += _together(read)
    if problems:
        raise BadSettings("\n".join(problems))
    if read["layout"] is None:
        scripts = str(read["scripts"])
        several = "{project}" in scripts or is_keptn_address(scripts)
        read["layout"] = Layout.BRANCHES if several else Layout.FOLDERS
    return Settings(**read)  # type: ignore[arg-type]  # each row reads the type of its field


def _together(read: Mapping[str, object]) -> list[str]:
    """Return what is wrong with settings that are right one by one."""
    problems = []
    address = str(read["scripts"])
    if is_git_address(address):
        schemes = read["git_schemes"]
        try:
            check_address(address, schemes=schemes)  # type: ignore[arg-type]  # words() made it
        except SourceMisconfigured as error:
            problems.append(f"GENEXEC_SCRIPTS: {error}")
    elif is_keptn_address(address):
        problems += _keptn_problems(address, read)
    for level in ("project", "stage", "service"):
        name = str(read[f"default_{level}"])
        if name and not NAME.fullmatch(name):
            problems.append(f"GENEXEC_DEFAULT_{level.upper()} is no valid name: {name!r}")
    return problems + keptn_problems(read) + listening_problems(read)


def _keptn_problems(address: str, read: Mapping[str, object]) -> list[str]:
    problems = []
    try:
        check_keptn_address(address)
    except SourceMisconfigured as error:
        problems.append(f"GENEXEC_SCRIPTS: {error}")
    if read["layout"] not in (None, Layout.BRANCHES):
        problems.append(
            "GENEXEC_LAYOUT cannot be set for a Keptn, which has its own order of levels; leave it "
            "out"
        )
    return problems


def _from_file(name: str) -> tuple[dict[str, str], list[str]]:
    if not name:
        return {}, []
    try:
        document = read_yaml(Path(name))
    except BadSettings as error:
        return {}, [f"{CONFIG_FILE}: {name}: {error}"]
    if document is None:
        return {}, []
    if not isinstance(document, dict):
        return {}, [f"{CONFIG_FILE}: {name} must hold `setting: value` lines"]
    problems = []
    named = {}
    for key, value in document.items():
        if key not in ROWS:
            problems.append(f"{name}: unknown setting {key!r}{_hint(str(key), ROWS)}")
        elif isinstance(value, dict):
            problems.append(f"{name}: {key} must be one value or a list")
        else:
            named[key] = _as_text(value)
    return named, problems


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = {row.variable for row in ROWS.values()} | _TOLD_TO_SCRIPTS
    known |= {CONFIG_FILE, CRASH_AT} | _FOR_COMMANDS
    return [
        f"unknown setting {name}{_hint(name, known)}"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    ]


def _hint(name: str, known: object) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)  # type: ignore[call-overload]  # only names are handed in
    return f"; did you mean {close[0]}?" if close else ""
