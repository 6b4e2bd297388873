"""The events we send: `started`, `finished`, and what a script asked for.

Identity (context, project, stage, service, source, correlation) always comes from the
event that was accepted, never from a script. Two dialects: family A is answered as the
Go library of Keptn 0.7 did, family B by the rules of the shipyard-controller (Keptn
specification 0.2.4). Called by `handling`; `delivery` sends the bytes made here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from service.event import Event, text
from service.keptn_events import Belonging, Meaning, Reply, pick
from service.outcome import ERROR_OBJECT, FollowUp, Outcome
from service.runs import Outgoing
from service.states import State
from service.strict_json import Json, escaped
from service.times import time_string

SOURCE = "generic-executor-service"
SPEC_VERSION = "0.2.4"
MAX_EVENT = 64 * 1024
"""Bytes; several versions of Keptn drop what is larger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """What all answers to one event have in common."""

    event: Event
    meaning: Meaning
    belonging: Belonging
    run: str
    hops: int
    """How many events of ours led to the event that is answered."""
    new_id: Callable[[], str]

    def started(self, script: str, *, now: datetime) -> Outgoing | None:
        """Return the `started` event, None when nobody waits for one."""
        if self.meaning.reply is Reply.NONE:
            return None
        identity, type_ = self.new_id(), self._type("started")
        data = {**self._where(), **self._labels(self._action_labels(script))}
        made = self._outgoing("started", type_, data, identity, now=now)
        if len(made.body) <= MAX_EVENT:
            return made
        return self._outgoing("started", type_, self._where(), identity, now=now)

    def finished(
        self, outcomes: Mapping[str, Outcome], state: State, *, now: datetime
    ) -> Outgoing | None:
        """Return the `finished` event for *outcomes* (by script, in order), None when unasked.

        *state* is that of the whole run. The output is cut so that the event fits.
        """
        if self.meaning.reply is Reply.NONE:
            return None
        fill = self._action_data if self.meaning.reply is Reply.ACTION else self._task_data
        identity = self.new_id()

        def make(said: str, *, slim: bool = False) -> Outgoing:
            data = fill(outcomes, state, said, slim=slim)
            return self._outgoing("finished", self._type("finished"), data, identity, now=now)

        said = _joined(outcomes) if self.meaning.reply is Reply.TASK else _spoken(outcomes)
        whole = make(said)
        if len(whole.body) <= MAX_EVENT:
            return whole
        if len(make("").body) <= MAX_EVENT:
            return _fitted(make, said, run=self.run)
        note = f"[structured result and labels left out: too large; see genexec show {self.run}]\n"
        return _fitted(partial(make, slim=True), note + said, run=self.run)

    def follow_up(self, wanted: FollowUp, *, now: datetime) -> Outgoing | None:
        """Return the event a script asked for, in the dialect of the event that caused it.

        None when it is larger than an event may be.
        """
        incoming = _mapping(self.event.fields, "labels")
        labels = {name: text(value) for name, value in incoming.items()} | dict(wanted.labels)
        data = {**wanted.data, **self._where(), **({"labels": labels} if labels else {})}
        made = self._outgoing("follow-up", wanted.type, data, self.new_id(), now=now)
        return made if len(made.body) <= MAX_EVENT else None

    def answer_type(self) -> str:
        """Return the type of our own `finished`, which a script may not send; empty if none."""
        return "" if self.meaning.reply is Reply.NONE else self._type("finished")

    def _type(self, kind: str) -> str:
        return self.event.type.rpartition(".")[0] + "." + kind

    def _action_data(
        self, outcomes: Mapping[str, Outcome], state: State, said: str, *, slim: bool
    ) -> Mapping[str, Json]:
        whole = Outcome(state=state, output="")
        labels = {} if slim else self._labels(self._action_labels(next(iter(outcomes))))
        result = "fail" if whole.result == "fail" else "pass"  # family A knows no warning
        silent = "errored" if result == "fail" else "succeeded"
        action = {"result": result, "status": said or silent}
        return {**self._where(), "action": action, **labels}

    def _task_data(
        self, outcomes: Mapping[str, Outcome], state: State, said: str, *, slim: bool
    ) -> Mapping[str, Json]:
        whole = Outcome(state=state, output="")
        structured = {} if slim else _merged(outcomes)
        return {
            **self._where(),
            **({} if slim else self._labels({})),
            "status": whole.status,
            "result": whole.result,
            **({"message": said} if said else {}),
            **({self.meaning.task: structured} if structured else {}),
        }

    def _where(self) -> dict[str, Json]:
        where = self.belonging
        given = {"project": where.project, "stage": where.stage, "service": where.service}
        return {k: v for k, v in given.items() if v or self.meaning.reply is Reply.ACTION}

    def _labels(self, own: Mapping[str, str]) -> dict[str, Json]:
        """Go consumers fail on labels that are not texts; the incoming value wins."""
        incoming = _mapping(self.event.fields, "labels")
        labels = {**own, **{name: text(value) for name, value in incoming.items()}}
        return {"labels": labels} if labels else {}

    def _action_labels(self, script: str) -> dict[str, str]:
        if self.meaning.reply is not Reply.ACTION:
            return {}
        url = text(pick(self.event.fields, "problem", "ProblemURL"))
        action = text(pick(self.event.fields, "action", "action"))
        return {**({"Problem URL": url} if url else {}), action: script}

    def _outgoing(
        self, kind: str, type_: str, data: Mapping[str, Json], identity: str, *, now: datetime
    ) -> Outgoing:
        return Outgoing(
            id=identity,
            run=self.run,
            type=type_,
            context=self.event.context or self.run,
            kind=kind,
            hops=self.hops + 1,
            body=self._body(identity, type_, data, now=now),
            created_at=now,
        )

    def _body(self, identity: str, type_: str, data: Mapping[str, Json], *, now: datetime) -> bytes:
        event = self.event
        document: dict[str, Json] = {
            "specversion": event.specversion,
            "type": type_,
            "source": SOURCE,
            "id": identity,
            "time": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        if event.specversion != "1.0":
            context = {"shkeptncontext": event.context} if event.context else {}
            document |= {"time": time_string(now), "contenttype": "application/json", **context}
            return escaped(document | {"data": data})
        named = {
            "datacontenttype": "application/json",
            "shkeptncontext": event.context,
            "triggeredid": event.id if self.meaning.reply is Reply.TASK else "",
            "gitcommitid": event.extension("gitcommitid"),
            "shkeptnspecversion": self._spec_version(),
        }
        document |= {name: value for name, value in named.items() if value}
        return escaped(document | {"data": data})

    def _spec_version(self) -> str:
        if not self.event.type.startswith("sh.keptn."):
            return ""
        return self.event.extension("shkeptnspecversion") or SPEC_VERSION


def _spoken(outcomes: Mapping[str, Outcome]) -> str:
    """Return the output of an action; the reason when the script never spoke."""
    outcome = next(iter(outcomes.values()))
    unrun = outcome.status == "errored" and outcome.reason != ERROR_OBJECT
    return outcome.output.strip() or (outcome.reason if unrun else "")


def _joined(outcomes: Mapping[str, Outcome]) -> str:
    parts = []
    for script, outcome in outcomes.items():
        tells = outcome.state is not State.PASSED and outcome.reason != ERROR_OBJECT
        lines = [outcome.reason] if tells and outcome.reason else []
        lines += [outcome.output.strip()] if outcome.output.strip() else []
        if len(outcomes) > 1:
            lines.insert(0, f"{script}:")
        parts.append("\n".join(lines))
    return "\n".join(part for part in parts if part)


def _merged(outcomes: Mapping[str, Outcome]) -> dict[str, Json]:
    merged: dict[str, Json] = {}
    for outcome in outcomes.values():
        merged |= outcome.structured
    return merged


def _mapping(fields: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = pick(fields, key)
    return value if isinstance(value, Mapping) else {}


def _fitted(make: Callable[[str], Outgoing], said: str, *, run: str) -> Outgoing:
    """Return the event with as much of *said* as fits, most of it from the end.

    Both ends tell something: the first lines what was tried, the last ones why it failed.
    """
    whole = make(said)
    room = MAX_EVENT - len(whole.body) + _written_size(said)
    kept = len(said)
    while len(whole.body) > MAX_EVENT and kept > 0:
        size = max(_written_size(said[:kept]), 1)
        kept = max(min(kept * max(room - 200, 0) // size, kept * 9 // 10), 0)
        head = kept // 4
        tail = kept - head
        note = f"\n[… {len(said) - kept} characters cut; all of it: genexec show {run} …]\n"
        whole = make(said[:head] + note + said[len(said) - tail :])
    return whole


def _written_size(said: str) -> int:
    return len(escaped(said))
