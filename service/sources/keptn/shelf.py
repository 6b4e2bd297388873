"""What is known of one level of a project, and what the API calls a level.

`project` fills shelves and looks at them; a shelf lives as long as its answers are believed.
"""

from dataclasses import dataclass, field

from service.errors import SourceMisconfigured
from service.keptn_events import NAME
from service.scripts import Level as Rank
from service.scripts import Place
from service.sources.keptn.api import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    blob: str
    commit: str
    problem: str = ""


@dataclass(kw_only=True, slots=True)
class Shelf:
    """What is known of a level, for a while."""

    level: Level
    since: float
    at: str = ""
    """The commit that files are read at; empty for the newest one, whichever that is."""
    names: frozenset[str] | None = None
    """The scripts; None when every name must be asked for."""
    there: bool = True
    seen: str = ""
    """The commit that Keptn said it has read at."""
    files: dict[str, File | None] = field(default_factory=dict)


def level_of(place: Place) -> Level:
    """Return what a place of the layout `branches` is called in the API.

    Raises `SourceMisconfigured` for a name that cannot stand in an address.
    """
    if place.level is Rank.PROJECT:
        return Level()
    stage = place.branch or ""
    service = place.folder.partition("/")[0] if place.level is Rank.SERVICE else ""
    if not NAME.fullmatch(stage) or (place.level is Rank.SERVICE and not NAME.fullmatch(service)):
        raise SourceMisconfigured("the name of the stage or service cannot stand in an address")
    return Level(stage=stage, service=service)


def uri_of(place: Place, name: str) -> str:
    """Return what a script is called within its level."""
    return f"{place.folder.rpartition('/')[2]}/{name}"


def same_commit(one: str, other: str) -> bool:
    """Say whether two ids mean one commit; one of them may be short."""
    return one.startswith(other) or other.startswith(one)
