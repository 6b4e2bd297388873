"""What a script's execution means: result, status, message, follow-up event.

`engine` reports an `Execution`, the bare facts; `read_outcome` reads them by the output
contract (docs/scripts.md, "What a script may say"). Output is a claim and not a command:
identity never comes from it, see `answers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from service.states import State
from service.strict_json import Json


class Ending(StrEnum):
    """How an execution came to its end."""

    EXIT = "exit"
    """By itself: with an exit code, a signal, or an HTTP answer."""
    DEADLINE = "deadline"
    OUTPUT_LIMIT = "output limit"
    DISK_LIMIT = "disk limit"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """The service or its runner ended first; what the script did is unknown."""
    NOT_RUN = "not run"
    """It never started: bad directive, bad `.http` file, unreachable target, no interpreter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """The bare facts about one run of one script."""

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    http_status: int | None = None
    stdout: bytes = b""
    """What is interpreted: standard output, or the response body; at most the kept part."""
    output: bytes = b""
    """Standard output and error together in order of arrival; at most the kept part."""
    cut: int = 0
    """Bytes of *output* beyond the kept part."""
    result_file: bytes | None = None
    """What the script wrote to `$GENEXEC_RESULT_FILE`, None when it wrote nothing."""
    detail: str = ""
    """The cause in words when the ending is not EXIT."""
    seconds: float = 0.0
    leftovers: int = 0
    """Processes of the run that had to be ended after its main process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUp:
    """An event the script asks to be sent."""

    type: str
    data: Mapping[str, Json]
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one execution, or all executions of a run, came to."""

    state: State
    result: str
    """`pass`, `warning` or `fail`."""
    status: str
    """`succeeded` or `errored`."""
    message: str
    """The output, masked; or the error text."""
    structured: Mapping[str, Json] = field(default_factory=dict)
    follow_up: FollowUp | None = None
    notes: tuple[str, ...] = ()
