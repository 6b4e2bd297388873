"""What a channel was given: the `config` of each binding, merged and checked.

Botkube sends the blocks with every command, because channels differ; nothing is remembered
between two. They are merged as Botkube's own plugins do it: mappings go into each other,
anything else is replaced by what comes later, null clears. Botkube does not check them, so a
wrong key is named here, in chat.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files

import yaml
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match

from service.errors import BadSettings
from service.keptn_events import Belonging
from service.strict_json import Json

SCHEMA_TEXT = files("service.botkube").joinpath("config_schema.json").read_text(encoding="utf-8")
_SCHEMA = Draft7Validator(json.loads(SCHEMA_TEXT))
NOWHERE = Belonging()
_LONGEST = 8.0
_LARGEST = 128 * 1024
"""Bytes of YAML, which is read anew for each command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Who may do what; an empty list is no limit, but users and commands must be named."""

    users: tuple[str, ...]
    commands: tuple[str, ...]
    contexts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def allows(self, user: Sequence[str], command: str, place: Belonging, name: str) -> bool:
        """Say whether one of the names of *user* may use *command* with *name* there."""
        context = f"{place.project}/{place.stage}/{place.service}"
        return (
            command in self.commands
            and self.is_for(user)
            and (not self.contexts or any(fnmatchcase(context, one) for one in self.contexts))
            and (not self.names or any(fnmatchcase(name, one) for one in self.names))
        )

    def is_for(self, user: Sequence[str]) -> bool:
        """Say whether one of the names of *user* is meant."""
        return any(fnmatchcase(who, wanted) for wanted in self.users for who in user if who)


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """A running service."""

    url: str
    token: str = ""
    token_file: str = ""
    ca_file: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """An engine of our own."""

    scripts: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """What holds for one command."""

    engine: Remote | Embedded
    defaults: Belonging = NOWHERE
    rules: tuple[Rule, ...] = ()
    programs: tuple[str, ...] = ()
    """That `cmd` may start."""
    program_seconds: float = 60.0
    templates: tuple[Mapping[str, Json], ...] = ()
    """Blueprints of this channel, as read; `blueprints` checks them."""
    answer_within: float = 7.0


def read_configs(blocks: Sequence[bytes]) -> Config:
    """Return what the blocks say together.

    Raises `BadSettings` with a sentence for chat: which key is wrong, and why.
    """
    merged: dict[str, Json] = {}
    if sum(map(len, blocks)) > _LARGEST:
        raise BadSettings(f"the config of this plugin is larger than {_LARGEST // 1024} KiB")
    for number, block in enumerate(blocks, start=1):
        merged = _merged(merged, _document(block, number))
    problem = best_match(_SCHEMA.iter_errors(_without_null(merged)))
    if problem is not None:
        raise BadSettings(f"the config of this plugin is wrong: {_sentence(problem)}")
    return _config(_without_null(merged))


def _document(block: bytes, number: int) -> Mapping[str, Json]:
    try:
        document = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadSettings(f"config {number} of this plugin is not YAML") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise BadSettings(f"config {number} of this plugin is no mapping")
    return document


def _merged(below: Mapping[str, Json], above: Mapping[str, Json]) -> dict[str, Json]:
    merged = dict(below)
    for key, value in above.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(before, value) if both else value  # type: ignore[arg-type]  # as *both* says
    return merged


def _without_null(value: Mapping[str, Json]) -> dict[str, Json]:
    return {
        key: _without_null(one) if isinstance(one, Mapping) else one
        for key, one in value.items()
        if one is not None
    }


def _sentence(problem: ValidationError) -> str:
    where = ".".join(str(part) for part in problem.absolute_path)
    return f"{where}: {problem.message}" if where else problem.message


def _config(read: Mapping[str, Json]) -> Config:
    defaults, cmd = _mapping(read.get("defaults")), _mapping(read.get("cmd"))
    rules = [_mapping(one) for one in _list(read.get("allow"))]
    within = read.get("answerWithin", _LONGEST - 1)
    return Config(
        engine=_engine(read),
        defaults=Belonging(**{k: str(v) for k, v in defaults.items()}),
        rules=tuple(
            Rule(
                # Who copies a mention out of chat may get the blank that keeps it from calling.
                users=tuple(user.replace("\u200b", "") for user in _texts(rule.get("users"))),
                commands=_texts(rule.get("commands")),
                contexts=_texts(rule.get("contexts")),
                names=_texts(rule.get("names")),
            )
            for rule in rules
        ),
        programs=_texts(cmd.get("programs")),
        program_seconds=_seconds(str(cmd.get("timeout", "60s"))),
        templates=tuple(_mapping(one) for one in _list(read.get("templates"))),
        answer_within=float(within) if isinstance(within, int | float) else _LONGEST - 1,
    )


def _engine(read: Mapping[str, Json]) -> Remote | Embedded:
    engine = read.get("engine", "embedded")
    if isinstance(engine, Mapping):
        return Remote(
            url=str(engine["url"]).rstrip("/"),
            token=str(engine.get("token", "")),
            token_file=str(engine.get("tokenFile", "")),
            ca_file=str(engine.get("caFile", "")),
        )
    scripts = str(read.get("scripts", ""))
    if not scripts:
        raise BadSettings(
            "the config of this plugin names no engine: set engine.url to the address of a "
            "running service, or scripts to a Git address or a directory"
        )
    settings = _mapping(read.get("settings")).items()
    return Embedded(scripts=scripts, settings=tuple((k, _text(v)) for k, v in sorted(settings)))


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(one) for one in _list(value))


def _text(value: Json) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _seconds(text: str) -> float:
    unit = "ms" if text.endswith("ms") else text[-1]
    return float(text.removesuffix(unit)) * {"ms": 0.001, "s": 1.0, "m": 60.0}[unit]
