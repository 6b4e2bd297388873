"""The campaign would find what it does not find: evidence of every broken promise."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from campaign.evidence import Evidence, Sign
from campaign.leaks import encodings, leaks_in_files
from campaign.ledger import as_table, entry_of
from campaign.plan import Planned, planned_events, planned_kills
from campaign.processes import Escaped
from campaign.promises import broken_promises
from campaign.scripts import KINDS, SECRETS
from service.runs import Run
from service.states import State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def planned(id_, kind="quick", context="c"):
    return Planned(id=id_, kind=KINDS[kind], context=context, document={}, at=0)


def run(id_, state=State.PASSED, number=1):
    return Run(
        id=f"run-{id_}-{number}", seq=number, event_id=id_, source="campaign", type="t",
        context="c", project="p", stage="", service="", state=state, accepted_at=NOW,
    )  # fmt: skip


def answer(id_, kind, own, context="c", result="pass"):
    return {
        "id": own,
        "type": f"sh.keptn.event.quick.{kind}",
        "triggeredid": id_,
        "shkeptncontext": context,
        "data": {"result": result} if kind == "finished" else {},
    }


def signs(id_, script="quick.triggered.sh", attempt=1):
    return [Sign(what=w, event=id_, script=script, attempt=attempt) for w in ("start", "end")]


@pytest.fixture
def good():
    """The evidence of one event that went as promised."""
    return Evidence(
        events={"a": planned("a")},
        accepted={"a": 1.0},
        repeated=set(),
        refused={},
        signs=signs("a"),
        taken=[answer("a", "started", "1"), answer("a", "finished", "2")],
        received=2,
        runs={"a": [run("a")]},
        created={"c": ["1", "2"]},
        pending=0,
        dead=0,
        damage=(),
        escaped=(),
        leaks=(),
        faults=(),
        exits=(0,),
        slowest_start=1.0,
    )


def test_what_was_promised_and_kept_is_no_finding(good):
    assert broken_promises(good) == []


BROKEN = {
    "accepted and never finished": ("R1", {"taken": [answer("a", "started", "1")]}),
    "never accepted": ("R1", {"accepted": {}}),
    "finished twice under two ids": (
        "R2",
        {
            "taken": [
                answer("a", "started", "1"),
                answer("a", "finished", "2"),
                answer("a", "finished", "3"),
            ],
            "created": {"c": ["1", "2", "3"]},
        },
    ),
    "finished before started": (
        "R2",
        {
            "taken": [answer("a", "finished", "2"), answer("a", "started", "1")],
            "created": {"c": ["2", "1"]},
        },
    ),
    "passed without having run": ("R2", {"signs": ()}),
    "failed although its script passes": ("R2", {"runs": {"a": [run("a", State.FAILED)]}}),
    "delivered and unknown to the record": ("R2", {"created": {}}),
    "started twice": ("R3", {"signs": [*signs("a"), *signs("a")]}),
    "started again without leave": ("R3", {"signs": [*signs("a"), *signs("a", attempt=2)]}),
    "a process that lived on": (
        "R4",
        {"escaped": [Escaped(pid=1, started=1, event="a", what="sleep")]},
    ),
    "out of order": ("R5", {"created": {"c": ["2", "1"]}}),
    "two runs of one event": ("R7", {"runs": {"a": [run("a"), run("a", number=2)]}}),
    "a repetition that was refused": ("R7", {"refused": {"a": "422"}}),
    "a fault in the log": ("R8", {"faults": ["Traceback"]}),
    "a script that was not seen": ("R10", {"runs": {"a": [run("a", State.IGNORED)]}}),
    "a secret in a file": ("R11", {"leaks": ["file holds a secret"]}),
    "an end that was not orderly": ("R15", {"exits": (0, -1)}),
    "a slow start": ("R16", {"slowest_start": 11.0}),
    "a damaged journal": ("R18", {"damage": ["record.db: malformed"]}),
    "a run that stays open": ("R2", {"runs": {"a": [run("a", State.RUNNING)]}}),
    "an answer that is never sent": ("R6", {"pending": 1}),
}


@pytest.mark.parametrize(("promise", "change"), BROKEN.values(), ids=BROKEN)
def test_a_broken_promise_is_found(good, promise, change):
    findings = broken_promises(replace(good, **change))

    assert {finding.promise for finding in findings} == {promise}


def test_a_repeatable_script_may_start_three_times_and_no_more(good):
    event = planned("a", "trying")
    script = event.kind.scripts[0]
    tried = [sign for n in (1, 2, 3) for sign in signs("a", script, n)]
    evidence = replace(good, events={"a": event}, signs=tried)

    four = replace(evidence, signs=[*tried, *signs("a", script, 4)])

    assert broken_promises(evidence) == []
    assert [finding.promise for finding in broken_promises(four)] == ["R3"]


def test_an_event_without_a_script_is_to_be_ignored(good):
    event = planned("a", "nobody")
    evidence = replace(good, events={"a": event}, signs=(), taken=(), created={})

    kept = broken_promises(replace(evidence, runs={"a": [run("a", State.IGNORED)]}))
    broken = broken_promises(replace(evidence, runs={"a": [run("a", State.ERRORED)]}))

    assert kept == []
    assert [finding.promise for finding in broken] == ["R10"]


def test_the_ledger_counts_what_is_broken(good):
    evidence = replace(good, signs=[*signs("a"), *signs("a")])

    entry = entry_of("kills", evidence, broken_promises(evidence), {})

    assert entry.counts["doubled"] == 1
    assert entry.counts["finished"] == 1
    assert as_table([entry]).splitlines()[2].split("|")[1].strip() == "kills"


@pytest.mark.parametrize("value", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_found_as_it_is(tmp_path, value):
    (tmp_path / "log").write_text(f"before {value} behind")

    assert len(list(leaks_in_files(encodings([value]), tmp_path))) == 1


def test_a_secret_is_found_inside_a_longer_base64_text(tmp_path):
    (tmp_path / "log").write_text("eHh4eHRvay03UW0yeFY5ckx3NHp4eA==")  # xxxxtok-7Qm2xV9rLw4zxx

    assert len(list(leaks_in_files(encodings(["tok-7Qm2xV9rLw4z"]), tmp_path))) == 1


def test_other_texts_hold_no_secret(tmp_path):
    (tmp_path / "log").write_text("nothing to see")

    assert list(leaks_in_files(encodings(SECRETS.values()), tmp_path)) == []


def test_a_seed_repeats_the_plan():
    def plan():
        random = Random("7/kills")
        return planned_events(random, count=50, seconds=5, prefix="k"), planned_kills(random, 9, 2)

    assert plan() == plan()
