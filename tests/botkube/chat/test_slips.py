"""A name that nearly is that of a script is asked back, also when `all.events` would answer."""

import pytest

from service.botkube.slips import meant

LISTED = ["release.triggered", "test.triggered", "com.example.pushed"]


@pytest.fixture(params=["all.events", "no all.events"])
def either(request, desk):
    """A repository with a script that answers everything, and one without."""
    if request.param == "no all.events":
        desk.names.remove("all.events.sh")


@pytest.mark.parametrize(
    "typed",
    [
        "release.triggerd",
        "relaese.triggered",
        "release",
        "relea",
        "Release.Triggered",
        "sh.keptn.event.release.triggerd",
    ],
)
def test_a_slip_is_known_by_what_differs(typed):
    assert meant(typed, LISTED) == ["release.triggered"]


@pytest.mark.parametrize(
    "typed",
    ["smoke.triggered", "release.finished", "com.example.merged.now", "alert", "test.triggered.x"],
)
def test_another_type_of_the_same_family_is_no_slip(typed):
    assert meant(typed, LISTED) == []


@pytest.mark.parametrize("typed", [*LISTED, "sh.keptn.event.test.triggered"])
def test_a_name_that_is_listed_is_meant_as_it_is(typed):
    assert meant(typed, LISTED) == []


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("verb", ["run", "send", "explain"])
def test_with_buttons_one_click_does_what_was_meant_and_another_insists(
    type_in, words, commands, desk, verb
):
    message = type_in(f"script {verb} test.trigered /prod version=1.2 'note=a b'")

    right = f"{verb} test.triggered shop/prod version=1.2 'note=a b'"
    exact = f"{verb} test.trigered shop/prod version=1.2 'note=a b' --exact"
    once = "" if verb == "explain" else " --once id1"
    assert commands(message) == {
        right: f"script {right}{once}",
        exact[:70].strip(): f"script {exact}{once}",
    }
    assert (
        f"No script bears the name test.trigered in shop/prod. Did you mean `script {right}`?"
        in (words(message))
    )
    assert desk.asked == []


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("verb", ["run", "send", "explain"])
def test_without_buttons_the_commands_are_there_to_be_typed(type_in, desk, verb):
    message = type_in(f"script {verb} test.trigered version=1.2", platform="text")

    said = message["baseBody"]["plaintext"]
    assert f"1. `{{{{BotName}}}} script {verb} test.triggered version=1.2`\n" in said
    assert said.endswith(f"2. `{{{{BotName}}}} script {verb} test.trigered version=1.2 --exact`")
    assert desk.asked == []


@pytest.mark.parametrize(
    "typed", ["action restrat replicas=3", "explain action restrat replicas=3"]
)
def test_an_action_is_asked_back_as_well(type_in, commands, desk, typed):
    message = type_in(f"script {typed}", platform="text")

    right = typed.replace("restrat", "restart")
    assert f"1. `{{{{BotName}}}} script {right}`" in message["baseBody"]["plaintext"]
    assert desk.asked == []


def test_a_second_click_on_the_answer_gets_the_run_of_the_first(type_in, commands, desk):
    click = commands(type_in("script run test.trigered"))["run test.triggered"]

    type_in(click)
    type_in(click)

    assert [asked[1].type for asked in desk.asked] == ["test.triggered"]


@pytest.mark.parametrize("verb", ["run", "send"])
def test_who_insists_has_the_type_run_as_it_stands(type_in, desk, verb):
    type_in(f"script {verb} test.trigered version=1.2 --exact")

    (asked,) = desk.asked
    assert (asked[1].type, asked[1].values) == ("test.trigered", {"version": "1.2"})


def test_who_insists_gets_the_explanation(type_in):
    message = type_in("script explain test.trigered --exact")

    assert message["sections"][0]["header"] == "test.trigered would run 1 script"


@pytest.mark.parametrize("verb", ["run", "send"])
def test_a_type_without_a_near_name_is_run_at_once(type_in, desk, verb):
    type_in(f"script {verb} smoke.triggered")

    assert [asked[1].type for asked in desk.asked] == ["smoke.triggered"]


def test_who_may_not_run_it_is_told_so_before_anything_is_looked_up(type_in, words):
    message = type_in("script run test.trigered", user="<@U2>", display_name="Bob")

    assert "may not run test.trigered" in words(message)


def test_a_run_of_all_events_is_explained_without_being_asked_back(
    type_in, commands, desk, make_run
):
    desk.known["r-9"] = make_run("r-9", type="test.trigered", script="all.events.sh")

    explain = commands(type_in("script status r-9"))["Explain"]

    assert explain == "script explain test.trigered shop/dev/carts --exact"
    assert type_in(explain)["sections"][0]["header"] == "test.trigered would run 1 script"


def test_an_engine_that_cannot_explain_now_still_takes_the_event(type_in, desk):
    async def never(wish):
        raise TimeoutError

    desk.explain = never

    type_in("script send test.trigered")

    assert [asked[1].type for asked in desk.asked] == ["test.trigered"]
