"""Which paths of a repository are ever looked up, by layout.

The inverse of `scripts.places`: a test proves that both agree.
"""

import difflib
from collections.abc import Iterator

from service.checking.findings import File, Finding, Weight
from service.keptn_events import NAME
from service.scripts import FOLDERS, SUFFIXES, Layout, Level

_STAGES = ".keptn-stages"
_ALIKE = 0.8
_KNOWN_SLIPS = {"generic-executor-service", "generice-xecutor", "generic_executor"}


def level_of(file: File, layout: Layout, default_branch: str) -> tuple[Level, str] | None:
    """Return the level a file is looked up on and for whom, None when it never is.

    The second value is `project/stage/service` as far as the place says so; what it leaves
    open is a star.
    """
    parts = tuple(file.folder.split("/"))
    if parts[-1] not in FOLDERS or not all(map(NAME.fullmatch, _named(parts[:-1], layout))):
        return None
    above = parts[:-1]
    if layout is Layout.BRANCHES:
        return _in_branches(above, file.branch, default_branch)
    if layout is Layout.DIRECTORIES:
        return _in_directories(above)
    return _in_folders(above)


def place_findings(file: File, layout: Layout, default_branch: str) -> Iterator[Finding]:
    """Yield why a file that looks like a script is never looked up."""
    parts = file.path.split("/")
    inside = any(part in FOLDERS for part in parts[:-1])
    slip = next((part for part in parts[:-1] if is_slip(part)), None)
    if not file.name.endswith(SUFFIXES):
        return
    if slip is not None and not inside:
        message = f"the folder {slip!r} is never searched; rename it to {FOLDERS[0]!r}"
        yield Finding(file=file, weight=Weight.ERROR, message=message)
    elif inside and level_of(file, layout, default_branch) is None:
        message = f"never looked up in the layout '{layout}'; scripts are looked up in "
        yield Finding(file=file, weight=Weight.ERROR, message=message + _SEARCHED[layout])


def _named(above: tuple[str, ...], layout: Layout) -> tuple[str, ...]:
    return above[1:] if layout is Layout.DIRECTORIES and above[:1] == (_STAGES,) else above


def _in_branches(
    above: tuple[str, ...], branch: str, default_branch: str
) -> tuple[Level, str] | None:
    if branch == default_branch and not above:
        return Level.PROJECT, "*"
    if branch != default_branch and not NAME.fullmatch(branch):
        return None  # no stage can have its name
    if not above:
        return Level.STAGE, f"*/{branch}"
    # The default branch can be a stage of its own name: Keptn does not forbid it.
    return (Level.SERVICE, f"*/{branch}/{above[0]}") if len(above) == 1 else None


def _in_directories(above: tuple[str, ...]) -> tuple[Level, str] | None:
    if not above:
        return Level.PROJECT, "*"
    if above[0] != _STAGES or len(above) not in (2, 3):
        return None
    level = Level.STAGE if len(above) == 2 else Level.SERVICE
    return level, "/".join(("*", *above[1:]))


def _in_folders(above: tuple[str, ...]) -> tuple[Level, str] | None:
    levels = (Level.PROJECT, Level.PROJECT, Level.STAGE, Level.SERVICE)
    return (levels[len(above)], "/".join(above) or "*") if len(above) < len(levels) else None


def is_slip(part: str) -> bool:
    if part in FOLDERS:
        return False
    alike = difflib.SequenceMatcher(None, part.lower(), FOLDERS[0]).ratio()
    return part.lower() in _KNOWN_SLIPS or alike >= _ALIKE


_SEARCHED = {
    Layout.BRANCHES: (
        "generic-executor/ of the default branch and of a stage's branch, "
        "and <service>/generic-executor/ of a stage's branch"
    ),
    Layout.DIRECTORIES: "generic-executor/ and .keptn-stages/<stage>[/<service>]/generic-executor/",
    Layout.FOLDERS: "[<project>[/<stage>[/<service>]]/]generic-executor/",
}
