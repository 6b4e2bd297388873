"""The words of an explanation: which names were looked up where, and what runs."""

import json

import pytest

from service.decision import Decision
from service.explanation import as_dict, as_lines, variable_dicts, variable_lines
from service.keptn_events import Belonging, meaning_of
from service.masks import Masks
from service.scripts import Found, Layout, Level, Listing, look_up, plan
from service.variables import event_variables

WHERE = Belonging(project="sockshop", stage="dev", service="carts")
COMMITS = {"dev": "d" * 40, None: "e" * 40}


@pytest.fixture
def explain(make_event):
    """Return the arguments of an explanation for files by branch, folder and name."""

    def make(files, type_="sh.keptn.event.test.triggered", *, layout=Layout.BRANCHES, **more):
        where = more.pop("where", WHERE)
        commits = more.pop("commits", COMMITS)
        event = make_event(type_, **more.pop("attributes", {}))
        meaning = meaning_of(event)
        question = look_up(meaning, where, layout, "")
        found = {
            (place, name): Found(
                project=where.project,
                place=place,
                name=name,
                path=f"{place.folder}/{name}",
                blob=""
                if "problem" in more
                else str(hash(files[place.branch, place.folder, name])),
                commit=commits.get(place.branch, ""),
                problem=more.get("problem", ""),
            )
            for place in question.places
            for name in question.names
            if (place.branch, place.folder, name) in files
        }
        listing = Listing(
            found=found,
            commits={p: commits[p.branch] for p in question.places if p.branch in commits},
            note=more.get("note", ""),
            fresh=not more.get("note"),
        )
        chosen = plan(meaning, question, listing)
        decision = Decision(
            meaning=meaning,
            question=question,
            listing=listing,
            plan=chosen,
            ignored="" if chosen.scripts else "no script",
        )
        return event, where, decision

    return make


def lines(arguments):
    return list(as_lines(as_dict(*arguments)))


def starting(arguments, word):
    return [line for line in lines(arguments) if line.startswith(word)]


PROJECT = (None, "generic-executor", "test.triggered.sh")
STAGE = ("dev", "generic-executor", "test.triggered.sh")
SERVICE = ("dev", "carts/generic-executor", "test.triggered.sh")


def test_the_explanation_names_event_place_and_answer(explain):
    said = lines(explain({PROJECT: "1"}))

    assert said[:3] == [
        "event     sh.keptn.event.test.triggered  (family B, id e-1)",
        "belongs   sockshop / dev / carts",
        "answers   one .started before the first script, one .finished after the last",
    ]


def test_every_name_has_one_word_per_level(explain):
    arguments = explain({PROJECT: "1", STAGE: "2"})

    said = [line.split() for line in lines(arguments)]

    assert ["name", "service", "stage", "project"] in said
    assert ["test.triggered.sh", "absent", "runs", "shadowed"] in said
    assert ["test.triggered.py", "absent", "absent", "absent"] in said
    assert ["all.events.http", "absent", "absent", "absent"] in said


def test_what_runs_is_named_with_level_branch_and_commit(explain):
    said = lines(explain({STAGE: "2"}))

    position = said.index("runs      generic-executor/test.triggered.sh")
    assert said[position + 1].strip() == "stage level on branch dev at commit dddddddddddd"


def test_a_stale_copy_that_shadows_a_newer_script_is_told(explain):
    """Contract 2, trap: stage branches hold copies of files of the project level."""
    [why] = starting(explain({PROJECT: "new", STAGE: "old"}), "why")

    assert why == (
        "why       test.triggered.sh on project level (other content) is shadowed by the one "
        "on stage level"
    )


def test_a_copy_with_the_same_content_is_told_apart(explain):
    [why] = starting(explain({PROJECT: "same", SERVICE: "same"}), "why")

    assert "test.triggered.sh on project level (the same content) is shadowed" in why


def test_several_scripts_are_listed_in_their_order(explain):
    catch_all = (None, "generic-executor", "all.events.sh")
    arguments = explain({PROJECT: "1", catch_all: "2"})

    said = lines(arguments)

    first = said.index("runs      generic-executor/test.triggered.sh")
    assert said[first + 2] == "  then    generic-executor/all.events.sh"
    assert said[-1] == "why       all scripts found run, one after another"


def test_an_action_says_why_only_the_first_runs(explain):
    files = {
        (None, "generic-executor", "action.triggered.scale.sh"): "1",
        (None, "generic-executor", "action.triggered.sh"): "2",
    }
    data = {"action": {"action": "scale"}}
    arguments = explain(files, "sh.keptn.event.action.triggered", attributes={"data": data})

    said = [line.split() for line in lines(arguments)]

    assert ["action.triggered.sh", "absent", "absent", "unused"] in said
    assert lines(arguments)[-1] == (
        "why       an action is done by one script, the first one found"
    )


def test_without_a_script_it_says_so_and_shows_where_it_looked(explain):
    said = lines(explain({}))

    assert said[-1] == "runs      nothing: no script"
    assert "  project  generic-executor/, genericexecutor/  commit eeeeeeeeeeee" in said


