"""From words to a command: subject, context, values, flags.

`chat` hands in the words that `typed` found; what a command does is written in `answering`,
who may use it in `permission`. A word that is nearly a command, and an argument that is
missing, get the exact command to type instead of a manual.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from service.botkube.verbs import COMMANDS, HIDDEN
from service.errors import Mistyped
from service.keptn_events import NAME, Belonging

_TYPE = re.compile(r"[!-~]{1,255}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/ -]{0,127}", re.ASCII)
_SUFFIX = re.compile(r"\.(?:sh|py|http)$")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)
_MOST_VALUES = 64
_ALIKE = 0.55
_BARE_FLAGS = {"raw", "exact"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command that is complete but for its subject, which a form may still ask for."""

    verb: str
    subject: str = ""
    """A type, script, action, run or command name; empty where it is missing."""
    action: bool = False
    """Whether the subject is the name of an action."""
    place: Belonging = field(default_factory=Belonging)
    typed_place: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    rest: tuple[str, ...] = ()
    """What follows `--`, or the words of a form."""


def understand(words: Sequence[str], defaults: Belonging) -> Command:
    """Return what *words* ask for; no words ask for help.

    Raises `Mistyped`, with a command that would do where there is one.
    """
    verb, *arguments = list(words) or ["help"]
    verb = verb.lower()
    if verb in ("--help", "-h"):
        verb = "help"
    if verb == HIDDEN:
        return Command(verb=HIDDEN, rest=tuple(arguments))
    if verb not in COMMANDS:
        near = nearest(verb, COMMANDS)
        suggestion = " ".join([near[0], *arguments]) if near else "help"
        raise Mistyped(f"there is no command {verb[:40]!r}", try_this=suggestion)
    if "--help" in arguments or "-h" in arguments[:1]:
        return Command(verb="help", subject=verb)
    if verb == "cmd":
        return _cmd(arguments)
    flags, plain = _flags(verb, arguments)
    return _plain(verb, plain, flags, defaults)


def nearest(word: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return what somebody may have meant, best first."""
    names = list(dict.fromkeys(known))
    typed = SequenceMatcher(b=word.lower()[:200])
    alike: list[tuple[float, str]] = []
    for name in names:
        typed.set_seq1(name.lower())
        alike.append((typed.ratio() if typed.real_quick_ratio() > _ALIKE else 0.0, name))
    alike.sort(key=lambda pair: -pair[0])
    found = [name for ratio, name in alike if ratio > max(_ALIKE, alike[0][0] - 0.1)]
    inside = [name for name in names if len(word) > 2 and word.lower() in name.lower()]
    return list(dict.fromkeys(found + inside))[:most]


def read_place(text: str, defaults: Belonging) -> Belonging:
    """Return `project/stage/service`; parts that are missing in front come from *defaults*.

    Raises `Mistyped`.
    """
    parts = text.split("/")
    if len(parts) > 3 or any(part and not NAME.fullmatch(part) for part in parts):
        raise Mistyped(
            f"{text[:80]!r} is no context: write project/stage/service, project/stage or project"
        )
    levels = dict(zip(("project", "stage", "service"), [*parts, "", ""][:3], strict=True))
    for level, value in levels.items():
        if value:
            break
        levels[level] = getattr(defaults, level)
    return Belonging(**levels)


def write_place(place: Belonging) -> str:
    """Return *place* as it is typed."""
    return f"{place.project}/{place.stage}/{place.service}".rstrip("/")


def _plain(verb: str, words: list[str], flags: dict[str, str], defaults: Belonging) -> Command:
    spec = COMMANDS[verb]
    action = verb == "action"
    if verb == "explain" and words[:1] == ["action"]:
        action, words = True, words[1:]
    subject = ""
    if spec.subject and words and not _is_value(words[0]):
        subject = _subject(spec.subject, words.pop(0), action=action)
    values: dict[str, str] = {}
    place: Belonging | None = None
    for word in words:
        if spec.values and _is_value(word):
            key, _, value = word.partition("=")
            values[key] = value
        elif spec.place and place is None:
            place = read_place(word, defaults)
        else:
            raise Mistyped(
                f"{word[:80]!r} is too much for {verb}", try_this=spec.usage.split(",")[0]
            )
    if len(values) > _MOST_VALUES:
        raise Mistyped(f"at most {_MOST_VALUES} values can be given")
    return Command(
        verb=verb,
        subject=subject,
        action=action,
        place=place or defaults,
        typed_place=place is not None,
        values=values,
        flags=flags,
    )


def _is_value(word: str) -> bool:
    key, equals, _ = word.partition("=")
    return bool(equals) and bool(_KEY.fullmatch(key))


def _subject(kind: str, word: str, *, action: bool) -> str:
    if kind == "run" and not _RUN.fullmatch(word):
        raise Mistyped(f"{word[:80]!r} is no id of a run", try_this="runs")
    if kind in ("type", "action", "name") and not _TYPE.fullmatch(word):
        raise Mistyped(f"{word[:80]!r} cannot be a name")
    if action and not NAME.fullmatch(word):
        raise Mistyped(f"{word[:80]!r} cannot be the name of an action")
    return _SUFFIX.sub("", word) if kind in ("type", "action") else word


def _flags(verb: str, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    known = COMMANDS[verb].flags
    flags: dict[str, str] = {}
    plain: list[str] = []
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word[2:].partition("=")
        if not word.startswith("--"):
            plain.append(word)
        elif name not in known:
            near = nearest(name, known)
            raise Mistyped(f"{verb} has no --{name[:40]}" + (f"; --{near[0]}?" if near else ""))
        elif name in _BARE_FLAGS:
            flags[name] = "yes"
        else:
            flags[name] = value if equals else next(waiting, "")
            if not flags[name]:
                raise Mistyped(f"--{name} needs a value")
    if "tail" in flags and not re.fullmatch(r"[1-9][0-9]{0,5}", flags["tail"]):
        raise Mistyped("--tail needs a number of lines")
    return flags, plain


def _cmd(words: Sequence[str]) -> Command:
    before, rest = list(words), list(words)
    if "--" in words:
        at = list(words).index("--")
        before, rest = before[:at], rest[at + 1 :]
    elif words and not words[0].startswith("--"):
        before = []
    else:
        rest = []
    flags, plain = _flags("cmd", before)
    if plain or not rest:
        raise Mistyped("which program?", try_this="cmd -- kubectl get pods")
    if flags.get("page") and not flags["page"].isdecimal():
        raise Mistyped("--page needs a number")
    return Command(verb="cmd", flags=flags, rest=tuple(rest))
