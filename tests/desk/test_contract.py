"""What `service.desk.Desk` promises, of both desks."""

import asyncio

import pytest

from service.desk import Asker, Listed
from service.errors import BadEvent, InvalidName, UnknownRun, UnknownScript
from service.keptn_events import Belonging
from service.states import State

PLACE = Belonging(project="sockshop", stage="dev", service="carts")
ECHO = {"test.triggered.sh": '#!/bin/bash\n# Says hello.\necho "hello $SERVICE $COLOR"\n'}
SLEEP = {"test.triggered.sh": "echo begun\nsleep 60\n"}


def test_a_wish_is_run_and_says_who_asked(at, wish, alice):
    async def scene(desk):
        run = await desk.run(wish(values={"COLOR": "blue"}), alice)
        return run, await desk.wait(run, seconds=15)

    run, ran = at(ECHO, scene)

    assert (ran.id, ran.state, ran.type) == (run, State.PASSED, "sh.keptn.event.test.triggered")
    assert (ran.asked_by, ran.script, ran.place) == ("alice", "test.triggered.sh", PLACE)
    assert ran.seconds is not None


def test_what_was_asked_for_is_on_disk_when_the_answer_comes(at, wish, alice):
    async def scene(desk):
        run = await desk.run(wish(), alice)
        return run, (await desk.found(run)).id

    run, found = at(ECHO, scene)

    assert found == run


def test_values_reach_the_script_as_labels_or_as_values_of_the_action(at, wish, alice):
    scripts = {
        "test.triggered.sh": 'echo "$LABEL_COLOR"\n',
        "action.triggered.scale.sh": 'echo "$VALUE_COLOR"\n',
    }

    async def scene(desk):
        said = []
        for one in (
            wish(values={"COLOR": "blue"}),
            wish("", action="scale", values={"COLOR": "b"}),
        ):
            run = await desk.run(one, alice)
            await desk.wait(run, seconds=15)
            said += await desk.output(run)
        return said

    assert at(scripts, scene) == [
        ("test.triggered.sh", "blue\n"),
        ("action.triggered.scale.sh", "b\n"),
    ]


def test_a_type_that_is_not_keptns_stands_as_it_is(at, wish, alice):
    async def scene(desk):
        run = await desk.run(wish("com.example.pushed"), alice)
        return await desk.wait(run, seconds=15)

    ran = at({"com.example.pushed.sh": "echo\n"}, scene)

    assert (ran.type, ran.state, ran.script) == (
        "com.example.pushed",
        State.PASSED,
        "com.example.pushed.sh",
    )


def test_secrets_are_masked_in_outputs_and_in_texts_of_scripts(at, wish, alice):
    scripts = {"test.triggered.sh": "echo very-secret-token $ENV_API_TOKEN\n"}

    async def scene(desk):
        run = await desk.run(wish(), alice)
        await desk.wait(run, seconds=15)
        return await desk.output(run), (await desk.script("test.triggered.sh", PLACE)).text

    output, text = at(scripts, scene, GENEXEC_EXPOSE_ENV="API_TOKEN")

    assert output == [("test.triggered.sh", "*** ***\n")]
    assert text == "echo *** $ENV_API_TOKEN\n"


def test_scripts_are_listed_with_those_of_inner_levels_first(at):
    scripts = {
        "sockshop/dev/carts/generic-executor/a.sh": "# Inner.\n",
        "sockshop/generic-executor/a.sh": "#!/bin/bash\n#\n# genexec: timeout=5m\n# Outer.\n",
        "sockshop/generic-executor/b.http": "GET http://example.com\n",
        "other/generic-executor/c.sh": "x",
        "generic-executor/d.py": "x",
    }

    found = at(scripts, lambda desk: desk.scripts(PLACE))

    assert list(found) == [
        Listed(
            name="a.sh",
            level="service",
            path="sockshop/dev/carts/generic-executor/a.sh",
            about="Inner.",
        ),
        Listed(
            name="a.sh",
            level="project",
            path="sockshop/generic-executor/a.sh",
            about="Outer.",
            shadowed=True,
        ),
        Listed(name="b.http", level="project", path="sockshop/generic-executor/b.http"),
        Listed(name="d.py", level="project", path="generic-executor/d.py"),
    ]


def test_a_script_is_shown_with_its_text(at):
    shown = at(ECHO, lambda desk: desk.script("test.triggered.sh", PLACE))

    assert shown.text == ECHO["test.triggered.sh"]
    assert (shown.listed.level, shown.listed.about) == ("project", "Says hello.")


@pytest.mark.parametrize("name", ["missing.sh", "../../etc/passwd", "a/../test.triggered.sh", ""])
def test_a_script_that_is_not_there_is_unknown(at, name):
    async def scene(desk):
        with pytest.raises(UnknownScript):
            await desk.script(name, PLACE)

    at(ECHO, scene)


def test_the_scripts_of_no_project_are_refused_with_the_way_out(at):
    async def scene(desk):
        with pytest.raises(InvalidName, match="project"):
            await desk.scripts(Belonging())

    at(ECHO, scene)


def test_explaining_names_the_script_that_would_run_and_runs_nothing(at, wish):
    async def scene(desk):
        told = await desk.explain(wish())
        return told, await desk.runs(limit=5, place=Belonging())

    told, runs = at(ECHO, scene)

    assert [one["script"] for one in told["runs"]] == ["test.triggered.sh"]
    assert told["event"]["type"] == "sh.keptn.event.test.triggered"
    assert list(runs) == []


