"""What was promised, held against the evidence (threats and faults, section 4).

Every function looks at one promise and yields what breaks it. Nothing here waits or asks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from campaign.evidence import Evidence
from campaign.plan import Planned
from campaign.scripts import ATTEMPTS
from service.runs import Run
from service.states import State


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One broken promise."""

    promise: str
    """Its id, `R1` to `R18`."""
    events: tuple[str, ...]
    said: str
    column: str = ""
    """The column of the ledger that counts it, when it is not the one of the promise."""


def broken_promises(evidence: Evidence) -> list[Finding]:
    """Return everything that is wrong, by promise."""
    checks = (
        _r1_lost, _r2_answers, _r2_untrue, _r2_unfair, _r2_stuck, _r3_starts, _r4_escaped,
        _r5_order, _r6_waiting, _r7_repetitions, _r8_faults, _r10_lookups, _r11_leaks,
        _r15_ends, _r16_starts, _r18_damage,
    )  # fmt: skip
    return [finding for check in checks for finding in check(evidence)]


def answers_to(evidence: Evidence) -> Mapping[str, Mapping[str, list[Mapping[str, object]]]]:
    """Return the answers that the sink took by event id and kind (`started`, `finished`)."""
    by_context = {
        event.context: event.id
        for event in evidence.events.values()
        if event.kind.answer == "action"
    }
    found: dict[str, dict[str, list[Mapping[str, object]]]] = defaultdict(
        lambda: {"started": [], "finished": []}
    )
    for taken in evidence.taken:
        kind = str(taken["type"]).rpartition(".")[2]
        asked = str(
            taken.get("triggeredid") or by_context.get(str(taken.get("shkeptncontext")), "")
        )
        if asked and kind in ("started", "finished"):
            found[asked][kind].append(taken)
    return found


def _r1_lost(evidence: Evidence) -> Iterator[Finding]:
    """R1: an event answered with 202 is never lost."""
    answers = answers_to(evidence)
    signed = {sign.event for sign in evidence.signs}
    for id_ in evidence.accepted:
        event = evidence.events[id_]
        if event.kind.answer and event.kind.scripts:
            there = bool(answers[id_]["finished"]) if id_ in answers else False
        else:
            there = id_ in signed or id_ in evidence.runs
        if not there:
            yield _finding("R1", event, "accepted, and nothing came of it", evidence)
    for event in evidence.events.values():
        if event.id not in evidence.accepted:
            why = evidence.refused.get(event.id, "never")
            yield _finding("R1", event, f"a good sender could not get rid of it: {why}", evidence)


def _r2_answers(evidence: Evidence) -> Iterator[Finding]:
    """R2: exactly one started id and one finished id, in this order."""
    places = {taken["id"]: place for place, taken in enumerate(evidence.taken)}
    for id_, kinds in answers_to(evidence).items():
        event = evidence.events.get(id_)
        if event is None:
            yield Finding(promise="R2", events=(id_,), said="an answer to something never sent")
            continue
        counts = {kind: len(taken) for kind, taken in kinds.items()}
        if counts == {"started": 1, "finished": 0} and id_ in evidence.accepted:
            continue  # lost, see R1
        if counts != {"started": 1, "finished": 1}:
            yield _finding("R2", event, f"ids taken by the sink: {counts}", evidence)
        elif places[kinds["started"][0]["id"]] > places[kinds["finished"][0]["id"]]:
            yield _finding("R2", event, "finished came before started", evidence)


def _r3_starts(evidence: Evidence) -> Iterator[Finding]:
    """R3: once, or at most three times with an attempt number when declared repeatable."""
    starts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for sign in evidence.signs:
        if sign.what == "start":
            starts[sign.event, sign.script].append(sign.attempt)
    for (id_, script), attempts in starts.items():
        event = evidence.events.get(id_)
        if event is None:
            yield Finding(promise="R3", events=(id_,), said=f"{script} ran for nothing ever sent")
            continue
        most = ATTEMPTS if event.kind.repeatable else 1
        if len(attempts) > most or len(set(attempts)) < len(attempts) or max(attempts) > most:
            yield _finding("R3", event, f"{script} was started as attempts {attempts}", evidence)


def _r4_escaped(evidence: Evidence) -> Iterator[Finding]:
    """R4: two seconds later nothing of a run is left."""
    for process in {(one.pid, one.started): one for one in evidence.escaped}.values():
        said = f"process {process.pid} lived on: {process.what}"
        yield Finding(promise="R4", events=(process.event or "unknown",), said=said)


def _r5_order(evidence: Evidence) -> Iterator[Finding]:
    """R5: events of one context are delivered in the order they were created."""
    came: dict[str, list[str]] = defaultdict(list)
    place = {id_: context for context, ids in evidence.created.items() for id_ in ids}
    for event in evidence.taken:
        id_ = str(event["id"])
        came[place.get(id_, "")].append(id_)
    for id_ in came.pop("", ()):
        yield Finding(promise="R2", events=(id_,), said="delivered, but the record has no such id")
    for context, ids in came.items():
        wanted = [id_ for id_ in evidence.created[context] if id_ in set(ids)]
        if wanted != ids:
            yield Finding(promise="R5", events=tuple(ids), said=f"order in {context}: {wanted}")


