"""What becomes of the output of a program: selects, actions, or buttons.

The format is that of the templates of Botkube's exec plugin, so its public files work here.
Blueprints come from the config of a channel and from the files beside this module; `cmd`
uses the first whose prefix or pattern fits the command.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import yaml

from service.botkube.search import matcher
from service.botkube.tables import FORMS
from service.errors import BadSettings, Mistyped
from service.strict_json import Json

_PARSER = "parser:table:"
_HOLE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)")
_EXEC = re.compile(r"\{\{BotName\}\}\s+(?:exec|x)\s+run\s+")
_OURS = re.compile(r"\{\{BotName\}\}\s+script\s+")
_BOT = "{{BotName}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A button of a blueprint."""

    name: str
    command: str
    """Without our name; with the mention when it is meant for another plugin."""
    url: str = ""
    description: str = ""
    style: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """One template."""

    fits: Callable[[str], bool]
    form: str = ""
    """How the table is printed; empty when there is none to read."""
    columns: tuple[str, ...] = ()
    """Names for a table that is printed without; not in the exec plugin."""
    selects: tuple[tuple[str, str], ...] = ()
    """Title and template of the key."""
    actions: tuple[tuple[str, str], ...] = ()
    preview: str = ""
    header: str = ""
    steps: tuple[Step, ...] = ()
    page: int = 5
    tutorial: bool = False
    """Whether it answers instead of a program."""


def own_blueprints() -> tuple[Blueprint, ...]:
    """Return the blueprints that come with the plugin."""
    folder = files("service.botkube").joinpath("blueprints")
    found = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return tuple(
        blueprint
        for file in found
        if file.name.endswith(".yaml")
        for blueprint in read_file(file.read_text(encoding="utf-8"))
    )


def read_file(text: str) -> tuple[Blueprint, ...]:
    """Return the blueprints of a YAML file.

    Raises `BadSettings`.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadSettings("this file of templates is not YAML") from error
    listed = document.get("templates") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise BadSettings("a file of templates begins with a list named templates")
    return read_templates(listed)


def read_templates(listed: Iterable[Json]) -> tuple[Blueprint, ...]:
    """Return *listed* as blueprints.

    Raises `BadSettings`, which names the template by its position.
    """
    return tuple(_blueprint(_map(one), n) for n, one in enumerate(listed, start=1))


def fitting(blueprints: Iterable[Blueprint], command: str) -> Blueprint | None:
    """Return the first blueprint for *command*."""
    return next((blueprint for blueprint in blueprints if blueprint.fits(command)), None)


def fill(template: str, row: Mapping[str, str], *, as_words: bool = False) -> str:
    """Return *template* with the cells of *row*; a column that is missing is empty.

    *as_words* puts quotes around cells, so that each stays part of one word of a command.
    """

    def cell(hole: re.Match[str]) -> str:
        field = _FIELD.fullmatch(hole[1])
        text = row.get(field[1], "") if field else ""
        return shlex.quote(text) if as_words and text else text

    return _HOLE.sub(cell, template)


def _blueprint(read: Mapping[str, Json], number: int) -> Blueprint:
    message = _map(read.get("message"))
    kind = str(read.get("type", ""))
    form = kind.removeprefix(_PARSER) if kind.startswith(_PARSER) else ""
    if "ref" in read:
        raise BadSettings(f"template {number}: ref is not fetched here; write the templates out")
    if kind not in ("wrapper", "tutorial") and form not in FORMS:
        known = ", ".join(_PARSER + name for name in FORMS)
        raise BadSettings(f"template {number}: type {kind!r} is none of wrapper, tutorial, {known}")
    selects = tuple(
        (str(one.get("name", "Item")), _checked(one.get("keyTpl"), number))
        for one in map(_map, _list(message.get("selects")))
    )
    actions = _map(message.get("actions"))
    page = _map(message.get("paginate")).get("page")
    return Blueprint(
        fits=_trigger(read, number),
        form=form,
        columns=tuple(str(one) for one in _list(message.get("columns"))),
        selects=selects,
        actions=tuple((str(name), _checked(tpl, number)) for name, tpl in actions.items()),
        preview=_checked(message.get("preview"), number),
        header=str(message.get("header", "")),
        steps=tuple(_step(_map(one)) for one in _list(message.get("buttons"))),
        page=page if isinstance(page, int) and 0 < page <= 20 else 5,
        tutorial=kind == "tutorial",
    )


def _trigger(read: Mapping[str, Json], number: int) -> Callable[[str], bool]:
    command = _map(_map(read.get("trigger")).get("command"))
    prefix, regex = command.get("prefix"), command.get("regex")
    if isinstance(prefix, str) and prefix:
        return lambda typed: typed.startswith(prefix)
    if not isinstance(regex, str) or not regex:
        raise BadSettings(f"template {number}: trigger.command needs a prefix or a regex")
    try:
        return matcher(regex)
    except Mistyped as error:
        raise BadSettings(f"template {number}: trigger.command.regex: {error}") from error


def _step(read: Mapping[str, Json]) -> Step:
    command = " ".join(str(read.get("command", "")).split())
    command = _OURS.sub("", _EXEC.sub("cmd -- ", command, count=1), count=1)
    description = str(read.get("description", "")).strip()
    if description.startswith(_BOT):
        description = command if command.startswith(_BOT) else f"{_BOT} script {command}"
    style = str(read.get("style", ""))
    return Step(
        name=str(read.get("name", "")),
        command=command,
        url=str(read.get("url", "")),
        description=description,
        style=style if style in ("primary", "danger") else "",
    )


def _checked(template: Json, number: int) -> str:
    text = "" if template is None else str(template)
    for hole in _HOLE.finditer(text):
        if not _FIELD.fullmatch(hole[1]):
            raise BadSettings(f"template {number}: only {{{{ .Column }}}} is filled in: {hole[0]}")
    return text


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()