def test_a_rerun_is_a_new_run_of_the_same_event(at, wish, alice):
    async def scene(desk):
        first = await desk.run(wish(values={"COLOR": "blue"}), alice)
        await desk.wait(first, seconds=15)
        second = await desk.rerun(first, Asker(name="bob"))
        ran = await desk.wait(second, seconds=15)
        return first, ran, await desk.output(second)

    first, ran, output = at({"test.triggered.sh": 'echo "$LABEL_COLOR"\n'}, scene)

    assert ran.id != first
    assert (ran.state, ran.asked_by) == (State.PASSED, "bob")
    assert output == [("test.triggered.sh", "blue\n")]


def test_a_running_script_is_cancelled_and_its_run_says_by_whom(at, wish, alice, until):
    async def scene(desk):
        run = await desk.run(wish(), alice)
        await until(lambda: is_in(desk, run, State.RUNNING))
        cancelled = await desk.cancel(run, Asker(name="bob"))
        return cancelled, await desk.wait(run, seconds=15), await desk.cancel(run, alice)

    cancelled, ran, again = at(SLEEP, scene)

    assert (cancelled, again) == (True, False)
    assert (ran.state, ran.reason) == (State.CANCELLED, "cancelled by bob")


def test_a_run_that_waits_for_its_turn_is_cancelled(at, wish, alice, until):
    async def scene(desk):
        first = await desk.run(wish(), alice)
        await until(lambda: is_in(desk, first, State.RUNNING))
        second = await desk.run(wish(), alice)
        cancelled = await desk.cancel(second, alice)
        ran = await desk.wait(second, seconds=15)
        return cancelled, ran, (await desk.found(first)).state

    cancelled, ran, other = at(SLEEP, scene, GENEXEC_AT_ONCE="1")

    assert (cancelled, ran.state, other) == (True, State.CANCELLED, State.RUNNING)


async def is_in(desk, run, state):
    return (await desk.found(run)).state is state


def test_waiting_ends_in_time_although_the_run_does_not(at, wish, alice):
    async def scene(desk):
        run = await desk.run(wish(), alice)
        began = asyncio.get_running_loop().time()
        ran = await desk.wait(run, seconds=1.0)
        return ran.state.ended, asyncio.get_running_loop().time() - began

    ended, seconds = at(SLEEP, scene)

    assert not ended
    assert seconds < 3.0


def test_runs_are_listed_newest_first_and_by_place(at, wish, alice):
    async def scene(desk):
        runs = [
            await desk.run(wish(), alice),
            await desk.run(wish(stage="prod"), alice),
            await desk.run(wish(), alice),
        ]
        for run in runs:
            await desk.wait(run, seconds=15)
        everywhere = await desk.runs(limit=10, place=Belonging())
        dev = await desk.runs(limit=1, place=PLACE)
        return runs, [ran.id for ran in everywhere], [ran.id for ran in dev]

    runs, everywhere, dev = at(ECHO, scene)

    assert everywhere == runs[::-1]
    assert dev == [runs[2]]


def test_a_run_is_found_by_the_beginning_of_its_id(at, wish, alice):
    async def scene(desk):
        run = await desk.run(wish(), alice)
        return run, (await desk.found(run[:12])).id

    run, found = at(ECHO, scene)

    assert found == run


@pytest.mark.parametrize("question", ["found", "output", "rerun", "cancel"])
def test_an_unknown_run_is_told_as_such(at, question, alice):
    async def scene(desk):
        who = (alice,) if question in ("rerun", "cancel") else ()
        with pytest.raises(UnknownRun):
            await getattr(desk, question)("zzz", *who)

    at(ECHO, scene)


@pytest.mark.parametrize(
    "wrong",
    [{"project": "../x"}, {"type_": ""}, {"action": "scale"}, {"type_": "", "action": "a b"}],
)
def test_a_wish_that_cannot_be_meant_is_refused(at, wish, alice, wrong):
    async def scene(desk):
        with pytest.raises(BadEvent):
            await desk.run(wish(**wrong), alice)
        return await desk.runs(limit=1, place=Belonging())

    assert list(at(ECHO, scene)) == []


def test_an_event_without_a_script_is_ignored(at, wish, alice):
    async def scene(desk):
        return await desk.wait(await desk.run(wish("other.triggered"), alice), seconds=15)

    ran = at(ECHO, scene)

    assert (ran.state, ran.reason, ran.script, ran.seconds) == (
        State.IGNORED,
        "no script",
        "",
        None,
    )


def test_the_status_tells_about_the_engine_and_counts_runs(at, wish, alice):
    async def scene(desk):
        await desk.wait(await desk.run(wish(), alice), seconds=15)
        return await desk.status()

    status = at(ECHO, scene)

    assert status["runs"]["passed"] == 1
    assert {"running", "at_once", "isolation", "troubles"} <= status["engine"].keys()


def test_a_name_with_control_characters_is_recorded_in_one_line(at, wish):
    async def scene(desk):
        run = await desk.run(wish(), Asker(name="eve\n\x1b[2Jroot", url="\0"))
        return (await desk.found(run)).asked_by

    assert at(ECHO, scene) == "eve  [2Jroot"
