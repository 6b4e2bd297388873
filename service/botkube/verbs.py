"""The commands of chat: how each is typed, what for, whether it takes a rule.

`commands` reads them, `cards` shows them, `permission` asks which of them change something.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HIDDEN = "ask"
"""What selects type: the answer is the same form with one more thing chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """How a command is typed."""

    usage: str
    about: str
    subject: str = ""
    """What its first argument is: `type`, `action`, `name`, `run`."""
    optional: bool = False
    """Whether the subject may be missing."""
    place: bool = False
    values: bool = False
    flags: tuple[str, ...] = ()
    changes: bool = False
    """Whether it starts, stops or sends something; that takes a rule."""


COMMANDS: Mapping[str, Spec] = {
    "list": Spec(usage="list [CONTEXT]", about="scripts that events could run", place=True),
    "show": Spec(usage="show NAME [CONTEXT]", about="text of a script", subject="name", place=True),
    "explain": Spec(
        usage="explain TYPE [CONTEXT], explain action NAME [CONTEXT]",
        about="which scripts would run, and why",
        subject="type",
        place=True,
        values=True,
        flags=("exact",),
    ),
    "run": Spec(
        usage="run TYPE [CONTEXT] [key=value …]",
        about="answer an event, show the result",
        subject="type",
        place=True,
        values=True,
        flags=("once", "exact"),
        changes=True,
    ),
    "action": Spec(
        usage="action NAME [CONTEXT] [key=value …]",
        about="run a remediation action",
        subject="action",
        place=True,
        values=True,
        flags=("once", "exact"),
        changes=True,
    ),
    "send": Spec(
        usage="send TYPE [CONTEXT] [key=value …]",
        about="hand in an event, do not wait",
        subject="type",
        place=True,
        values=True,
        flags=("once", "exact"),
        changes=True,
    ),
    "runs": Spec(usage="runs [CONTEXT]", about="the latest runs", place=True),
    "logs": Spec(
        usage="logs RUN [--tail N] [--grep PATTERN]",
        about="what the scripts of a run wrote",
        subject="run",
        flags=("tail", "grep"),
    ),
    "rerun": Spec(
        usage="rerun RUN",
        about="answer the event of a run again",
        subject="run",
        flags=("once",),
        changes=True,
    ),
    "cancel": Spec(usage="cancel RUN", about="stop a run", subject="run", changes=True),
    "cmd": Spec(
        usage="cmd -- PROGRAM [ARGUMENT …]",
        about="start an allowed program",
        flags=("raw", "page", "by", "job"),
        changes=True,
    ),
    "status": Spec(
        usage="status [RUN]", about="the engine, or one run", subject="run", optional=True
    ),
    "whoami": Spec(usage="whoami", about="what you may do here"),
    "help": Spec(usage="help [COMMAND]", about="this", subject="command", optional=True),
}
