"""Which events are meant for us: types, or patterns of them, and filters.

A subscription is made by settings and, once we are registered, by people in Keptn's Bridge.
`registration` reads and writes them, `nats` and `polling` ask for them. Rules: a value in a
list is one of several, all lists must agree, an empty list is no filter; `*` stands for one
part of a type and `>` for all that follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.keptn_events import Belonging
from service.strict_json import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """One wish for events."""

    topic: str
    """A type of events, or a pattern."""
    projects: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Say whether it names one type."""
        return not {"*", ">"} & set(self.topic.split("."))

    def wants(self, type_: str, belonging: Belonging) -> bool:
        """Say whether an event of this type and place is meant."""
        return topic_matches(self.topic, type_) and all(
            not wanted or value in wanted
            for wanted, value in (
                (self.projects, belonging.project),
                (self.stages, belonging.stage),
                (self.services, belonging.service),
            )
        )

    def document(self) -> dict[str, Json]:
        """Return it as Keptn's API takes it: all three lists, or it is refused."""
        lists: dict[str, Json] = {
            "projects": list(self.projects),
            "stages": list(self.stages),
            "services": list(self.services),
        }
        return {"event": self.topic, "filter": lists}


def topic_matches(topic: str, type_: str) -> bool:
    """Say whether *type_* is one that *topic* stands for, as NATS compares subjects."""
    wanted, given = topic.split("."), type_.split(".")
    if wanted[-1] == ">":
        return len(given) >= len(wanted) and _agree(wanted[:-1], given)
    return len(given) == len(wanted) and _agree(wanted, given)


def read_subscriptions(registered: Mapping[str, Json]) -> tuple[Subscription, ...]:
    """Return the subscriptions of a registration; what is none is left out.

    Keptn 0.8.4 names all topics in one place, with filters as texts separated by commas.
    Later ones may repeat that form; their own counts, also when it is an empty list.
    """
    listed = registered.get("subscriptions")
    old = registered.get("subscription")
    found: list[Subscription | None] = []
    if isinstance(listed, list):
        found = [_read(one) for one in listed]
    elif isinstance(old, Mapping) and "subscriptions" not in registered:
        found = [_read({**old, "event": topic}) for topic in _texts(old.get("topics"))]
    return tuple(one for one in found if one is not None)


def _read(document: Json) -> Subscription | None:
    if not isinstance(document, Mapping):
        return None
    topic, given = document.get("event"), document.get("filter")
    if not isinstance(topic, str) or not all(topic.split(".")):
        return None
    lists = given if isinstance(given, Mapping) else {}
    return Subscription(
        topic=topic,
        projects=_texts(lists.get("projects", lists.get("project"))),
        stages=_texts(lists.get("stages", lists.get("stage"))),
        services=_texts(lists.get("services", lists.get("service"))),
    )


def _texts(value: Json) -> tuple[str, ...]:
    given: Sequence[Json] = value.split(",") if isinstance(value, str) else ()
    if isinstance(value, list):
        given = value
    return tuple(one.strip() for one in given if isinstance(one, str) and one.strip())


def _agree(wanted: Sequence[str], given: Sequence[str]) -> bool:
    return all(want in ("*", have) for want, have in zip(wanted, given, strict=False))
