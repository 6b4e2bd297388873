"""Every file of a project, as far as Keptn can list them, for people.

`genexec check` reads everything that lies in a folder for scripts, the API lists the names of
scripts: nothing the service does for an event.
"""

from collections.abc import Sequence

from service.errors import SourceUnavailable
from service.keptn_events import Belonging
from service.ports import MOST_NAMES
from service.scripts import FOLDERS, SUFFIXES, Place
from service.sources.catalogue import Catalogued
from service.sources.keptn.answers import Missing
from service.sources.keptn.api import Changing, Level, ResourceApi
from service.sources.keptn.shelf import level_of, uri_of


async def project_files(api: ResourceApi, where: Belonging, *, limit: int) -> list[Catalogued]:
    """Return the files of the project, of its stage and of its service, as far as named.

    The branch of a file is its stage, empty for the project. Of a file that is larger than
    *limit* only so much is told. Raises `SourceUnavailable`.
    """
    levels = [Level()]
    if where.stage:
        levels.append(Level(stage=where.stage))
        if where.service:
            levels.append(Level(stage=where.stage, service=where.service))
    found = {}
    for level in levels:
        prefix = f"{level.service}/" if level.service else ""
        for name, commit in await _listed(api, where.project, level):
            place = level.stage, prefix + name
            if place not in found:
                content = await _content(
                    api, where.project, level, name, commit=commit, limit=limit
                )
                found[place] = Catalogued(branch=level.stage, path=prefix + name, content=content)
    return list(found.values())


async def script_names(api: ResourceApi, project: str, places: Sequence[Place]) -> list[str]:
    """Return the names of the scripts in any of the places, as `service.ports.Source` promises."""
    names: set[str] = set()
    listed: dict[Level, list[tuple[str, str]]] = {}
    for place in places:
        level = level_of(place)
        if level not in listed:
            listed[level] = await _listed(api, project, level)
        for path, _ in listed[level]:
            name = path.rpartition("/")[2]
            if name.endswith(SUFFIXES) and path == uri_of(place, name):
                names.add(name)
    return sorted(names)[:MOST_NAMES]


async def _listed(api: ResourceApi, project: str, level: Level) -> list[tuple[str, str]]:
    try:
        files = await api.files(project, level)
    except Changing as error:
        raise SourceUnavailable("commits arrive at this moment; try again") from error
    if files is None:
        raise SourceUnavailable(
            "this Keptn cannot list its files (0.15 and older); check the Git repository behind "
            "it, or a copy of that, instead"
        )
    if isinstance(files, Missing):
        return []
    return [
        (name, files.commit)
        for name in sorted(files.names)
        # What is called like a service in the branch of the project, no event looks at.
        if level.stage or name.split("/")[0] in FOLDERS or not set(name.split("/")) & set(FOLDERS)
    ]


async def _content(
    api: ResourceApi, project: str, level: Level, name: str, *, commit: str, limit: int
) -> bytes:
    if not set(name.split("/")[:-1]) & set(FOLDERS):
        return b""
    read = await api.resource(project, level, name, commit=commit)
    if isinstance(read, Missing):
        raise SourceUnavailable(f"{name} was removed while it was looked at; try again")
    return read.content[: limit + 1] if read.whole else b" " * (limit + 1)