def test_a_branch_that_does_not_exist_is_told(explain):
    said = lines(explain({PROJECT: "1"}, commits={None: "e" * 40}))

    assert "  stage    generic-executor/, genericexecutor/ on branch dev  no such branch" in said


def test_a_source_without_commits_is_read_as_it_is(explain):
    said = lines(explain({PROJECT: "1"}, commits={}))

    assert "  project  generic-executor/, genericexecutor/  read as it is" in said


def test_levels_the_event_does_not_name_are_left_out(explain):
    said = lines(explain({PROJECT: "1"}, where=Belonging(project="sockshop")))

    assert "belongs   sockshop" in said
    assert ["name", "project"] in [line.split() for line in said]


def test_a_note_and_a_script_that_cannot_run_are_shown(explain):
    said = lines(explain({PROJECT: "1"}, note="the mirror is old", problem="too large"))

    assert "note      the mirror is old" in said
    assert any(line.endswith("CANNOT RUN: too large") for line in said)


def test_an_event_that_is_not_looked_up_has_no_table(make_event):
    event = make_event("com.example.hello")
    decision = Decision(meaning=meaning_of(event), ignored="no project")

    assert list(as_lines(as_dict(event, Belonging(), decision))) == [
        "event     com.example.hello  (family other, id e-1)",
        "belongs   to no project",
        "answers   none; only events that scripts ask for",
        "",
        "runs      nothing: no project",
    ]


def test_the_form_for_programs_is_json_and_says_the_same(explain):
    arguments = explain({PROJECT: "1", STAGE: "2"})

    said = json.loads(json.dumps(as_dict(*arguments)))

    assert said["event"] == {"type": "sh.keptn.event.test.triggered", "id": "e-1", "source": "test"}
    assert (said["family"], said["answers"], said["ignored"]) == ("B", "task", "")
    assert (said["project"], said["stage"], said["service"]) == ("sockshop", "dev", "carts")
    [script] = said["runs"]
    assert (script["script"], script["level"], script["commit"]) == (
        "test.triggered.sh",
        "stage",
        "d" * 40,
    )
    assert script["path"] == "generic-executor/test.triggered.sh"
    verdicts = {
        (row["level"], row["folder"]): row["verdict"]
        for row in said["candidates"]
        if row["name"] == "test.triggered.sh"
    }
    assert verdicts["stage", "generic-executor"] == "runs"
    assert verdicts["project", "generic-executor"] == "shadowed"
    assert verdicts["service", "carts/generic-executor"] == "absent"
    assert len(said["candidates"]) == 6 * 3 * 2


def test_without_a_look_up_the_form_for_programs_is_complete_as_well(make_event):
    event = make_event("com.example.hello")
    decision = Decision(meaning=meaning_of(event), ignored="no project")

    said = as_dict(event, Belonging(), decision)

    assert (said["ignored"], said["candidates"], said["runs"]) == ("no project", [], [])
    assert (said["fresh"], said["note"], said["problem"]) == (True, "", "")


@pytest.fixture
def variables(make_event):
    labels = {"a-b": "1", "a_b": "2", "bad": "x\0y", "long": "x" * 500, "line": "a\nb\x1b[31m"}
    event = make_event(data={"labels": labels})
    return event_variables(event, WHERE, {"api_key": "s3cr3t-value"})


def test_variables_are_shown_with_value_and_origin(variables):
    shown = list(variable_lines(variables, Masks()))

    [line] = [line for line in shown if line.startswith("PROJECT ")]
    assert line.split() == ["PROJECT", "=", "sockshop", "[derived]"]


def test_a_value_stays_on_its_line(variables):
    shown = list(variable_lines(variables, Masks()))

    assert all("\n" not in line and "\x1b" not in line for line in shown)
    assert any(r"= a\nb\x1b[31m" in line for line in shown)


def test_a_long_value_is_shortened_with_its_length(variables):
    [line] = [x for x in variable_lines(variables, Masks()) if x.startswith("LABEL_long ")]

    assert line.endswith(f"= {'x' * 100}… (500 characters)   [data.labels.long]")


def test_secrets_are_masked_in_both_forms(variables):
    masks = Masks(["s3cr3t-value"])

    assert "s3cr3t" not in "\n".join(variable_lines(variables, masks))
    told = {item["name"]: item for item in variable_dicts(variables, masks)}
    assert told["ENV_api_key"] == {
        "name": "ENV_api_key",
        "value": "***",
        "origin": "environment.api_key",
    }


def test_what_was_left_out_and_what_was_ambiguous_is_told(variables):
    shown = list(variable_lines(variables, Masks()))

    assert any(line.startswith("LABEL_bad ") and "left out" in line for line in shown)
    assert any(line.startswith("warning: LABEL_a_b is 'a_b'") for line in shown)


def test_every_level_is_explained(explain):
    said = as_dict(*explain({SERVICE: "1"}, layout=Layout.BRANCHES))

    assert {row["level"] for row in said["candidates"]} == set(Level)
