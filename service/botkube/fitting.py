"""Messages made small enough: the largest part gives way first.

`rendering` calls it with the room of a platform. Sizes are estimated from above: the host
writes selects, buttons and fields out as text when it measures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from service.botkube.display import cut, size
from service.botkube.messages import Message, Option, Section, Select

_AROUND = 14
"""Bytes of decoration around each text: bullets, fences, blanks, the mention."""
_CALLED = " " * 19
"""As long as the mention and our name, which stand before every command."""
_MOST_OPTIONS = 100
_MOST_VALUE = 150
_FEWEST = 5
_TEXTS = ("code", "text", "description")
_SHORTEST = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """Something that can be made smaller."""

    section: int
    name: str
    position: int
    size: int


def fitted(message: Message, *, room: int) -> Message:
    """Return *message* so that it takes at most *room* bytes when it is shown.

    Options whose value no select takes are left out in any case.
    """
    sections = [
        replace(part, selects=tuple(_paged(one, _MOST_OPTIONS) for one in part.selects))
        for part in message.sections
    ]
    while (over := measure(sections) - room) > 0:
        largest = max(_parts(sections), key=lambda part: part.size, default=None)
        if largest is None:
            if len(sections) == 1:
                break
            sections.pop()
            continue
        sections[largest.section] = _smaller(sections[largest.section], largest, over)
    return replace(message, sections=tuple(sections))


def measure(sections: Iterable[Section]) -> int:
    """Return how many bytes *sections* take when they are written out, or more."""
    return sum(size(text) + _AROUND for part in sections for text in _texts(part))


def _texts(part: Section) -> Iterator[str]:
    # A percent sign may have to be written twice.
    for name in ("header", *_TEXTS):
        text = getattr(part, name)
        if text:
            yield text + "%" * text.count("%")
    for key, value in part.fields:
        yield key + value
    yield from (bullet + "%" * bullet.count("%") for bullet in part.bullets)
    yield from (b.name + (_CALLED + b.command) * 2 + b.url + b.description for b in part.buttons)
    for select in part.selects:
        yield select.name * 2 + (_CALLED + select.command) * 2
        yield from (o.name + o.value * (1 + (o.value == select.chosen)) for o in select.options)
    yield from (one.label + (_CALLED + one.command) * 2 + one.placeholder for one in part.inputs)
    yield from part.notes


def _parts(sections: list[Section]) -> Iterator[_Part]:
    for number, section in enumerate(sections):
        for name in _TEXTS:
            length = size(getattr(section, name))
            if length > _SHORTEST:
                yield _Part(section=number, name=name, position=0, size=length)
        for position, one in enumerate(section.selects):
            length = sum(size(option.name + option.value) + _AROUND for option in one.options)
            if len(one.options) > _FEWEST:
                yield _Part(section=number, name="selects", position=position, size=length)
        for name, texts in _lists(section):
            if texts:
                yield _Part(section=number, name=name, position=0, size=size("".join(texts)))


def _lists(section: Section) -> Iterator[tuple[str, list[str]]]:
    yield "bullets", list(section.bullets)
    yield "notes", list(section.notes)
    yield "fields", [key + value for key, value in section.fields]
    yield "buttons", [one.name + (_CALLED + one.command) * 2 + one.url for one in section.buttons]


def _smaller(section: Section, part: _Part, over: int) -> Section:
    if part.name == "selects":
        selects = list(section.selects)
        one = selects[part.position]
        selects[part.position] = _paged(one, max(_FEWEST, len(one.options) * 4 // 5))
        return replace(section, selects=tuple(selects))
    if part.name not in _TEXTS:
        return _changed(section, part.name, getattr(section, part.name)[:-1])
    room = max(_SHORTEST // 2, part.size - over, part.size // 2)
    shorter = cut(getattr(section, part.name), room=min(room, part.size - 1))
    return _changed(section, part.name, shorter)


def _changed(section: Section, name: str, value: Any) -> Section:  # noqa: ANN401  # that of any field
    return replace(section, **{name: value})


def _paged(one: Select, most: int) -> Select:
    """Keep so many options, the last of which shows those that follow."""
    most_value = _MOST_VALUE - len(one.more)
    unique = {option.value: option for option in one.options if len(option.value) <= most_value}
    options = tuple(unique.values())
    more = bool(one.more) and bool(options) and options[-1].value.startswith(one.more)
    own = options[:-1] if more else options
    if len(own) + more <= most:
        return replace(one, options=options)
    kept = own[: most - 1]
    if not one.more:
        return replace(one, options=kept)
    rest = Option(name="more …", value=one.more + kept[-1].value)
    return replace(one, options=(*kept, rest))
