"""The event types a Keptn project has, read from its `shipyard.yaml`."""

from collections.abc import Iterator, Sequence

from service.checking.findings import File
from service.errors import BadScript
from service.migration.yaml_nodes import Node, mapping, read_yaml, scalar, sequence

_KINDS = ("triggered", "started", "finished")


def known_types(files: Sequence[File]) -> frozenset[str]:
    """Return the types of all tasks and sequences; none when there is no such file."""
    types: set[str] = set()
    for file in files:
        if file.path == "shipyard.yaml" and file.content:
            try:
                types.update(_types(file.content))
            except BadScript:
                continue
    return frozenset(types)


def _types(content: bytes) -> Iterator[str]:
    spec = mapping(read_yaml(content), "the shipyard", ()).get("spec")
    for stage in _list(spec, "stages"):
        for sequence_ in _list(stage, "sequences"):
            name = f"{_name(stage)}.{_name(sequence_)}"
            yield from (f"sh.keptn.event.{name}.{kind}" for kind in ("triggered", "finished"))
            for task in _list(sequence_, "tasks"):
                yield from (f"sh.keptn.event.{_name(task)}.{kind}" for kind in _KINDS)


def _list(node: Node | None, key: str) -> list[Node]:
    return sequence(mapping(node, key, ()).get(key), key) if node is not None else []


def _name(node: Node) -> str:
    return scalar(mapping(node, "an entry", ()).get("name"), "name")
