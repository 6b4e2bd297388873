"""The plugin as chat knows it: a request becomes a message, always.

`server` calls it with each command. It reads the config of the channel, opens a desk,
has the command answered within the time people wait for, and renders the message. Refusals
and faults are logged here; a fault of ours is shown by a number that is found in the log.
`wiring` makes one `Chat` for the process.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from service.botkube import cards
from service.botkube.answering import Answering, Situation
from service.botkube.blueprints import Blueprint
from service.botkube.cmd import Cmd, Jobs
from service.botkube.commands import Command, nearest, understand, write_place
from service.botkube.configs import Config, read_configs
from service.botkube.manual import help_card
from service.botkube.messages import Button, Message, Platform, Section, platform_of
from service.botkube.offers import Offers
from service.botkube.patience import Once, Patience
from service.botkube.permission import Person
from service.botkube.programs import Programs
from service.botkube.rendering import render
from service.botkube.server import Description, Request
from service.botkube.typed import words_of
from service.botkube.verbs import COMMANDS
from service.desk import Desk
from service.errors import (
    BadSettings,
    GenexecError,
    Mistyped,
    NeverAgain,
    Refused,
    TryAgainLater,
)

DeskFactory = Callable[[Config, bytes], AbstractAsyncContextManager[Desk]]
"""Opens a desk for one command: its config, and the kubeconfig it came with."""

log = logging.getLogger(__name__)


def _random_id() -> str:
    return uuid.uuid4().hex[:12]


class Chat:
    """Answers commands; implements `server.Plugin`."""

    def __init__(
        self,
        open_desk: DeskFactory,
        *,
        description: Description,
        programs: Programs,
        blueprints: Sequence[Blueprint],
        most_calls: int = 32,
        new_id: Callable[[], str] = _random_id,
    ) -> None:
        """*most_calls* commands are answered at a time; the next one gets a friendly no."""
        self._open_desk = open_desk
        self._description = description
        self._jobs = Jobs(programs)
        self._blueprints = blueprints
        self._most_calls = most_calls
        self._new_id = new_id
        self._once = Once()
        self._calls: set[asyncio.Task[Message]] = set()
        self.refused = 0
        """Commands that no rule allowed."""

    async def execute(self, request: Request) -> Sequence[bytes]:
        """Return the message for *request* in time; never raises."""
        platform = platform_of(interactive=request.interactive, user=request.user)
        try:
            return (render(await self._in_time(request, platform), platform),)
        except Exception as error:  # noqa: BLE001  # told to whoever asked, and logged
            return (render(self._told(error, request), platform),)

    def help(self) -> bytes:
        """Return the commands; nobody says on which platform they are shown."""
        return render(help_card(), Platform.INTERACTIVE)

    def description(self) -> Description:
        """Return what the index says."""
        return self._description

    async def close(self) -> None:
        """Stop the programs and questions that are under way, in less than two seconds."""
        for call in self._calls:
            call.cancel()
        await self._jobs.close()

    async def _in_time(self, request: Request, platform: Platform) -> Message:
        words = words_of(request.command, from_slack=platform is Platform.SLACK)
        if (words[:1] or ("help",))[0].lower() in ("help", "--help", "-h"):
            return _help(words)
        if words[1:2] in (("-h",), ("--help",)):
            return _help(("help", words[0]))
        config = read_configs(request.configs)
        command = understand(words, config.defaults)
        if command.verb == "help":
            return _help(("help", command.subject))
        if len(self._calls) >= self._most_calls:
            raise TryAgainLater("Many commands are being answered right now; try again in a moment")
        patience = Patience(config.answer_within, clock=asyncio.get_running_loop().time)
        call = asyncio.create_task(self._asked(request, command, config, platform, patience))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        try:
            done, _ = await asyncio.wait({call}, timeout=patience.left())
        finally:
            call.cancel()  # if it goes on, it may take its time to end; nobody waits for that
        if done:
            return call.result()
        return _no_answer(command, config.answer_within)

    async def _asked(
        self,
        request: Request,
        command: Command,
        config: Config,
        platform: Platform,
        patience: Patience,
    ) -> Message:
        async with self._open_desk(config, request.kubeconfig) as desk:
            offers = Offers(
                desk, config=config, platform=platform, state=request.state, new_id=self._new_id
            )
            situation = Situation(
                config=config,
                person=Person(mention=request.user, shown=request.display_name),
                url=request.url,
                patience=patience,
                once=self._once,
                new_id=self._new_id,
                refused=self.refused,
            )
            cmd = Cmd(
                jobs=self._jobs,
                config=config,
                desk=desk,
                blueprints=self._blueprints,
                kubeconfig=request.kubeconfig,
                platform=platform,
                patience=patience,
                new_id=self._new_id,
            )
            try:
                return await Answering(desk, situation, offers=offers, cmd=cmd).answer(command)
            except NeverAgain as error:
                if isinstance(error, Refused | Mistyped | BadSettings):
                    raise
                return await _with_suggestions(error, command, offers)

    def _ended(self, call: asyncio.Task[Message]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # seen: when the answer was due already, nobody else looks

    def _told(self, error: Exception, request: Request) -> Message:
        reference = self._new_id()
        extra = {"user": request.user or request.display_name, "reference": reference}
        if isinstance(error, Mistyped):
            return cards.problem_card(
                _sentence(error), commands=[error.try_this] if error.try_this else ()
            )
        if isinstance(error, Refused):
            self.refused += 1
            log.warning("refused in chat: %s", error, extra=extra)
            return cards.problem_card(f"🚫 {_sentence(error)}")
        if isinstance(error, TryAgainLater):
            log.warning("not answered in chat, may work later: %s", error, extra=extra)
            return cards.problem_card(
                f"{_sentence(error)} Nothing is wrong with the command; type it again in a "
                f"moment. (Reference {reference})"
            )
        if isinstance(error, GenexecError):
            log.warning("not answered in chat: %s", error, extra=extra)
            return cards.problem_card(f"❌ {_sentence(error)} (Reference {reference})")
        log.error("a command failed by a fault of ours", exc_info=error, extra=extra)
        return cards.problem_card(
            f"❌ Something is wrong in the plugin; its log says more under {reference}."
        )


async def _with_suggestions(error: NeverAgain, command: Command, offers: Offers) -> Message:
    """Say what there is instead of what was asked for."""
    commands: list[str] = []
    with contextlib.suppress(GenexecError):  # the first error is the one that counts
        commands = await _instead(command, offers)
    return cards.problem_card(f"❌ {_sentence(error)}", commands=commands)


async def _instead(command: Command, offers: Offers) -> list[str]:
    spec = COMMANDS.get(command.verb)
    if spec is None or not command.subject:
        return []
    if spec.subject == "run":
        return [f"status {run}" for run in await offers.near_runs(command.subject)]
    verb = "explain action" if command.action and command.verb == "explain" else command.verb
    where = f" {write_place(command.place)}" if write_place(command.place) else ""
    return [f"{verb} {one}{where}" for one in await offers.near(command)]


def _help(words: Sequence[str]) -> Message:
    verb = words[1].lower() if len(words) > 1 else ""
    if verb and verb not in COMMANDS:
        near = nearest(verb, COMMANDS)
        raise Mistyped(
            f"there is no command {verb[:40]!r}", try_this=f"help {near[0]}" if near else "help"
        )
    return help_card(verb)


def _no_answer(command: Command, seconds: float) -> Message:
    changes = COMMANDS[command.verb].changes if command.verb in COMMANDS else False
    maybe = (
        " Whether it did what you asked is not known; look before you try again." if changes else ""
    )
    section = Section(
        text=f"⏳ The engine has not answered within {seconds:g} s.{maybe}",
        buttons=(
            Button(name="Latest runs", command="runs"),
            Button(name="Engine", command="status"),
        ),
    )
    return Message(sections=(section,))


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return f"{text[:1].upper()}{text[1:]}" + (
        "" if text.endswith((".", "!", "?", "]", "}")) else "."
    )
