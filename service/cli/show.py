"""`genexec show RUN`: which script ran, why, at which commit, what came."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import click

from service.api.reading import RunDetail
from service.api.records import detail_record, summary_record
from service.cli.asking import Address, ask, elsewhere_options
from service.cli.options import as_json_option, open_origins, open_record, state_dir_option
from service.cli.terminal import moment, shown
from service.outcome import readable
from service.remote.desk import RemoteDesk
from service.runs import Attempt, Delivery, Summary
from service.strict_json import Json
from service.times import parse_time, time_string
from service.wishes import RERUN_OF, URL, USER


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """A run with everything that is shown of it."""

    detail: RunDetail
    summary: Summary
    outputs: Mapping[tuple[int, int], str]
    """By position of the script and number of the attempt."""


@click.command("show")
@click.argument("run", metavar="RUN", default="last")
@click.option("--output", "only_output", is_flag=True, help="Print only what the scripts said.")
@state_dir_option
@elsewhere_options("state_dir")
@as_json_option
def command(
    *,
    run: str,
    only_output: bool,
    state_dir: str | None,
    service: Address | None,
    as_json: bool,
) -> None:
    """Show everything about one run, from the record here or with --url from a service.

    RUN is the id of a run, the beginning of one, or `last` (the default). Shown are the
    event, which script ran, from which level and commit, every attempt with its output, and
    the events that were sent.
    """
    told = ask(lambda desk: _there(desk, run), service) if service else _here(state_dir, run)
    if only_output:
        for text in told.outputs.values():
            click.echo(shown(text), nl=False)
    elif as_json:
        click.echo(json.dumps(_record(told), indent=2))
    else:
        for line in _lines(told):
            click.echo(shown(line))


def _here(state_dir: str | None, run: str) -> _Told:
    reader = open_record(state_dir)
    detail = reader.run(run)
    (summary,) = open_origins(state_dir).summaries([detail.run])
    outputs = {
        (attempt.position, attempt.number): readable(
            reader.output(detail.run.id, attempt.position, attempt.number)
        )
        for attempt in detail.attempts
        if attempt.started_at is not None
    }
    return _Told(detail=detail, summary=summary, outputs=outputs)


async def _there(desk: RemoteDesk, run: str) -> _Told:
    detail = await desk.detail(run)
    return _Told(detail=detail, summary=detail.summary, outputs=await desk.outputs(detail))


def _record(told: _Told) -> Mapping[str, Json]:
    outputs: list[Json] = [
        {"position": position, "number": number, "output": text}
        for (position, number), text in told.outputs.items()
    ]
    return {**detail_record(told.detail), **summary_record(told.summary), "outputs": outputs}


def _lines(told: _Told) -> Iterator[str]:
    yield from about_lines(told.detail)
    for attempt in told.detail.attempts:
        yield from attempt_lines(attempt, told.outputs.get((attempt.position, attempt.number), ""))
    for delivery in told.detail.deliveries:
        yield _delivery(delivery)


def about_lines(detail: RunDetail) -> Iterator[str]:
    run = detail.run
    where = "/".join(filter(None, (run.project, run.stage, run.service)))
    yield f"run       {run.id}"
    if detail.sender:
        yield f"sender    {detail.sender}"
    asked = " ".join(filter(None, map(detail.event.extension, (USER, URL))))
    if asked:
        yield f"asked by  {asked}"
    if again := detail.event.extension(RERUN_OF):
        yield f"rerun of  {again}"
    yield f"state     {run.state}{f'  ({run.reason})' if run.reason else ''}"
    yield f"event     {run.type}   id {run.event_id}   from {run.source}"
    yield f"belongs   {where or '-'}   context {run.context or '-'}"
    yield (
        f"times     accepted {moment(run.accepted_at)}, started {moment(run.started_at)}, "
        f"ended {moment(run.ended_at)} (UTC)"
    )
    if run.result:
        yield f"result    {run.result} / {run.status}"
    if run.note:
        yield f"note      {run.note}"


def attempt_lines(attempt: Attempt, output: str) -> Iterator[str]:
    number = f", attempt {attempt.number}" if attempt.number > 1 else ""
    at = f" at commit {attempt.commit[:12]}" if attempt.commit else ""
    yield ""
    yield f"script    {attempt.path}  ({attempt.level} level{at}, blob {attempt.blob[:12]}{number})"
    because = attempt.message or attempt.detail
    lasted = ""
    if attempt.started_at and attempt.ended_at:
        lasted = f" in {_seconds(attempt.started_at, attempt.ended_at):.2f} s"
    yield f"  ended   {attempt.state}{lasted}{f': {because}' if because else ''}"
    if attempt.leftovers:
        yield f"  ended   {attempt.leftovers} processes it had left behind"
    for line in output.splitlines():
        yield f"  | {line}"
    if attempt.cut:
        yield f"  … {attempt.cut} further bytes were not kept"


def _seconds(start: datetime, end: datetime) -> float:
    """Return what lies between two times as everybody is told them: in milliseconds."""
    told_start, told_end = (parse_time(time_string(time)) for time in (start, end))
    return (told_end - told_start).total_seconds()


def _delivery(delivery: Delivery) -> str:
    out = delivery.outgoing
    tries = f", {delivery.attempts} attempts" if delivery.attempts > 1 else ""
    trouble = f": {delivery.last_error}" if delivery.last_error else ""
    return f"\n{out.kind:9} {out.type}\n  {delivery.state}   id {out.id}{tries}{trouble}"
