"""The story of one event from the look-up to the answers."""

import json
from dataclasses import replace

import pytest

from service.errors import BadScript, RunnerLost, SourceMisconfigured, SourceUnavailable
from service.masks import Masks
from service.outcome import Ending, Execution
from service.states import State

ACTION = {"action": {"action": "scale"}, "project": "sockshop", "stage": "dev", "service": "carts"}


def bodies(stage):
    return [json.loads(event.body) for event in stage.left]


def kinds(stage):
    return [event.kind for event in stage.left]


def test_a_script_runs_and_the_sender_is_told_before_and_after(stage, play, execution):
    stage.script("test.triggered.sh", "echo hello\n")
    stage.runner.will("test.triggered.sh", execution("hello\n"))

    run = play(stage.handle(stage.accept()))

    assert (run.state, run.result, run.status) == (State.PASSED, "pass", "succeeded")
    assert run.message == "hello\n"
    assert [body["type"] for body in bodies(stage)] == [
        "sh.keptn.event.test.started",
        "sh.keptn.event.test.finished",
    ]


def test_a_script_starts_and_an_event_leaves_only_after_the_journal_has_it(stage, play):
    stage.script("test.triggered.sh")

    play(stage.handle(stage.accept()))

    assert stage.happened() == [
        ("begin", "running", "started"),
        ("leaves", "started"),
        ("runs", "test.triggered.sh"),
        ("end", "passed", "finished"),
        ("leaves", "finished"),
    ]


def test_all_scripts_run_in_order_with_one_started_and_one_finished(stage, play, execution):
    for name in ("all.events.sh", "test.triggered.sh", "test.triggered.py"):
        stage.script(name)
    stage.runner.will("test.triggered.sh", execution('{"a": 1, "b": 1}'))
    stage.runner.will("test.triggered.py", execution("no", exit_code=3))
    stage.runner.will("all.events.sh", execution('{"b": 2}'))

    run = play(stage.handle(stage.accept()))

    assert stage.scripts_run == ["test.triggered.sh", "test.triggered.py", "all.events.sh"]
    assert kinds(stage) == ["started", "finished"]
    assert (run.state, run.reason) == (State.FAILED, "exit code 3")
    data = bodies(stage)[-1]["data"]
    assert (data["result"], data["status"], data["test"]) == ("fail", "succeeded", {"a": 1, "b": 2})
    assert data["message"] == (
        'test.triggered.sh:\n{"a": 1, "b": 1}\n'
        "test.triggered.py:\nexit code 3\nno\n"
        'all.events.sh:\n{"b": 2}'
    )


def test_every_script_has_an_entry_before_the_first_one_starts(stage, play):
    stage.script("test.triggered.sh")
    stage.script("test.triggered.py")
    stage.runner.will("test.triggered.sh", RuntimeError("stop here"))

    with pytest.raises(RuntimeError):
        play(stage.handle(stage.accept()))

    entries = stage.journal.entries("run-1")
    assert [(entry.script, entry.state) for entry in entries] == [
        ("test.triggered.sh", State.RUNNING),
        ("test.triggered.py", State.QUEUED),
    ]
    assert entries[0].commit == entries[1].commit == "c" * 40


def test_an_action_is_done_by_the_first_script_only(stage, play):
    for name in ("action.triggered.scale.sh", "action.triggered.scale.py", "all.events.sh"):
        stage.script(name)

    play(stage.handle(stage.accept("sh.keptn.event.action.triggered", data=ACTION)))

    assert stage.scripts_run == ["action.triggered.scale.sh"]
    assert kinds(stage) == ["started", "finished"]


def test_an_event_nobody_waits_for_is_not_answered(stage, play):
    stage.script("com.example.hello.sh")

    run = play(stage.handle(stage.accept("com.example.hello")))

    assert (run.state, kinds(stage)) == (State.PASSED, [])


def test_without_a_script_nothing_is_said(stage, play):
    run = play(stage.handle(stage.accept()))

    assert (run.state, run.reason) == (State.IGNORED, "no script")
    assert stage.happened() == [("ignore", "ignored")]


@pytest.mark.parametrize("kind", ["started", "finished"])
def test_an_answer_of_our_own_that_comes_back_is_ignored(stage, play, kind, make_event):
    stage.script("all.events.sh")
    play(stage.handle(stage.accept()))
    back = next(event for event in bodies(stage) if event["type"].endswith(kind))

    accepted = stage.accept(back["type"], id=back["id"], source=back["source"])
    run = play(stage.handle(accepted))

    assert (run.state, run.reason) == (State.IGNORED, "an answer of our own")
    assert stage.scripts_run == ["all.events.sh"]


