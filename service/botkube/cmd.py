"""`script cmd`: a program's output as a message, by a blueprint if one fits.

`answering` has asked the rules; here the list of programs is asked. A program that takes
longer than the answer may is looked at again with a button; it is never started twice for
one click.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.botkube.blueprints import Blueprint, fitting, read_file, read_templates
from service.botkube.cmd_cards import AFTER, PICK, output_card, steps_card, table_card
from service.botkube.commands import Command
from service.botkube.configs import Config
from service.botkube.display import clean
from service.botkube.messages import Button, Message, Platform, Section
from service.botkube.patience import Patience
from service.botkube.programs import Ended, Programs
from service.botkube.tables import read_table
from service.botkube.typed import quoted
from service.desk import Desk
from service.errors import (
    BadSettings,
    InvalidName,
    Mistyped,
    NeverAgain,
    ProgramsBusy,
    TryAgainLater,
    UnknownScript,
)
from service.keptn_events import Belonging
from service.scripts import BLUEPRINTS

_MOST_RUNNING = 8
_REMEMBERED = 50
_SPARE = 0.7

log = logging.getLogger(__name__)


class Jobs:
    """Programs under way, and the latest that ended; one for the process."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self._jobs: OrderedDict[str, asyncio.Task[Ended]] = OrderedDict()

    def find(self, key: str) -> asyncio.Task[Ended] | None:
        """Return what was started under *key*."""
        return self._jobs.get(key)

    def start(self, key: str, words: Sequence[str], *, seconds: float, kubeconfig: bytes) -> None:
        """Start a program under *key*.

        Raises `ProgramsBusy`.
        """
        running = sum(not job.done() for job in self._jobs.values())
        if running >= _MOST_RUNNING:
            raise ProgramsBusy
        run = self.programs.run(words, seconds=seconds, kubeconfig=kubeconfig)
        job = asyncio.create_task(run)
        # Nobody may come back to look at how it ended.
        job.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._jobs[key] = job
        ended = [old for old, job in self._jobs.items() if job.done()]
        for old in ended[: max(0, len(self._jobs) - _REMEMBERED)]:
            del self._jobs[old]

    async def close(self) -> None:
        """Stop everything that runs."""
        jobs = [job for job in self._jobs.values() if not job.done()]
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=1.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cmd:
    """Answers one `cmd`."""

    jobs: Jobs
    desk: Desk
    config: Config
    blueprints: Sequence[Blueprint]
    kubeconfig: bytes
    platform: Platform
    patience: Patience
    new_id: Callable[[], str]

    async def answer(self, command: Command) -> Message:
        """Return the message for a command that rules allow.

        Raises `NeverAgain` for a program that is not on the list, and what `Programs` raises.
        """
        words, pick, after = _selected(command.rest)
        typed = " ".join(words)
        found = fitting(
            (
                *read_templates(self.config.templates),
                *await _of_the_repository(self.desk, command.place),
                *self.blueprints,
            ),
            typed,
        )
        if found and found.tutorial:
            return steps_card(found, words, page=int(command.flags.get("page", "1")))
        if words[0] not in self.config.programs:
            raise NeverAgain(
                f"the program {words[0][:60]} is not among those of this plugin; cmd.programs in "
                "its config lists them" + self._listed()
            )
        key = command.flags.get("job") or self.new_id()
        ended = await self._ended(f"{key} {quoted(words)}", words, again="job" in command.flags)
        if ended is None:
            return _still_running(words, key)
        output = clean(ended.output)
        if found is None or ended.code or ended.code is None or "raw" in command.flags:
            return output_card(words, output, code=ended.code, seconds=self.config.program_seconds)
        if not found.form:
            return output_card(words, output, code=0, steps=found.steps)
        table = read_table(found.form, output, columns=found.columns)
        if not table.rows:
            return output_card(words, output, code=0)
        return table_card(
            found,
            table,
            words,
            picked=pick,
            after=after,
            by=command.flags.get("by", ""),
            text_only=self.platform is Platform.TEXT,
        )

    def _listed(self) -> str:
        return f": {', '.join(self.config.programs)}" if self.config.programs else ", none so far"

    async def _ended(self, key: str, words: tuple[str, ...], *, again: bool) -> Ended | None:
        job = self.jobs.find(key)
        if job is None:
            if again:
                raise Mistyped(
                    "this program is forgotten; start it anew", try_this=f"cmd -- {quoted(words)}"
                )
            self.jobs.start(
                key, words, seconds=self.config.program_seconds, kubeconfig=self.kubeconfig
            )
            job = self.jobs.find(key)
        if job is None:
            return None
        done, _ = await asyncio.wait({job}, timeout=self.patience.left(spare=_SPARE))
        return job.result() if done else None


def _selected(words: tuple[str, ...]) -> tuple[tuple[str, ...], str, str]:
    """Return the words without what a select has put behind them, and that."""
    last = words[-1]
    if len(words) > 1 and last.startswith(PICK):
        return words[:-1], last.removeprefix(PICK), ""
    if len(words) > 1 and last.startswith(AFTER):
        return words[:-1], "", last.removeprefix(AFTER).removeprefix(PICK)
    return words, "", ""


def _still_running(words: tuple[str, ...], key: str) -> Message:
    command = f"cmd --job {key} -- {quoted(words)}"
    section = Section(
        header=f"⏳ {words[0]} is still running",
        buttons=(Button(name="Refresh", command=command, style="primary"),),
    )
    return Message(sections=(section,), replaces=True)


async def _of_the_repository(desk: Desk, place: Belonging) -> Sequence[Blueprint]:
    """Return the blueprints that lie beside the scripts; none when they cannot be looked at."""
    try:
        found = await desk.script(BLUEPRINTS, place)
    except (UnknownScript, InvalidName):
        return ()
    except TryAgainLater as error:
        log.warning("the blueprints of the scripts repository are left out: %s", error)
        return ()
    try:
        return read_file(found.text)
    except BadSettings as error:
        raise BadSettings(f"in {found.listed.path}, {error}") from error
