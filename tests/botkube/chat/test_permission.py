"""Who may do what: every command, with and without a rule."""

import pytest

from service.states import State

LOOKING = {
    "list": "script list",
    "show": "script show test.triggered.sh",
    "explain": "script explain test.triggered",
    "runs": "script runs",
    "logs": "script logs r-1",
    "status": "script status",
    "whoami": "script whoami",
    "help": "script help run",
}
CHANGING = {
    "run": "script run test.triggered",
    "action": "script action restart",
    "send": "script send test.triggered",
    "rerun": "script rerun r-1",
    "cancel": "script cancel r-1",
    "cmd": "script cmd -- echo hello",
}
NOBODY = {"allow": [], "cmd": {"programs": ["echo"]}}


def rule(**parts):
    made = {"users": ["<@U1>"], "commands": list(CHANGING)} | parts
    return {"allow": [made], "cmd": {"programs": ["echo"]}}


def is_refused(message):
    return "🚫" in str(message) and "may not" in str(message)


@pytest.mark.parametrize("verb", LOOKING)
def test_looking_takes_no_rule(type_in, verb):
    message = type_in(LOOKING[verb], config=NOBODY)

    assert not is_refused(message)
    assert "❌" not in str(message)


@pytest.mark.parametrize("verb", CHANGING)
def test_nothing_is_changed_without_a_rule(type_in, desk, chat, caplog, verb):
    message = type_in(CHANGING[verb], config=NOBODY)

    assert is_refused(message)
    assert desk.asked == []
    assert chat.refused == 1
    assert [record.user for record in caplog.records] == ["<@U1>"]


@pytest.mark.parametrize("verb", CHANGING)
def test_a_rule_for_the_command_lets_it_through(type_in, verb):
    assert not is_refused(type_in(CHANGING[verb], config=rule(commands=[verb])))


@pytest.mark.parametrize("verb", CHANGING)
def test_a_rule_for_the_other_commands_does_not(type_in, verb):
    others = [other for other in CHANGING if other != verb]

    assert is_refused(type_in(CHANGING[verb], config=rule(commands=others)))


@pytest.mark.parametrize("verb", CHANGING)
def test_a_rule_for_somebody_else_does_not(type_in, verb):
    assert is_refused(type_in(CHANGING[verb], config=rule(users=["<@U2>"])))


@pytest.mark.parametrize("verb", CHANGING)
def test_a_rule_for_another_place_does_not(type_in, verb):
    assert is_refused(type_in(CHANGING[verb], config=rule(contexts=["shop/prod/*"])))


@pytest.mark.parametrize(
    ("verb", "name", "free"),
    [
        ("run", "test.triggered", True),
        ("run", "sh.keptn.event.test.triggered", True),
        ("run", "deploy.*", False),
        ("sequence", "test.*", False),
        ("sequence", "*.triggered", True),
        ("send", "test.*", True),
        ("action", "restart", True),
        ("action", "action.triggered", False),
        ("rerun", "test.triggered", True),
        ("rerun", "deploy.triggered", False),
        ("cancel", "test.*", True),
        ("cancel", "restart", False),
        ("cmd", "echo", True),
        ("cmd", "ech", False),
    ],
)
def test_a_rule_may_name_what_is_run(type_in, verb, name, free):
    commands = CHANGING | {"sequence": "script run sh.keptn.event.test.wipe.triggered"}

    assert is_refused(type_in(commands[verb], config=rule(names=[name]))) is not free


@pytest.mark.parametrize("verb", ["rerun", "cancel"])
def test_a_run_is_judged_by_its_own_place(type_in, desk, make_run, verb):
    place = make_run().place
    desk.known["r-7"] = make_run("r-7", place=place.__class__(project="shop", stage="prod"))

    message = type_in(f"script {verb} r-7", config=rule(contexts=["shop/dev/*"]))

    assert is_refused(message)
    assert desk.asked == []


def test_a_run_of_an_action_is_judged_by_the_action(type_in, desk, make_run):
    desk.known["r-7"] = make_run(
        "r-7", type="sh.keptn.event.action.triggered", script="action.triggered.wipe.sh"
    )

    assert is_refused(type_in("script rerun r-7", config=rule(names=["restart"])))
    assert not is_refused(type_in("script rerun r-7", config=rule(names=["wipe"])))


def test_a_refusal_shows_the_rule_that_would_allow_it(type_in, words):
    said = words(type_in("script action restart", config=NOBODY))

    assert (
        'allow: [{users: ["<\u200b@U1>"], commands: [action], contexts: ["shop/dev/carts"], '
        'names: ["restart"]}]'
    ) in said


def test_a_mention_copied_out_of_chat_is_the_same_mention(type_in):
    assert not is_refused(type_in(CHANGING["run"], config=rule(users=["<\u200b@U1>"])))


def test_a_shown_name_that_looks_like_a_mention_opens_nothing(type_in):
    """People choose the name that is shown."""
    message = type_in(
        CHANGING["run"], config=rule(users=["<@U9>"]), user="<@U1>", display_name="<@U9>"
    )

    assert is_refused(message)


def test_a_shown_name_that_looks_like_an_automation_opens_nothing(type_in):
    message = type_in(
        CHANGING["run"], config=rule(users=['Automation "x"']), display_name='Automation "x"'
    )

    assert is_refused(message)


def test_an_automation_itself_may_be_named(type_in):
    name = 'Automation "x"'
    who = {"user": name, "display_name": name, "platform": "text"}

    assert not is_refused(type_in(CHANGING["run"], config=rule(users=[name]), **who))


def test_who_has_no_name_may_nothing(type_in, words):
    said = words(type_in(CHANGING["run"], config=rule(users=["*"]), user="", display_name=""))

    assert "does not say who you are" in said


def test_a_program_must_be_listed_whatever_the_rules_say(type_in, words):
    said = words(type_in("script cmd -- id", config=rule()))

    assert "The program id is not among those of this plugin" in said
    assert "uid=" not in said


def test_a_form_shows_without_a_rule_but_its_button_takes_one(type_in, desk, commands):
    form = type_in("script ask run context=shop/dev/carts type test.triggered", config=NOBODY)

    message = type_in(commands(form)["Run"], config=NOBODY)

    assert is_refused(message)
    assert desk.asked == []


def test_cancel_is_allowed_by_a_rule_while_it_runs(type_in, desk, make_run):
    desk.known["r-9"] = make_run("r-9", state=State.RUNNING)

    type_in("script cancel r-9", config=rule(commands=["cancel"]))

    assert desk.known["r-9"].state is State.CANCELLED
