"""What each command does: asks the desk, makes a card of the answer.

`chat` makes one `Answering` per command and turns what it raises into messages. Whether the
person may is decided here, before anything is started. How answers look is written in
`cards`, what selects offer in `offers`, programs are started by `cmd`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from service.botkube import cards
from service.botkube.cmd import Cmd
from service.botkube.commands import Command, write_place
from service.botkube.configs import Config
from service.botkube.display import clean
from service.botkube.manual import whoami_card
from service.botkube.messages import Message
from service.botkube.offers import Offers
from service.botkube.patience import Once, Patience
from service.botkube.permission import (
    Person,
    allowed,
    demand,
    names_of_run,
    names_of_type,
    title_of_run,
)
from service.botkube.search import lines_with
from service.botkube.slips import nameless
from service.desk import Asker, Desk, Ran, Wish
from service.errors import GenexecError
from service.strict_json import Json

_ACTION_TYPE = "action.triggered"
_LATEST = 15
_SPARE = 0.5
"""Seconds kept for making the message."""
_ASKING = 1 / 3
"""Of the time until the answer is due, for finding out whether a name is a slip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What surrounds one command."""

    config: Config
    person: Person
    url: str
    patience: Patience
    once: Once
    new_id: Callable[[], str]
    refused: int
    """Commands that were refused since start."""


class Answering:
    """Answers one command with a desk."""

    def __init__(self, desk: Desk, situation: Situation, *, offers: Offers, cmd: Cmd) -> None:
        self._desk = desk
        self._now = situation
        self._offers = offers
        self._cmd = cmd
        self._asker = Asker(
            name=situation.person.shown or situation.person.mention, url=situation.url
        )

    async def answer(self, command: Command) -> Message:
        """Return the answer; raises `GenexecError` with a sentence for chat."""
        verbs: Mapping[str, Callable[[Command], Awaitable[Message]]] = {
            "list": self._list,
            "show": self._show,
            "explain": self._explain,
            "run": self._run,
            "action": self._run,
            "send": self._send,
            "runs": self._runs,
            "logs": self._logs,
            "rerun": self._rerun,
            "cancel": self._cancel,
            "cmd": self._cmd_,
            "status": self._status,
            "whoami": self._whoami,
            "ask": self._ask,
        }
        missing = await self._offers.missing(command)
        return missing or await verbs[command.verb](command)

    async def _list(self, command: Command) -> Message:
        scripts = await self._desk.scripts(command.place)
        if not scripts:
            return await self._offers.other_places(command.place)
        form = self._offers.beside_list(scripts, command.place)
        return cards.list_card(scripts, command.place, form=form)

    async def _show(self, command: Command) -> Message:
        return cards.script_card(await self._desk.script(command.subject, command.place))

    async def _explain(self, command: Command) -> Message:
        explained = await self._desk.explain(_wish(command))
        return await self._meant(command, explained) or cards.explain_card(explained)

    async def _run(self, command: Command) -> Message:
        self._demand(command)
        if question := await self._meant(command):
            return question
        run = await self._started(command)
        ran = await self._waited(run)
        if ran is None:
            note = "It goes on; Refresh shows how far it is."
            return cards.started_card(run, what=command.subject, engine=self._desk.name, note=note)
        return self._card(ran)

    async def _send(self, command: Command) -> Message:
        self._demand(command)
        if question := await self._meant(command):
            return question
        run = await self._started(command)
        return cards.started_card(
            run, what=command.subject, engine=self._desk.name, note="Nobody waits for it here."
        )

    async def _runs(self, command: Command) -> Message:
        runs = await self._desk.runs(limit=_LATEST, place=command.place)
        form = self._offers.of_runs("Open a run", "status", runs)
        return cards.runs_card(runs, command.place, form=form)

    async def _logs(self, command: Command) -> Message:
        output = await self._desk.output(command.subject)
        many = len(output) > 1
        text = "\n".join(f"== {name}\n{text}" if many else text for name, text in output)
        text = clean(text).strip("\n")
        notes = []
        if pattern := command.flags.get("grep"):
            text = await asyncio.to_thread(lines_with, text, pattern)
            notes.append(f"Only lines that match {pattern}")
        if tail := command.flags.get("tail"):
            lines = text.split("\n")
            text = "\n".join(lines[-int(tail) :])
            notes.append(f"The last {min(int(tail), len(lines))} of {len(lines)} lines")
        return cards.logs_card(command.subject, text, note="; ".join(notes))

    async def _rerun(self, command: Command) -> Message:
        before = await self._desk.found(command.subject)
        self._judge(command, before)
        run = await self._once(command, lambda: self._desk.rerun(command.subject, self._asker))
        ran = await self._waited(run)
        what = title_of_run(before)
        note = f"It repeats {command.subject}."
        if ran is None:
            return cards.started_card(run, what=what, engine=self._desk.name, note=note)
        return self._card(ran, note=note)

    async def _cancel(self, command: Command) -> Message:
        self._judge(command, await self._desk.found(command.subject))
        stopped = await self._desk.cancel(command.subject, self._asker)
        ran = await self._waited(command.subject) if stopped else None
        note = "It was stopped." if stopped else "Nothing was running any more."
        ran = ran or await self._desk.found(command.subject)
        return self._card(ran, note=note)

    async def _cmd_(self, command: Command) -> Message:
        program = command.rest[0]
        demand(self._now.config, self._now.person, "cmd", self._now.config.defaults, [(program,)])
        return await self._cmd.answer(command)

    async def _status(self, command: Command) -> Message:
        if command.subject:
            return self._card(await self._desk.found(command.subject))
        status = await self._desk.status()
        return cards.status_card(status, engine=self._desk.name, refused=self._now.refused)

    async def _whoami(self, command: Command) -> Message:
        can = allowed(self._now.config, self._now.person)
        return whoami_card(self._now.person, can=can, engine=self._desk.name, place=command.place)

    async def _ask(self, command: Command) -> Message:
        return await self._offers.form(command.rest)

    def _demand(self, command: Command) -> None:
        names = ((command.subject,),) if command.action else names_of_type(command.subject)
        demand(self._now.config, self._now.person, command.verb, command.place, names)

    def _judge(self, command: Command, ran: Ran) -> None:
        demand(self._now.config, self._now.person, command.verb, ran.place, names_of_run(ran))

    async def _meant(
        self, command: Command, explained: Mapping[str, Json] | None = None
    ) -> Message | None:
        """Ask back when no script bears the name and one nearly does, else return None.

        An engine that cannot say so now keeps nobody from handing in an event.
        """
        if "exact" in command.flags:
            return None
        with contextlib.suppress(TimeoutError, GenexecError):
            async with asyncio.timeout(self._now.patience.left() * _ASKING):
                if nameless(explained or await self._desk.explain(_wish(command))):
                    return await self._offers.meant(command)
        return None

    async def _started(self, command: Command) -> str:
        return await self._once(command, lambda: self._desk.run(_wish(command), self._asker))

    async def _once(self, command: Command, act: Callable[[], Awaitable[str]]) -> str:
        key = command.flags.get("once")
        if not key:
            return await act()
        there = write_place(command.place)
        return await self._now.once.do(f"{command.verb} {command.subject} {there} {key}", act)

    async def _waited(self, run: str) -> Ran | None:
        """Return the run as it is when it ends, or when the answer is due; None without news."""
        seconds = self._now.patience.left(spare=_SPARE)
        # A desk that cannot be asked now must not hide the id of what it has started.
        with contextlib.suppress(TimeoutError, GenexecError):
            return await asyncio.wait_for(
                self._desk.wait(run, seconds=seconds), timeout=seconds + _SPARE / 2
            )
        return None

    def _card(self, ran: Ran, *, note: str = "") -> Message:
        return cards.run_card(ran, engine=self._desk.name, once=self._now.new_id(), note=note)


def _wish(command: Command) -> Wish:
    return Wish(
        type=_ACTION_TYPE if command.action else command.subject,
        place=command.place,
        values=command.values,
        action=command.subject if command.action else "",
    )