LOOPS = {
    "an event that causes itself": {
        "test.finished.sh": "sh.keptn.event.test.finished",
    },
    "two events that cause each other": {
        "test.finished.sh": "sh.keptn.event.deploy.finished",
        "deploy.finished.sh": "sh.keptn.event.test.finished",
    },
    "every event causes one": {
        "all.events.sh": "sh.keptn.events.tests-finished",
    },
}


@pytest.mark.parametrize("scripts", LOOPS.values(), ids=LOOPS)
def test_a_loop_ends_after_eight_hops(stage, play, execution, make_event, scripts):
    """R14, OU-9: the ninth event of our own is recorded and not run."""
    for name, type_ in scripts.items():
        stage.script(name)
        stage.runner.will(name, execution(json.dumps({"type": type_, "data": {}})))

    async def story():
        run = await stage.handle(stage.accept("sh.keptn.event.test.finished"))
        while run.state is not State.IGNORED:
            caused = json.loads(stage.left[-1].body)
            assert len(stage.left) < 20
            run = await stage.handle(stage.accept_event(make_event(caused.pop("type"), **caused)))
        return run

    run = play(story())

    assert run.reason == "loop stopped after 8 hops"
    assert len(stage.scripts_run) == 1 + 8
    assert [event.hops for event in stage.left] == list(range(1, 10))


def test_scripts_are_looked_up_with_growing_pauses_until_the_source_is_back(stage, play):
    stage.source.away = SourceUnavailable("remote not reachable")
    stage.script("test.triggered.sh")
    accepted = stage.accept()

    async def story():
        handled = await stage.handling.handle(accepted)
        pauses = []
        while len(pauses) < 7:
            assert handled.run.state is State.UNRESOLVED
            pauses.append(handled.again.seconds)
            handled = await handled.again.go()
        stage.source.away = None
        return pauses, await stage.to_the_end(await handled.again.go())

    pauses, run = play(story())

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert run.state is State.PASSED
    assert kinds(stage) == ["started", "finished"]


def test_what_cannot_be_looked_up_is_held_once_with_the_reason(stage, play):
    stage.source.away = SourceUnavailable("remote not reachable")
    accepted = stage.accept()

    async def story():
        handled = await stage.handling.handle(accepted)
        return await handled.again.go()

    play(story())

    assert stage.happened() == [("hold", "unresolved")]
    assert stage.journal.runs["run-1"].reason == "remote not reachable"


def test_after_nine_minutes_an_event_is_given_up_in_silence(stage, play):
    """R10: another service may own the task; a failure to look never answers for it."""
    stage.source.away = SourceUnavailable("remote not reachable")

    run = play(stage.handle(stage.accept()))

    assert (run.state, run.reason) == (State.UNRESOLVED, "given up: remote not reachable")
    assert run.ended_at is not None
    assert 540 <= stage.source.looks[-1] - stage.source.looks[0] < 570
    assert kinds(stage) == []
    assert stage.journal.abandoned() == []


def test_an_old_mirror_without_a_script_says_nothing_about_scripts(stage, play):
    stage.source.fresh, stage.source.note = False, "mirror of 3 minutes ago"

    async def story():
        return await stage.handling.handle(stage.accept())

    handled = play(story())

    assert (handled.run.state, handled.run.reason) == (State.UNRESOLVED, "mirror of 3 minutes ago")
    assert handled.again is not None


def test_an_old_mirror_with_a_script_runs_it_and_leaves_a_note(stage, play):
    stage.source.fresh, stage.source.note = False, "mirror of 3 minutes ago"
    stage.script("test.triggered.sh")

    run = play(stage.handle(stage.accept()))

    assert (run.state, run.note) == (State.PASSED, "mirror of 3 minutes ago")


def test_a_source_that_goes_away_while_a_script_is_read_is_asked_again(stage, play):
    stage.script("test.triggered.sh")
    stage.source.unreadable["test.triggered.sh"] = SourceUnavailable("went away")

    async def story():
        handled = await stage.handling.handle(stage.accept())
        stage.source.unreadable.clear()
        return handled.run.state, await stage.to_the_end(handled)

    before, run = play(story())

    assert (before, run.state) == (State.UNRESOLVED, State.PASSED)


