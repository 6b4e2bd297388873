"""The scripts of a place, for people: which there are, what they say.

The engine answers with these, in the service and when a program carries it. What an event
would run is decided in `decision`; here everything is listed that some event could run.
"""

import re
from collections.abc import Sequence

from service.desk import Listed, Shown
from service.errors import BadScript, InvalidName, UnknownScript
from service.keptn_events import Belonging, checked
from service.masks import Masks
from service.outcome import readable
from service.ports import Source
from service.scripts import BLUEPRINTS, SUFFIXES, Found, Layout, LookUp, places

LONGEST_TEXT = 256 * 1024
"""Bytes of a script that are shown."""
_MOST_ABOUT = 200
"""Scripts that are read for their first comment; the others are listed without it."""
_LONGEST_ABOUT = 120
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,254}", re.ASCII)
_COMMENT = re.compile(rb"\s*(?:#|//)+(.*)")
_NOT_ABOUT = re.compile(rb"!|\s*(?:genexec\s*:|/{3}|-\*-|[@>]|shellcheck |coding[:=])")


async def listed(
    source: Source, place: Belonging, *, layout: Layout, masks: Masks
) -> Sequence[Listed]:
    """Return the scripts that events of *place* could run, those of inner levels first.

    Raises `SourceUnavailable`, `SourceMisconfigured`, `InvalidName`.
    """
    searched = places(layout, _named(place))
    names = [n for n in await source.names(place.project, searched) if _NAME.fullmatch(n)]
    question = LookUp(project=place.project, places=searched, names=tuple(names))
    listing = await source.look_up(question)
    seen: set[str] = set()
    rows: list[Listed] = []
    for where in searched:
        for name in names:
            found = listing.found.get((where, name))
            if found is None:
                continue
            about = masks.text(await _about(source, found)) if len(rows) < _MOST_ABOUT else ""
            rows.append(_listed(found, about=about, shadowed=name in seen))
        seen |= {name for place_, name in listing.found if place_ == where}
    return rows


async def shown(
    source: Source, name: str, place: Belonging, *, layout: Layout, masks: Masks
) -> Shown:
    """Return the script of this file name that would run at *place*, secrets masked.

    The blueprints of chat are found in the same way.
    Raises `UnknownScript`, `BadScript` when it cannot be read, and what `listed` raises.
    """
    searched = places(layout, _named(place))
    if not _NAME.fullmatch(name) or not name.endswith((*SUFFIXES, BLUEPRINTS)):
        raise UnknownScript(f"{name[:80]!r} cannot be the name of a script")
    question = LookUp(project=place.project, places=searched, names=(name,))
    listing = await source.look_up(question)
    found = next((f for where in searched if (f := listing.found.get((where, name)))), None)
    if found is None:
        raise UnknownScript(f"there is no script {name} for {_words(place)}")
    content = masks.bytes(await source.read(found))
    text = readable(content[:LONGEST_TEXT])
    if len(content) > LONGEST_TEXT:
        text += f"\n… {len(content) - LONGEST_TEXT} further bytes are not shown\n"
    return Shown(listed=_listed(found, about=first_comment(content)), text=text)


def first_comment(content: bytes) -> str:
    """Return the first comment of a script that is about it, in one line; else nothing."""
    for line in content[:4096].splitlines()[:30]:
        match = _COMMENT.fullmatch(line)
        if match is None:
            if line.strip():
                return ""
            continue
        said = match[1].strip()
        if said and not _NOT_ABOUT.match(match[1]):
            text = readable(said)
            shown_ = "".join(sign if sign.isprintable() else " " for sign in text)
            return shown_ if len(shown_) <= _LONGEST_ABOUT else shown_[: _LONGEST_ABOUT - 1] + "…"
    return ""


async def _about(source: Source, found: Found) -> str:
    try:
        return first_comment(await source.read(found))
    except BadScript:
        return ""


def _listed(found: Found, *, about: str, shadowed: bool = False) -> Listed:
    return Listed(
        name=found.name,
        level=found.place.level,
        path=found.path,
        branch=found.place.branch or "",
        commit=found.commit,
        about=f"cannot run: {found.problem}" if found.problem else about,
        shadowed=shadowed,
    )


def _named(place: Belonging) -> Belonging:
    if not checked(place).project:
        raise InvalidName("no project is named; scripts are looked for in a project")
    return place


def _words(place: Belonging) -> str:
    return "/".join(filter(None, (place.project, place.stage, place.service)))
