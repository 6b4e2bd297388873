"""All findings about a repository, in the order of its files."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from posixpath import join, normpath

from service.checking.contents import content_findings
from service.checking.findings import File, Finding, Weight
from service.checking.names import is_script, name_findings
from service.checking.places import level_of, place_findings
from service.scripts import FOLDERS, Layout, Level

_ORDER = tuple(Level)


def check_files(
    files: Sequence[File],
    *,
    layout: Layout,
    default_branch: str,
    script_limit: int,
    variable_names: Collection[str],
) -> tuple[list[Finding], int]:
    """Return the findings and the number of scripts that an event can reach."""
    findings: list[Finding] = []
    reached: list[tuple[File, Level, str]] = []
    for file in sorted(files, key=lambda file: (file.branch, file.path)):
        findings += place_findings(file, layout, default_branch)
        place = level_of(file, layout, default_branch)
        if place is None:
            continue
        findings += name_findings(file)
        if not is_script(file):
            continue
        if not file.link:
            findings += content_findings(
                file, script_limit=script_limit, variable_names=variable_names
            )
        elif normpath(join(file.folder, file.link)).startswith(("/", "..")):
            message = "a link that leaves the repository is not followed"
            findings.append(Finding(file=file, weight=Weight.ERROR, message=message))
            continue
        reached.append((file, *place))
    findings += _shadowing(reached, layout)
    return findings, len(reached)


def _shadowing(reached: Sequence[tuple[File, Level, str]], layout: Layout) -> Iterator[Finding]:
    """Yield which files keep others of their name from being run, and for whom."""
    by_name = defaultdict(list)
    for file, level, whom in reached:
        by_name[file.name].append((file, level, whom))
    for same in by_name.values():
        for file, level, whom in same:
            for other, above, others in same:
                first = _rank(file, level, whom) < _rank(other, above, others)
                if first and covers(others, whom):
                    yield _shadow(file, whom, other, layout)


def _rank(file: File, level: Level, whom: str) -> tuple[int, bool, int]:
    """Return what `scripts.places` sorts by: the level, what all share last, the spelling."""
    return _ORDER.index(level), whom == "*", FOLDERS.index(file.folder.rpartition("/")[2])


def _shadow(file: File, whom: str, other: File, layout: Layout) -> Finding:
    copy = layout is Layout.BRANCHES and file.folder == other.folder
    where = f"{other.branch}:{other.path}" if other.branch else other.path
    if copy and (file.content, file.link) == (other.content, other.link):
        return Finding(
            file=file,
            weight=Weight.WARNING,
            message=f"a copy of {where} that keeps later changes there from taking effect "
            f"for {whom}; delete it on this branch",
        )
    if copy:
        return Finding(
            file=file,
            weight=Weight.WARNING,
            message=f"differs from {where} and is run instead of it for {whom}; a stage's branch "
            "starts with copies of the project's files: delete it here if it is a stale one",
        )
    return Finding(file=file, weight=Weight.NOTE, message=f"is run instead of {where} for {whom}")


def covers(wider: str, narrower: str) -> bool:
    """Say whether a place for *wider* (`*`, `p`, `p/s`) also serves *narrower*."""
    pairs = zip(wider.split("/"), narrower.split("/"), strict=False)
    shorter = wider.count("/") <= narrower.count("/")
    return shorter and all(a in ("*", b) or b == "*" for a, b in pairs)