def _r7_repetitions(evidence: Evidence) -> Iterator[Finding]:
    """R7: the same event again is answered 2xx, and there is one run."""
    for id_, status in evidence.refused.items():
        if id_ in evidence.accepted:
            said = f"sent again, it was answered {status}"
            yield _finding("R7", evidence.events[id_], said, evidence)
    for id_, runs in evidence.runs.items():
        if len(runs) > 1 and id_ in evidence.events:
            said = f"it has {len(runs)} runs"
            yield _finding("R7", evidence.events[id_], said, evidence)


def _r10_lookups(evidence: Evidence) -> Iterator[Finding]:
    """R10: a remote that is away is never mistaken for "no script"."""
    for event in evidence.events.values():
        for run in evidence.runs.get(event.id, ()):
            found_none = run.state in (State.IGNORED, State.UNRESOLVED)
            if found_none == bool(event.kind.scripts):
                yield _finding("R10", event, f"it is {run.state}: {run.reason}", evidence)


def _r11_leaks(evidence: Evidence) -> Iterator[Finding]:
    """R11: no secret is written anywhere."""
    for leak in sorted(set(evidence.leaks)):
        yield Finding(promise="R11", events=(), said=leak)


def _r2_stuck(evidence: Evidence) -> Iterator[Finding]:
    """R2: no run stays open, every state has a deadline."""
    stuck = {State.ACCEPTED, State.QUEUED, State.RUNNING, State.UNRESOLVED}
    for id_, runs in evidence.runs.items():
        for run in runs:
            if run.state in stuck:
                said = f"run {run.id} of {id_} is still {run.state} {run.reason}"
                yield Finding(promise="R2", events=(id_,), said=said, column="stuck")


def _r6_waiting(evidence: Evidence) -> Iterator[Finding]:
    """R6: once the sink is well, every answer is delivered."""
    if evidence.pending or evidence.dead:
        said = f"{evidence.pending} answers were never sent, {evidence.dead} are dead letters"
        yield Finding(promise="R6", events=(), said=said, column="stuck")


def _r2_untrue(evidence: Evidence) -> Iterator[Finding]:
    """R2: `pass` is said only of what was done: every script has signed its end."""
    ended = {(sign.event, sign.script) for sign in evidence.signs if sign.what == "end"}
    for id_, kinds in answers_to(evidence).items():
        event = evidence.events.get(id_)
        if event is None or not kinds["finished"]:
            continue
        data = kinds["finished"][0]["data"]
        said = data.get("result") or data.get("action", {}).get("result")  # type: ignore[attr-defined]  # of an action
        undone = [script for script in event.kind.scripts if (id_, script) not in ended]
        if said == "pass" and undone:
            yield _finding("R2", event, f"answered `pass` without {undone}", evidence)


def _r2_unfair(evidence: Evidence) -> Iterator[Finding]:
    """R2: `failed` is said only of scripts that fail.

    Else a campaign in which no script can run would find nothing.
    """
    for event in evidence.events.values():
        if event.kind.may_fail:
            continue
        for run in evidence.runs.get(event.id, ()):
            if run.state in (State.FAILED, State.WARNED):
                yield _finding("R2", event, f"its scripts pass, it {run.reason}", evidence)


def _r15_ends(evidence: Evidence) -> Iterator[Finding]:
    """R15: an orderly end has exit code 0."""
    if bad := [code for code in evidence.exits if code]:
        yield Finding(promise="R15", events=(), said=f"exit codes after SIGTERM: {bad}")


def _r8_faults(evidence: Evidence) -> Iterator[Finding]:
    """R8: no fault of its own is in the log."""
    for record in evidence.faults[:20]:
        yield Finding(promise="R8", events=(), said=f"the log tells of a fault: {record[:1500]}")


def _r16_starts(evidence: Evidence) -> Iterator[Finding]:
    """R16: ready again within 10 seconds."""
    if evidence.slowest_start > 10:
        said = f"the slowest start took {evidence.slowest_start:.1f} s"
        yield Finding(promise="R16", events=(), said=said)


def _r18_damage(evidence: Evidence) -> Iterator[Finding]:
    """R18: the files of the journal are sound."""
    for sentence in evidence.damage:
        yield Finding(promise="R18", events=(), said=sentence)


def _finding(promise: str, event: Planned, said: str, evidence: Evidence) -> Finding:
    runs: Sequence[Run] = evidence.runs.get(event.id, ())
    look = ", ".join(f"run {run.id} is {run.state}" for run in runs) or "no run"
    named = Counter(sign.what for sign in evidence.signs if sign.event == event.id)
    said = f"{said} ({event.kind.type}; {look}; witness: {dict(named)})"
    return Finding(promise=promise, events=(event.id,), said=said)
