"""Which further files answer the same event, now that all matches run.

0.8 ran the first file found and no other, 0.3 ran all. Here an action is done by the first,
and every other event by all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.checking.findings import File
from service.checking.whole import covers
from service.migration.judgement import Dialect, Remark, different, work
from service.scripts import CATCH_ALL, SUFFIXES

_ACTION = "action.triggered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """A script as it will be called, and for whom it is looked up."""

    file: File
    """Of the predecessor."""
    name: str
    whom: str
    """`project/stage/service` as far as the place says so, with stars."""

    @property
    def basename(self) -> str:
        """The name without its suffix."""
        return self.name.rpartition(".")[0]


def company_remarks(one: Reached, all_: Sequence[Reached], dialect: Dialect) -> Iterator[Remark]:
    """Yield what other files mean for *one*."""
    others = [
        other
        for other in all_
        if other.name != one.name and (covers(other.whom, one.whom) or covers(one.whom, other.whom))
    ]
    if one.basename.startswith(_ACTION):
        yield from _action(one, others, dialect)
    elif one.basename == CATCH_ALL:
        yield from _catch_all(one, others, dialect)
    else:
        yield from _event(one, others, dialect)


def _event(one: Reached, others: Sequence[Reached], dialect: Dialect) -> Iterator[Remark]:
    same = [other for other in others if other.basename == one.basename]
    before = [other.name for other in same if _rank(other) < _rank(one)]
    if dialect is Dialect.V08 and before:
        yield different(f"0.8 ran {_named(before)} only; here this file runs after it")
    catch_all = [other.name for other in others if other.basename == CATCH_ALL]
    if dialect is Dialect.V08 and catch_all:
        yield different(
            f"{_named(catch_all)} runs after it, too: one answer for all, the worst result"
        )
    if dialect is Dialect.V03 and one.name.endswith(".http"):
        early = [name for name in catch_all if not name.endswith(".http")]
        if early:
            yield different(f"0.3 ran {_named(early)} before it; here it runs first")


def _catch_all(one: Reached, others: Sequence[Reached], dialect: Dialect) -> Iterator[Remark]:
    own = [other.name for other in others if other.basename != CATCH_ALL]
    actions = [name for name in own if name.startswith(_ACTION)]
    rest = [name for name in own if not name.startswith(_ACTION)]
    before = [
        other.name for other in others if other.basename == CATCH_ALL and _rank(other) < _rank(one)
    ]
    if dialect is Dialect.V08:
        if before or rest:
            yield different(
                f"0.8 ran it only where nothing else was found; here it runs after "
                f"{_named([*rest, *before])}, too"
            )
        yield different("0.8 ran it twice for an action nothing else answers; here once")
        return
    if actions:
        yield different(f"0.3 ran it for every action, too; here {_named(actions)} does its alone")
    if before:
        yield different(f"for actions only {_named(before)} runs; 0.3 ran both")
    yield different("0.3 knew seven kinds of events; here it runs for every event that comes in")


def _action(one: Reached, others: Sequence[Reached], dialect: Dialect) -> Iterator[Remark]:
    before = [
        other.name
        for other in others
        if other.basename == one.basename and _rank(other) < _rank(one)
    ]
    if dialect is Dialect.V03 and before:
        yield work(
            f"an action is done by one script here, {_named(before)}: 0.3 ran this one as well; "
            "put both into one"
        )
    special = [other.name for other in others if other.basename.startswith(f"{_ACTION}.")]
    if one.basename == _ACTION and special and dialect is Dialect.V08:
        yield different(f"0.8 ran it beside {_named(special)}, with two answers; here it does not")


def _rank(one: Reached) -> int:
    return SUFFIXES.index("." + one.name.rpartition(".")[2])


def _named(names: Sequence[str]) -> str:
    return ", ".join(sorted(set(names)))
