"""Every case of `resolution.yaml`, asked of every source.

What is decided must not depend on where scripts are kept: the model in memory says what the
rules alone lead to, a real repository and a real directory must agree.
"""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import yaml

from service.decision import decide
from service.errors import InvalidName
from service.keptn_events import Belonging, belonging_of
from service.scripts import Layout

CASES = yaml.safe_load(Path(__file__).with_name("resolution.yaml").read_text())
EXPECTATIONS = {"runs", "ignored", "refused", "problem"}
KEYS = EXPECTATIONS | {"case", "event", "in", "action", "data", "attributes", "defaults"}
KEYS |= {"layout", "files", "at", "wrong"}


def belonging(text):
    names = [name if name != "-" else "" for name in text.split("/", 2)]
    return Belonging(**dict(zip(("project", "stage", "service"), names, strict=True)))


def parametrised(key):
    """Return the cases that expect *key*; those known to be wrong must fail."""
    return [
        pytest.param(
            case,
            id=case["case"],
            marks=[pytest.mark.xfail(strict=True, reason=case["wrong"])] if "wrong" in case else [],
        )
        for case in CASES
        if key(case)
    ]


@pytest.fixture
def event_of(make_event):
    """Make the event of a case; *commits* are the ids of the commits it may name."""

    def make(case, commits):
        version, type_ = case["event"].split(" ", 1)
        where = belonging(case.get("in", "sockshop/dev/carts"))
        data = {level: getattr(where, level) for level in ("project", "stage", "service")}
        data = {level: name for level, name in data.items() if name}
        if "action" in case:
            data["action"] = {"action": case["action"]}
        attributes = dict(case.get("attributes", {}))
        if "at" in case:
            attributes["gitcommitid"] = commits.get(case["at"], "f" * 40)
        data |= case.get("data", {})
        return make_event(type_, specversion=version, data=data, **attributes)

    return make


async def asked(opened, event_of, case):
    async with opened as (source, commits):
        return await told(source, event_of(case, commits), case)


async def told(source, event, case):
    """Return in the words of the corpus what is decided for *event*."""
    where = belonging_of(event, belonging(case.get("defaults", "-/-/-")))
    layout = Layout(case.get("layout", "branches"))
    decision = await decide(event, where, source=source, layout=layout)
    if decision.listing is not None and decision.listing.problem:
        return {"problem": True}
    if decision.ignored:
        return {"ignored": decision.ignored}
    return {"runs": [await line(source, script) for script in decision.plan.scripts]}


async def line(source, script):
    level, place = script.place.level.value, script.place
    if script.problem:
        where = f"{place.branch or 'main'}:{place.folder}/{script.name}"
        return f"{level} {where} ! {script.problem}"
    content = (await source.read(script)).decode()
    under = "" if content.endswith(f"/{script.name}") else f" as {script.name}"
    return f"{level} {content}{under}"


@pytest.mark.parametrize(
    "case", parametrised(lambda case: "refused" not in case and "at" not in case)
)
@pytest.mark.parametrize("kind", ["memory", "directory", "git"])
def test_the_same_scripts_run_whatever_they_are_kept_in(kept_in, event_of, kind, case):
    decided = asyncio.run(asked(kept_in(kind, case), event_of, case))

    assert decided == {key: case[key] for key in EXPECTATIONS & set(case)}


@pytest.mark.parametrize("case", parametrised(lambda case: "at" in case))
@pytest.mark.parametrize("kind", ["memory", "git"])
def test_the_same_scripts_run_at_the_commit_of_the_event(kept_in, event_of, kind, case):
    decided = asyncio.run(asked(kept_in(kind, case), event_of, case))

    assert decided == {key: case[key] for key in EXPECTATIONS & set(case)}


@pytest.mark.parametrize("case", parametrised(lambda case: "refused" in case))
def test_an_invalid_name_is_refused_before_any_source_is_asked(event_of, case):
    with pytest.raises(InvalidName) as refusal:
        belonging_of(event_of(case, {}), belonging(case.get("defaults", "-/-/-")))

    assert str(refusal.value).startswith(case["refused"])


def test_there_are_at_least_100_cases_and_each_has_a_name_of_its_own():
    names = Counter(case["case"] for case in CASES)

    assert len(CASES) >= 100
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("case", parametrised(lambda case: "wrong" not in case))
def test_a_case_is_written_as_documented(case):
    assert set(case) <= KEYS
    assert len(EXPECTATIONS & set(case)) == 1
    assert {"case", "event", "files"} <= set(case)
    files = {file.partition(" -> ")[0].removesuffix(" (empty)") for file in case["files"]}
    named = {run.split(" ", 1)[1] for run in case.get("runs", [])}
    assert {name.partition(" as ")[0].partition(" ! ")[0] for name in named} <= files
    assert (
        "at" not in case
        or case["at"] == "unknown"
        or any(file.startswith(f"{case['at']}:") for file in files)
    )
