"""What stands in a `job/config.yaml`, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_POLL = 300
"""Seconds a task may take unless it says otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobEvent:
    """One condition under which an action is done."""

    type: str
    """A regular expression, not anchored."""
    line: int
    property: str = ""
    """A JSONPath; empty without `jsonpath`."""
    match: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobVariable:
    """An entry of `env`."""

    name: str
    value: str
    source: str
    """`event`, `secret` or `string`."""
    form: str
    """`json`, `yaml` or `string`; empty when it is left open."""
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JobTask:
    """One container that is started."""

    name: str
    image: str
    line: int
    command: tuple[str, ...]
    """`cmd` and `args`."""
    has_cmd: bool
    files: tuple[str, ...]
    variables: tuple[JobVariable, ...]
    folder: str
    """`workingDir`, empty when it is left open."""
    seconds: int
    others: Mapping[str, int]
    """What only Kubernetes understands, with its lines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobAction:
    """Tasks, and the events they answer."""

    name: str
    line: int
    events: Sequence[JobEvent]
    tasks: Sequence[JobTask]
    silent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class JobConfig:
    """The whole file."""

    actions: Sequence[JobAction]
