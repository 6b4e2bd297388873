"""What one may choose from: scripts, places, runs; and what was meant.

`answering` asks for it when something is missing or unknown. Everything offered comes from
the desk, now; it is found again by its name, never by its position.
"""

from collections.abc import Callable, Sequence

from service.botkube import cards
from service.botkube.commands import Command, nearest, read_place, write_place
from service.botkube.configs import Config
from service.botkube.forms import FIELDS, Form, new_form, read_form, subjects
from service.botkube.messages import Button, Message, Option, Platform, Section, Select
from service.botkube.slips import asked_back, meant
from service.botkube.typed import quoted
from service.botkube.verbs import COMMANDS
from service.desk import Desk, Listed, Ran
from service.errors import Mistyped
from service.keptn_events import Belonging

_MOST_RUNS = 20
_MOST_TYPED = 10
_TITLES = {
    "type": "Event type",
    "name": "Script",
    "action": "Action",
    "context": "Context",
}
_DIRECT = ("show", "explain")
"""Forms that lead to a button that only looks."""


class Offers:
    """Makes forms and suggestions for one command."""

    def __init__(
        self,
        desk: Desk,
        *,
        config: Config,
        platform: Platform,
        state: bytes,
        new_id: Callable[[], str],
    ) -> None:
        self._desk = desk
        self._config = config
        self._platform = platform
        self._state = state
        self._new_id = new_id

    async def missing(self, command: Command) -> Message | None:
        """Return a form for what *command* does not say, or None when it says all."""
        spec = COMMANDS.get(command.verb)
        if spec is None or not spec.subject or spec.optional or command.subject:
            return None
        if spec.subject == "run":
            runs = await self._desk.runs(limit=_MOST_RUNS, place=Belonging())
            # To stop or repeat something takes a look at it, and a click on its card.
            verb = command.verb if command.verb == "logs" else "status"
            section = self.of_runs("Which run?", verb, runs)
            return self._asked(command.verb, section, [quoted((verb, ran.id)) for ran in runs])
        verb = "action" if command.action else command.verb
        place = write_place(command.place)
        form = new_form(verb, new_id=self._new_id(), context=place)
        return await self._form(form, explained=command.verb == "explain")

    async def form(self, words: Sequence[str]) -> Message:
        """Return the form a select belongs to, after its choice."""
        return await self._form(read_form(words, self._state, new_id=self._new_id()), clicked=True)

    async def near(self, command: Command) -> list[str]:
        """Return names like the one that *command* is about, at its place."""
        verb = "action" if command.action else command.verb
        scripts = await self._desk.scripts(command.place)
        return nearest(command.subject, subjects(verb, scripts))

    async def meant(self, command: Command) -> Message | None:
        """Ask whether the name of a script was meant, or return None when none is alike."""
        verb = "action" if command.action else command.verb
        scripts = await self._desk.scripts(command.place)
        names = meant(command.subject, subjects(verb, scripts))
        return asked_back(command, names, new_id=self._new_id()) if names else None

    async def near_runs(self, run: str) -> list[str]:
        """Return ids of the latest runs that look like *run*; the newest when none does."""
        ids = [ran.id for ran in await self._desk.runs(limit=_MOST_RUNS, place=Belonging())]
        return nearest(run, ids) or ids[:1]

    async def other_places(self, place: Belonging) -> Message:
        """Return where there are scripts, for a place that has none."""
        places = [one for one in await self._places() if one != write_place(place)]
        near = nearest(write_place(place), places) or places[:_MOST_TYPED]
        text = f"No script is found for {write_place(place) or 'no project'}."
        return cards.problem_card(text, commands=[f"list {one}" for one in near if one])

    def beside_list(self, scripts: Sequence[Listed], place: Belonging) -> Section:
        """Return the selects below a list of scripts."""
        selects = []
        new_id = self._new_id()
        for verb, title in (("show", "Show …"), ("run", "Run …"), ("action", "Run action …")):
            form = new_form(verb, new_id=new_id, context=write_place(place))
            selects.append(form.select(FIELDS[verb][0], title, subjects(verb, scripts)))
        return Section(selects=tuple(selects), form=f"genexec-{new_id}", ruled=False)

    def of_runs(self, title: str, verb: str, runs: Sequence[Ran]) -> Section:
        """Return a select that types *verb* with the id of a run."""
        options = tuple(
            Option(
                name=f"{ran.type.rpartition('event.')[2]} {ran.state} {ran.id}",
                value=quoted((ran.id,)),
            )
            for ran in runs
        )
        return Section(selects=(Select(name=title, command=verb, options=options),), ruled=False)

    async def _form(self, form: Form, *, clicked: bool = False, explained: bool = False) -> Message:
        subject_field = FIELDS[form.verb][0]
        place = read_place(form.chosen.get("context", ""), self._config.defaults)
        choices = subjects(form.verb, await self._desk.scripts(place))
        selects = (
            form.select(subject_field, _TITLES[subject_field], choices),
            form.select("context", _TITLES["context"], await self._places(place)),
        )
        section = Section(
            header=f"script {form.verb}: which {_TITLES[subject_field].lower()}?",
            text="" if choices else f"There is none for {write_place(place) or 'no project'}.",
            selects=selects,
            form=form.id,
        )
        where = (write_place(place),) if write_place(place) else ()
        verbs = ("explain", "action") if explained and form.verb == "action" else (form.verb,)
        if form.subject not in choices:
            typed = [quoted((*verbs, one, *where)) for one in choices]
            return self._asked(form.verb, section, typed, replaces=clicked)
        command = quoted((form.verb, form.subject, *where))
        go = Section(buttons=tuple(self._go(form.verb, command, form.subject, where)), ruled=False)
        return Message(sections=(section, go), replaces=clicked)

    def _go(self, verb: str, command: str, subject: str, where: tuple[str, ...]) -> list[Button]:
        if verb in _DIRECT:
            return [Button(name=verb.capitalize(), command=command, style="primary")]
        once = f"{command} --once {self._new_id()}"
        action = ("action",) if verb == "action" else ()
        look = quoted(("explain", *action, subject, *where))
        return [
            Button(name=verb.capitalize(), command=once, style="primary"),
            Button(name="Explain", command=look),
        ]

    def _asked(
        self, verb: str, section: Section, commands: Sequence[str], *, replaces: bool = False
    ) -> Message:
        if not commands and not any(select.options for select in section.selects):
            raise Mistyped(
                f"{verb} needs more, and there is nothing to offer: script {COMMANDS[verb].usage}"
            )
        if self._platform is Platform.TEXT:
            text = f"{verb} needs more: script {COMMANDS[verb].usage.split(', ')[0]}"
            return cards.problem_card(text, commands=commands[:_MOST_TYPED])
        return Message(sections=(section,), replaces=replaces)

    async def _places(self, place: Belonging | None = None) -> list[str]:
        """Return the places that are known: by default, by rules, from the latest runs."""
        runs = await self._desk.runs(limit=_MOST_RUNS, place=Belonging())
        rules = [c.rstrip("/") for rule in self._config.rules for c in rule.contexts]
        known = [write_place(one) for one in (place, self._config.defaults) if one]
        known += [one for one in rules if "*" not in one and "[" not in one and "?" not in one]
        return [
            one for one in dict.fromkeys([*known, *(write_place(r.place) for r in runs)]) if one
        ]