def test_a_source_that_can_never_answer_ends_the_event_in_silence(stage, play):
    stage.source.away = SourceMisconfigured("no such repository")

    run = play(stage.handle(stage.accept()))

    assert (run.state, run.reason) == (State.ERRORED, "no such repository")
    assert kinds(stage) == []


def test_a_directive_that_cannot_be_read_is_told_to_the_sender(stage, play):
    stage.script("test.triggered.sh", "#!/bin/bash\n# genexec: timeot=5m\n")

    run = play(stage.handle(stage.accept()))

    assert run.state is State.ERRORED
    assert stage.scripts_run == []
    assert kinds(stage) == ["started", "finished"]
    data = bodies(stage)[-1]["data"]
    assert (data["result"], data["status"]) == ("fail", "errored")
    assert data["message"].startswith("line 2: unknown directive 'timeot=5m'")


def test_a_script_that_may_not_be_read_is_errored_and_the_next_one_runs(stage, play):
    stage.script("test.triggered.sh")
    stage.script("test.triggered.py")
    stage.source.unreadable["test.triggered.sh"] = BadScript("a link that leaves the repository")

    run = play(stage.handle(stage.accept()))

    assert stage.scripts_run == ["test.triggered.py"]
    assert (run.state, run.reason) == (State.ERRORED, "a link that leaves the repository")


def test_a_commit_that_is_not_known_runs_nothing_and_is_told(stage, play):
    stage.script("test.triggered.sh")
    stage.source.problem = "there is no commit aaaa"

    run = play(stage.handle(stage.accept(gitcommitid="a" * 40)))

    assert stage.scripts_run == []
    assert (run.state, run.reason) == (State.ERRORED, "there is no commit aaaa")
    assert kinds(stage) == ["started", "finished"]


def test_a_runner_that_went_away_leaves_an_interrupted_run_with_an_answer(stage, play):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", RunnerLost())

    run = play(stage.handle(stage.accept()))

    assert run.state is State.INTERRUPTED
    data = bodies(stage)[-1]["data"]
    assert (data["result"], data["status"]) == ("fail", "errored")
    assert "what the script did is unknown" in data["message"]


def test_the_deadline_of_the_script_or_of_the_service_is_in_the_order(stage, play):
    stage.script("test.triggered.sh", "# genexec: timeout=90s\n")
    stage.script("test.triggered.py")

    play(stage.handle(stage.accept()))

    assert [order.timeout for order in stage.runner.orders] == [90.0, 600.0]


def test_a_runner_is_told_the_project_and_who_wants_to_be_cold(stage, play):
    stage.script("test.triggered.py", "# genexec: cold\n")
    stage.script("all.events.py", "print(1)\n")

    play(stage.handle(stage.accept()))

    orders = [(order.project, order.cold) for order in stage.runner.orders]
    assert orders == [("sockshop", True), ("sockshop", False)]


def test_an_order_says_everything_about_the_run(stage, play):
    stage.script("test.triggered.sh", "echo $ID\n", level="sockshop/dev")

    play(stage.handle(stage.accept(id="the-event")))

    [order] = stage.runner.orders
    assert (order.run, order.name, order.content) == ("run-1", "test.triggered.sh", b"echo $ID\n")
    assert order.event.id == "the-event"
    told = {
        "GENEXEC_RUN_ID": "run-1",
        "GENEXEC_ATTEMPT": "1",
        "GENEXEC_SCRIPT": "test.triggered.sh",
        "GENEXEC_LEVEL": "stage",
        "GENEXEC_COMMIT": "c" * 40,
        "GENEXEC_SKIPPED_VARS": "",
        "ID": "the-event",
        "STAGE": "dev",
        "ENV_region": "north",
        "ENV_REGION": "north",
    }
    assert told.items() <= order.variables.items()


def test_a_follow_up_leaves_before_the_answer_with_what_the_record_knows(stage, play, execution):
    stage.script("test.triggered.sh")
    wanted = {"type": "sh.keptn.events.tests-finished", "data": {"n": 1, "project": "other"}}
    stage.runner.will("test.triggered.sh", execution(json.dumps(wanted)))

    run = play(stage.handle(stage.accept()))

    assert kinds(stage) == ["started", "follow-up", "finished"]
    assert bodies(stage)[1]["data"] == {
        "n": 1,
        "project": "sockshop",
        "stage": "dev",
        "service": "carts",
    }
    assert run.note == "follow-up event: project come from the event, not the script"


def test_a_follow_up_that_is_not_allowed_is_noted_and_not_sent(stage, play, execution):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", execution('{"type": "sh.keptn.event.x.triggered"}'))

    run = play(stage.handle(stage.accept()))

    assert kinds(stage) == ["started", "finished"]
    assert "not sent: the type is not allowed" in run.note


