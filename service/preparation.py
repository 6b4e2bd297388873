"""A script that was chosen, with its content, or the reason why it cannot run.

`handling` has scripts prepared before the first of them is written down; `story` knows them
from then on.
"""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from service.directives import Directives, read_directives
from service.errors import BadScript, SourceUnavailable
from service.keptn_events import Belonging
from service.ports import Source
from service.requirements import Requirements, read_requirements
from service.runs import Attempt
from service.scripts import Found, Layout, Level, Listing, Place, places


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A script that was chosen, with its content, or the reason why it cannot be run."""

    found: Found
    content: bytes = b""
    directives: Directives = field(default_factory=Directives)
    requirements: Requirements | None = None
    problem: str = ""


async def prepare(source: Source, found: Found, listing: Listing) -> Prepared:
    """Return the script ready to be run, or with the reason why it cannot be.

    Raises `SourceUnavailable`.
    """
    if listing.problem or found.problem:
        return Prepared(found=found, problem=listing.problem or found.problem)
    try:
        content = await source.read(found)
        directives = read_directives(content)
        declared = read_requirements(content) if found.name.endswith(".py") else None
        return Prepared(found=found, content=content, directives=directives, requirements=declared)
    except BadScript as error:
        return Prepared(found=found, problem=str(error))


async def prepare_again(
    source: Source, attempt: Attempt, belonging: Belonging, layout: Layout
) -> Prepared:
    """Return a script once more by what the record says of it."""
    level, folder = Level(attempt.level), str(PurePosixPath(attempt.path).parent)
    known = (one for one in places(layout, belonging) if (one.level, one.folder) == (level, folder))
    found = Found(
        project=belonging.project,
        place=next(known, Place(level=level, branch=None, folder=folder)),
        name=attempt.script,
        path=attempt.path,
        blob=attempt.blob,
        commit=attempt.commit,
    )
    try:
        return await prepare(source, found, Listing(found={}))
    except SourceUnavailable as error:
        return Prepared(found=found, problem=f"cannot be read again: {error}")
