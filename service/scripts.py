"""Which scripts may answer an event, and which of those that exist are run.

Three steps, each a value that `genexec explain` prints as it is: `candidates` lists the
names in order, `places` lists where each name is looked up, `plan` says from what a source
found which files run. No file is touched here; `sources` look, `handling` asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from service.keptn_events import Belonging, Meaning

SUFFIXES = (".sh", ".py", ".http")
CATCH_ALL = "all.events"
BLUEPRINTS = "blueprints.yaml"
"""No script: what chat makes of the output of programs, see docs/botkube.md."""
FOLDERS = ("generic-executor", "genericexecutor")
"""The scripts folder; the second spelling stands in the predecessor's manual."""


class Level(StrEnum):
    """How specific a place is; the first hit wins per file name."""

    SERVICE = "service"
    STAGE = "stage"
    PROJECT = "project"


class Layout(StrEnum):
    """How levels are laid out in a repository."""

    BRANCHES = "branches"
    """Keptn classic: a branch per stage, a folder per service."""
    DIRECTORIES = "directories"
    """Keptn 0.13 and later, opt-in: everything on the default branch in `.keptn-stages`."""
    FOLDERS = "folders"
    """A plain repository for many projects: `<project>/<stage>/<service>`."""


class Place(NamedTuple):
    """One folder in which names are looked up."""

    level: Level
    branch: str | None
    """None is the default branch."""
    folder: str


class Candidate(NamedTuple):
    """A file name that may answer the event."""

    name: str
    basename: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUp:
    """The question to a source: which of *names* exist in which of *places*."""

    project: str
    places: tuple[Place, ...]
    names: tuple[str, ...]
    gitcommitid: str = ""
    """Service and stage level are read at this commit when it is given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A file that exists, at a fixed commit."""

    project: str
    place: Place
    name: str
    path: str
    """Inside the repository."""
    blob: str
    """Git's id of the content; also for sources that know no Git."""
    commit: str
    """Empty where the source has no commits."""
    problem: str = ""
    """Why it cannot be run (a link that leaves the repository, too large), else empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The answer of a source. What is not in *found* is definitely not there, if *fresh*."""

    found: Mapping[tuple[Place, str], Found]
    commits: Mapping[Place, str] = field(default_factory=dict)
    """The commit each place was read at; a place without one does not exist (no such branch)."""
    fresh: bool = True
    """False: the remote could not be asked, this is what the mirror knows."""
    note: str = ""
    """In words: how old the mirror is and why; or which commit is unknown."""
    problem: str = ""
    """Why the scripts cannot be run as the event asks (unknown `gitcommitid`), else empty."""


class Verdict(StrEnum):
    """What became of one name at one place."""

    RUNS = "runs"
    SHADOWED = "shadowed"
    """The same name was found on a more specific level."""
    UNUSED = "unused"
    """Found, but an earlier candidate answers this event."""
    ABSENT = "absent"
    NOT_SEARCHED = "not searched"


class Row(NamedTuple):
    """One line of the explanation: a candidate at a place."""

    candidate: Candidate
    place: Place
    verdict: Verdict
    found: Found | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Which scripts run, in order, and every line of the reasoning."""

    scripts: tuple[Found, ...]
    rows: tuple[Row, ...]


def candidates(meaning: Meaning) -> tuple[Candidate, ...]:
    """Return the names that may answer an event, most specific first, the catch-all last."""
    if meaning.ignored:
        return ()
    basenames = (*meaning.basenames, CATCH_ALL)
    return tuple(
        Candidate(name=basename + suffix, basename=basename)
        for basename in basenames
        for suffix in SUFFIXES
    )


def places(layout: Layout, belonging: Belonging) -> tuple[Place, ...]:
    """Return where a name is looked up, most specific first.

    Without a stage only the project level is searched; without a service, stage and project.
    """
    branch, folders = _LAYOUTS[layout](belonging)
    return tuple(
        Place(
            level=level,
            branch=branch if level is not Level.PROJECT else None,
            folder=f"{folder}/{scripts}" if folder else scripts,
        )
        for level in Level
        for folder in folders.get(level, ())
        for scripts in FOLDERS
    )


def look_up(meaning: Meaning, belonging: Belonging, layout: Layout, gitcommitid: str) -> LookUp:
    """Return the one question that decides which scripts answer the event."""
    return LookUp(
        project=belonging.project,
        places=places(layout, belonging),
        names=tuple(candidate.name for candidate in candidates(meaning)),
        gitcommitid=gitcommitid,
    )


def plan(meaning: Meaning, question: LookUp, listing: Listing) -> Plan:
    """Decide from what was found which scripts run, in which order.

    Per name the most specific level wins. An action is done by the first candidate found.
    Every other event runs all that were found, but of several basenames only the first
    that has any file.
    """
    rows: list[Row] = []
    chosen: list[Found] = []
    basename = ""
    for candidate in candidates(meaning):
        hit = False
        for place in question.places:
            found = listing.found.get((place, candidate.name))
            if found is None:
                verdict = Verdict.ABSENT
            elif hit:
                verdict = Verdict.SHADOWED
            else:
                hit = True
                verdict = _verdict(meaning, candidate, basename, chosen)
                if verdict is Verdict.RUNS:
                    chosen.append(found)
                    if candidate.basename != CATCH_ALL:
                        basename = candidate.basename
            rows.append(Row(candidate, place, verdict, found))
    return Plan(scripts=tuple(chosen), rows=tuple(rows))


def _verdict(meaning: Meaning, candidate: Candidate, basename: str, chosen: list[Found]) -> Verdict:
    if meaning.first_only:
        return Verdict.UNUSED if chosen else Verdict.RUNS
    if basename and candidate.basename not in (basename, CATCH_ALL):
        return Verdict.UNUSED
    return Verdict.RUNS


_Folders = dict[Level, tuple[str, ...]]


def _branches(where: Belonging) -> tuple[str | None, _Folders]:
    folders: _Folders = {Level.PROJECT: ("",)}
    if where.stage:
        folders[Level.STAGE] = ("",)
        if where.service:
            folders[Level.SERVICE] = (where.service,)
    return where.stage, folders


def _directories(where: Belonging) -> tuple[str | None, _Folders]:
    folders: _Folders = {Level.PROJECT: ("",)}
    if where.stage:
        folders[Level.STAGE] = (f".keptn-stages/{where.stage}",)
        if where.service:
            folders[Level.SERVICE] = (f".keptn-stages/{where.stage}/{where.service}",)
    return None, folders


def _folders(where: Belonging) -> tuple[str | None, _Folders]:
    folders: _Folders = {Level.PROJECT: (where.project, "")}
    if where.stage:
        folders[Level.STAGE] = (f"{where.project}/{where.stage}",)
        if where.service:
            folders[Level.SERVICE] = (f"{where.project}/{where.stage}/{where.service}",)
    return None, folders


_LAYOUTS = {
    Layout.BRANCHES: _branches,
    Layout.DIRECTORIES: _directories,
    Layout.FOLDERS: _folders,
}
