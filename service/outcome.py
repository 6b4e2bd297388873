"""What a script's execution means: result, status, message, follow-up event.

`engine` reports an `Execution`, the bare facts; `read_outcome` reads them by the output
contract (docs/scripts.md, "What a script may say"). Output is a claim and not a command:
identity never comes from it, see `answers`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from signal import Signals

from service.errors import BadEvent
from service.event import text
from service.masks import Masks
from service.states import State
from service.strict_json import Json, parse

ERROR_OBJECT = "error object"
"""The reason of a script that said `{"error": …}`; its text is the output."""


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
    stdout: bytes = field(default=b"", repr=False)
    """What is interpreted: standard output, or the response body; at most the kept part."""
    output: bytes = field(default=b"", repr=False)
    """Standard output and error together in order of arrival; at most the kept part."""
    cut: int = 0
    """Bytes of *output* beyond the kept part."""
    result_file: bytes | None = field(default=None, repr=False)
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
    """What one execution came to."""

    state: State
    output: str
    """What the script said, or the text of its error; masked."""
    reason: str = ""
    """Why it did not pass: `exit code 3`, `signal 9 (SIGKILL)`, `HTTP 404`, a cause."""
    structured: Mapping[str, Json] = field(default_factory=dict)
    follow_up: FollowUp | None = None
    notes: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        """`pass`, `warning` or `fail`."""
        return {State.PASSED: "pass", State.WARNED: "warning"}.get(self.state, "fail")

    @property
    def status(self) -> str:
        """`succeeded`: the script did its job, whatever the verdict; else `errored`."""
        return "succeeded" if self.state in _DID_ITS_JOB else "errored"


def read_outcome(
    execution: Execution, *, masks: Masks, follow_up_types: Sequence[str], answer_type: str = ""
) -> Outcome:
    """Return what *execution* means by the output contract.

    *follow_up_types* are the patterns of event types a script may send; a star stands for
    anything but a dot. *answer_type* is the type of our own `finished`, which no script
    may send.
    """
    output = readable(masks.bytes(execution.output))
    if execution.ending is not Ending.EXIT:
        reason = masks.text(execution.detail) or f"ended by the {execution.ending}"
        return Outcome(
            state=_ENDED.get(execution.ending, State.ERRORED), output=output, reason=reason
        )
    said = execution.stdout if execution.result_file is None else execution.result_file
    structured = _object(masks.bytes(said))
    if structured and structured.get("error"):
        return Outcome(state=State.ERRORED, output=text(structured["error"]), reason=ERROR_OBJECT)
    state, reason = _verdict(execution)
    follow_up: FollowUp | None = None
    notes: tuple[str, ...] = ()
    if structured and isinstance(structured.get("type"), str):
        follow_up, notes = _follow_up(structured, follow_up_types, answer_type)
        structured = {}
    elif structured and state is State.PASSED:
        state = _LOWERED.get(text(structured.get("result")), state)
        reason = f"result {structured.get('result')}" if state is not State.PASSED else ""
    return Outcome(
        state=state,
        output=output,
        reason=reason,
        structured=structured or {},
        follow_up=follow_up,
        notes=notes,
    )


def worst(states: Sequence[State]) -> State:
    """Return the state of a whole run: the worst of its scripts."""
    return max(states, key=_SEVERITY.index)


def readable(content: bytes) -> str:
    """Return *content* as text: bytes that are not UTF-8 replaced, NUL removed."""
    return content.decode("utf-8", "replace").replace("\0", "")


def type_allowed(type_: str, patterns: Sequence[str]) -> bool:
    """Say whether *type_* matches one of *patterns*; a star stands for anything but a dot."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", r"[^.]+"), type_) for pattern in patterns
    )


_DID_ITS_JOB = {State.PASSED, State.WARNED, State.FAILED}
_ENDED = {
    Ending.DEADLINE: State.TIMED_OUT,
    Ending.CANCELLED: State.CANCELLED,
    Ending.INTERRUPTED: State.INTERRUPTED,
}
_LOWERED = {"warning": State.WARNED, "fail": State.FAILED}
_SEVERITY = (
    State.PASSED,
    State.WARNED,
    State.FAILED,
    State.ERRORED,
    State.TIMED_OUT,
    State.CANCELLED,
    State.INTERRUPTED,
)
_MAX_LABELS = 128
_MAX_LABEL_BYTES = 16 * 1024
_ENVELOPE = {
    "type", "source", "id", "specversion", "time", "contenttype", "datacontenttype",
    "shkeptncontext", "triggeredid", "gitcommitid", "shkeptnspecversion", "labels", "error",
}  # fmt: skip
_IDENTITY = {"project", "stage", "service"}


def _verdict(execution: Execution) -> tuple[State, str]:
    if execution.http_status is not None:
        passed, reason = 200 <= execution.http_status < 300, f"HTTP {execution.http_status}"
    elif execution.signal is not None:
        passed, reason = False, f"signal {execution.signal} ({_signal_name(execution.signal)})"
    else:
        passed, reason = execution.exit_code == 0, f"exit code {execution.exit_code}"
    return (State.PASSED, "") if passed else (State.FAILED, reason)


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return "real-time signal"


def _object(content: bytes) -> dict[str, Json]:
    """Return the object when the whole text, blanks trimmed, is one; else an empty one."""
    trimmed = content.strip()
    if not (trimmed.startswith(b"{") and trimmed.endswith(b"}")):
        return {}
    try:
        value = parse(trimmed)
    except BadEvent:
        return {}
    return dict(value) if isinstance(value, Mapping) else {}


def _follow_up(
    structured: Mapping[str, Json], allowed: Sequence[str], answer_type: str
) -> tuple[FollowUp | None, tuple[str, ...]]:
    type_ = text(structured["type"])
    if type_ == answer_type or not type_allowed(type_, allowed):
        return None, (f"follow-up event of type {type_[:255]!r} not sent: the type is not allowed",)
    nested = structured.get("data")
    flat = {key: value for key, value in structured.items() if key not in _ENVELOPE | {"data"}}
    data = dict(nested) if isinstance(nested, Mapping) else flat
    labels, dropped = _labels(structured.get("labels"), data.pop("labels", None))
    notes = []
    if dropped:
        notes.append(f"{dropped} labels of the follow-up event dropped: too many or too large")
    claimed = sorted(
        (_IDENTITY & set(data)) | ((_ENVELOPE - {"type", "labels", "error"}) & set(structured))
    )
    if claimed:
        notes.append(f"follow-up event: {', '.join(claimed)} come from the event, not the script")
    data = {key: value for key, value in data.items() if key not in _IDENTITY}
    return FollowUp(type=type_, data=data, labels=labels), tuple(notes)


def _labels(*sources: Json) -> tuple[dict[str, str], int]:
    """Return the labels as texts within the limits, and how many did not fit."""
    given = {
        k: text(v) for source in sources if isinstance(source, Mapping) for k, v in source.items()
    }
    kept: dict[str, str] = {}
    size = 0
    for name, value in given.items():
        size += len(name.encode()) + len(value.encode())
        if len(kept) >= _MAX_LABELS or size > _MAX_LABEL_BYTES:
            break
        kept[name] = value
    return kept, len(given) - len(kept)