def test_a_follow_up_that_is_too_large_is_noted_and_not_sent(stage, play, execution):
    stage.script("test.triggered.sh")
    wanted = {"type": "sh.keptn.events.tests-finished", "data": {"x": "x" * 70_000}}
    stage.runner.will("test.triggered.sh", execution(json.dumps(wanted)))

    run = play(stage.handle(stage.accept()))

    assert kinds(stage) == ["started", "finished"]
    assert run.note == "follow-up event of test.triggered.sh not sent: larger than 64 KiB"


def test_a_secret_stands_neither_in_the_record_nor_in_an_answer(stage, play, execution):
    """OU-10."""
    stage.masks = Masks(["s3cr3t-value"])
    stage.restart()
    stage.script("test.triggered.sh")
    stage.script("test.triggered.py")
    stage.runner.will("test.triggered.sh", execution('{"test": "s3cr3t-value"}'))
    unrun = Execution(ending=Ending.NOT_RUN, detail="no s3cr3t-value", output=b"s3cr3t-value")
    stage.runner.will("test.triggered.py", unrun)

    run = play(stage.handle(stage.accept()))

    assert "s3cr3t" not in repr((run, stage.journal.attempts, stage.left))
    assert bodies(stage)[-1]["data"]["test"] == {"test": "***"}


@pytest.mark.parametrize("stroke", ["begin", "end", "ignore", "hold"])
def test_the_story_waits_for_the_journal_and_goes_on(stage, play, stroke):
    stage.journal.breaks(stroke, times=3)
    if stroke != "ignore":
        stage.script("test.triggered.sh")
    if stroke == "hold":
        stage.source.away = SourceUnavailable("away")

    async def story():
        handled = await stage.handling.handle(stage.accept())
        stage.source.away = None
        return await stage.to_the_end(handled)

    run = play(story())

    assert run.state is (State.IGNORED if stroke == "ignore" else State.PASSED)
    assert stage.scripts_run == ([] if stroke == "ignore" else ["test.triggered.sh"])
    assert kinds(stage) == ([] if stroke == "ignore" else ["started", "finished"])


def test_a_script_does_not_start_while_the_journal_cannot_remember_it(stage, play):
    stage.script("test.triggered.sh")
    stage.journal.breaks("begin", times=100)

    play(stage.handle(stage.accept()))

    assert stage.happened("begin", "runs")[0] == ("begin", "running", "started")
    [entry] = stage.journal.entries("run-1")
    assert (entry.ended_at - entry.started_at).total_seconds() == 100


def test_a_fault_of_ours_ends_what_was_begun_as_errored_with_an_answer(stage, play):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", ZeroDivisionError("a slip"))
    accepted = stage.accept()
    with pytest.raises(ZeroDivisionError):
        play(stage.handle(accepted))

    run = play(stage.handling.break_off(accepted, "internal error"))

    assert (run.state, run.reason, run.result, run.status) == (
        State.ERRORED,
        "internal error",
        "fail",
        "errored",
    )
    assert kinds(stage) == ["started", "finished"]
    assert bodies(stage)[-1]["data"]["message"] == "internal error"


def test_the_record_of_an_attempt_tells_everything(stage, play, execution):
    stage.script("test.triggered.sh")
    facts = {"exit_code": 3, "cut": 7, "leftovers": 2}
    stage.runner.will("test.triggered.sh", replace(execution("no\n"), **facts))

    play(stage.handle(stage.accept()))

    [entry] = stage.journal.entries("run-1")
    assert (entry.state, entry.message, entry.ending) == (State.FAILED, "exit code 3", "exit")
    assert (entry.exit_code, entry.cut, entry.leftovers, entry.output) == (3, 7, 2, b"no\n")
    assert (entry.level, entry.path, entry.blob) == (
        "project",
        "sockshop/generic-executor/test.triggered.sh",
        "blob of sockshop/generic-executor/test.triggered.sh",
    )
    assert entry.started_at is not None
    assert entry.ended_at is not None


def test_a_long_message_is_in_the_record_of_the_attempt_not_of_the_run(stage, play, execution):
    stage.script("test.triggered.sh")
    stage.runner.will("test.triggered.sh", execution("x" * 10_000))

    run = play(stage.handle(stage.accept()))

    assert len(run.message) == 4096
    assert len(stage.journal.entries("run-1")[0].output) == 10_000
