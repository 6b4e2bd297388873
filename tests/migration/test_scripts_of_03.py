"""Scripts made for generic-executor-service 0.3."""

import pytest

ACTION = "sh.keptn.event.action.triggered"
CHANGE = "sh.keptn.event.configuration.change"
SAMPLE = """\
    #!/bin/bash
    echo "Project = $PROJECT"
    echo "GitCommit = $LABEL_gitcommit"
    echo "TestToken = $ENV_TESTTOKEN"
    """
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}


def script(text, name="configuration.change.sh"):
    return {f"generic-executor/{name}": text}


def judged(remarks, text, name="configuration.change.sh"):
    return remarks(script(text, name), f"generic-executor/{name}", "--from", "0.3")


def test_the_shipped_example_is_recognised_and_runs_with_untouched_values(mended, run, migrate):
    new = mended(script(SAMPLE))

    _, said = migrate(new)
    output, _ = run(
        CHANGE,
        new,
        specversion="0.2",
        environment={"TESTTOKEN": "aBc"},
        data=WHERE | {"labels": {"gitcommit": "f00"}},
    )

    assert said.startswith("scripts of generic-executor-service 0.3: configuration.change.sh is")
    assert output == ["Project = sockshop\nGitCommit = f00\nTestToken = aBc\n"]


def test_variables_of_the_container_were_in_capitals(remarks):
    verdict, found = judged(remarks, "#!/bin/bash\necho $ENV_REGION\n")

    assert verdict == "runs differently"
    assert found[0][:2] == (
        2,
        "ENV_REGION was upper-cased, its value too; here the value is untouched",
    )


@pytest.mark.parametrize(
    ("text", "line", "begin"),
    [
        ("#!/usr/bin/env python3\nprint()\n", 1, "a .sh file is always run by bash here"),
        ("#!/bin/bash\ncat ./tmpdata/x.event.json\n", 2, "./tmpdata/ is not there"),
        ("#!/bin/bash\njq .project $1\n", 2, "0.3 wrote only data into the file"),
        ("#!/bin/bash\necho $ENV_SECRET_KEY\n", 2, "ENV_SECRET_KEY: variables that begin with"),
    ],
)
def test_what_a_script_cannot_do_here_is_work(remarks, text, line, begin):
    verdict, found = judged(remarks, text)

    assert verdict == "needs work"
    assert (line, begin) in [(at, message[: len(begin)]) for at, message, _ in found]


def test_options_of_the_first_line_are_mended(mended, run):
    new = mended(script("#!/bin/bash -e\necho one\nfalse\necho two\n"), "--from", "0.3")

    assert run(CHANGE, new, specversion="0.2")[0] == ["one\n"]


def test_a_second_script_of_an_action_is_never_run(remarks):
    files = script("#!/bin/sh\n", "action.triggered.x.sh") | script("", "action.triggered.x.py")
    files["generic-executor/action.triggered.x.py"] = "print()\n"

    verdict, found = remarks(files, "generic-executor/action.triggered.x.py", "--from", "0.3")

    assert verdict == "needs work"
    assert found[0][1].startswith("an action is done by one script here, action.triggered.x.sh")


def test_the_catch_all_runs_for_more_and_for_fewer_events(remarks):
    files = script("#!/bin/sh\n", "action.triggered.x.sh")
    files["generic-executor/all.events.sh"] = "#!/bin/sh\n"

    verdict, found = remarks(files, "generic-executor/all.events.sh", "--from", "0.3")

    assert verdict == "runs differently"
    assert [message.partition(";")[0] for _, message, _ in found] == [
        "0.3 ran it for every action, too",
        "0.3 knew seven kinds of events",
    ]


def test_a_name_that_03_never_ran_runs_here(remarks):
    verdict, found = judged(remarks, "#!/bin/sh\n", "problem.open.sh")

    assert (verdict, found[0][1].partition(";")[0]) == (
        "runs differently",
        "0.3 never ran a file of this name",
    )


def test_placeholders_with_letters_behind_them_get_braces(mended):
    text = "POST https://x.example/\n\n$PROJECTS $DEPLOYMENTURILOCAL $STAGE_x\n"

    new = mended(script(text, "configuration.change.http"), "--from", "0.3")

    assert (new / "generic-executor/configuration.change.http").read_text() == (
        "POST https://x.example/\n\n${PROJECT}S $DEPLOYMENTURILOCAL $STAGE_x\n"
    )


@pytest.mark.parametrize(
    ("word", "begin"),
    [
        ("$DEPLOYMENTURILOCAL", "$DEPLOYMENTURILOCAL became the value of $DEPLOYMENT with"),
        ("$LABEL_gitcommit", "$LABEL_gitcommit was found in capitals only"),
        ("${data.project}", "${data.project} stayed as it is"),
    ],
)
def test_placeholders_that_become_something_else_are_said(remarks, word, begin):
    text = f"POST https://x.example/\n\n{word}\n"

    _, found = judged(remarks, text, "configuration.change.http")

    assert (3, begin) in [(line, message[: len(begin)]) for line, message, _ in found]


@pytest.mark.parametrize("folder", ["generice-xecutor", "generic-executor-service"])
def test_folders_that_are_never_searched_are_renamed(mended, run, remarks, folder):
    files = {f"{folder}/configuration.change.sh": "#!/bin/sh\necho here\n"}

    new = mended(files, "--from", "0.3")
    verdict, found = remarks(files, f"{folder}/configuration.change.sh", "--from", "0.3")

    assert run(CHANGE, new, specversion="0.2")[0] == ["here\n"]
    assert (verdict, found[0][1], found[0][2]) == (
        "needs work",
        f"the folder {folder!r} is never searched: 'generic-executor'",
        True,
    )


def test_the_other_accepted_spelling_stays_and_is_said_to_be_searched(remarks):
    files = {"genericexecutor/configuration.change.sh": "#!/bin/sh\n"}

    verdict, found = remarks(files, "genericexecutor/configuration.change.sh", "--from", "0.3")

    assert (verdict, found[0][1].partition(";")[0]) == (
        "runs differently",
        "no version of the predecessor looked into 'genericexecutor'",
    )
