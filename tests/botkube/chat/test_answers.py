"""What commands do: the desk is asked, a card comes back."""

import asyncio
import json

import pytest

from service.desk import Asker, Wish
from service.errors import QueueFull
from service.keptn_events import Belonging
from service.states import State

CARTS = Belonging(project="shop", stage="dev", service="carts")


def header(message):
    return message["sections"][0]["header"]


def fields(message):
    return {field["key"]: field["value"] for field in message["sections"][0]["textFields"]}


def test_run_hands_in_the_event_and_shows_its_result(type_in, desk):
    message = type_in("script run test.triggered shop/dev/carts version=1.2")

    assert desk.asked == [
        (
            "run",
            Wish(type="test.triggered", place=CARTS, values={"version": "1.2"}),
            Asker(name="Ada", url="https://chat/1"),
        )
    ]
    assert header(message) == "✅ test.triggered passed"
    assert fields(message) == {
        "Run": "r-2",
        "Context": "shop/dev/carts",
        "Script": "test.triggered.sh",
        "Commit": "0123456789ab",
        "Duration": "1.2 s",
        "Asked by": "Ada",
        "Engine": "embedded",
        "Accepted": "2026-11-21T12:00:00.000Z",
    }


def test_a_script_name_stands_for_its_event(type_in, desk):
    type_in("script run test.triggered.sh")

    assert desk.asked[0][1].type == "test.triggered"


def test_an_action_is_named_in_the_wish(type_in, desk):
    type_in("script action restart replicas=3")

    assert desk.asked[0][1] == Wish(
        type="action.triggered", place=CARTS, values={"replicas": "3"}, action="restart"
    )


def test_send_does_not_wait(type_in, desk):
    desk.wait_for = 30

    message = type_in("script send test.triggered")

    assert header(message) == "⏳ test.triggered started"
    assert fields(message) == {"Run": "r-2", "Engine": "embedded"}


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("", CARTS),
        ("shop", Belonging(project="shop")),
        ("shop/prod", Belonging(project="shop", stage="prod")),
        ("/prod", Belonging(project="shop", stage="prod")),
        ("//orders", Belonging(project="shop", stage="dev", service="orders")),
        ("other//x", Belonging(project="other", service="x")),
    ],
)
def test_parts_of_a_context_that_are_missing_in_front_come_from_the_config(
    type_in, desk, typed, place
):
    type_in(f"script send test.triggered {typed}")

    assert desk.asked[0][1].place == place


def test_a_run_that_takes_longer_is_answered_in_time_with_its_id(type_in, commands, desk):
    desk.wait_for = 30

    message = type_in("script run test.triggered", config={"answerWithin": 0.8})

    assert header(message) == "⏳ test.triggered running"
    assert commands(message) == {
        "Refresh": "script status r-2",
        "Logs": "script logs r-2",
        "Cancel": "script cancel r-2",
    }


def test_refresh_shows_the_run_as_it_is_now_in_the_place_of_the_message(type_in, desk, make_run):
    desk.known["r-9"] = make_run("r-9", state=State.RUNNING)
    before = type_in("script status r-9")
    desk.known["r-9"] = make_run("r-9", state=State.FAILED)

    after = type_in("script status r-9")

    assert (header(before), header(after)) == (
        "⏳ test.triggered running",
        "❌ test.triggered failed",
    )
    assert after["replaceOriginal"] is True


def test_a_desk_that_hangs_is_answered_for_in_time(type_in, words, desk):
    desk.hangs = True

    message = type_in("script run test.triggered", config={"answerWithin": 0.3})

    assert "has not answered within 0.3 s" in words(message)
    assert "not known; look before you try again" in words(message)


def test_a_second_click_on_rerun_gets_the_run_of_the_first(make_chat, make_request, commands, desk):
    chat = make_chat()

    async def session():
        (card,) = await chat.execute(make_request("script status r-1"))
        click = commands(json.loads(card))["Rerun"]
        clicks = [chat.execute(make_request(click)) for _ in range(3)]
        return [json.loads(answer) for (answer,) in await asyncio.gather(*clicks)]

    answers = asyncio.run(session())

    assert [asked[:2] for asked in desk.asked] == [("rerun", "r-1")]
    assert {fields(answer)["Run"] for answer in answers} == {"r-2"}


def test_rerun_typed_twice_runs_twice(make_chat, make_request, desk):
    chat = make_chat()

    async def session():
        for _ in range(2):
            await chat.execute(make_request("script rerun r-1"))

    asyncio.run(session())

    assert len(desk.asked) == 2


def test_a_rerun_that_failed_may_be_clicked_again(make_chat, make_request, desk):
    chat = make_chat()

    async def session():
        desk.fails_with = QueueFull()
        await chat.execute(make_request("script run test.triggered --once k"))
        desk.fails_with = None
        return await chat.execute(make_request("script run test.triggered --once k"))

    (answer,) = asyncio.run(session())

    assert header(json.loads(answer)) == "✅ test.triggered passed"


def test_cancel_stops_the_run(type_in, words, desk, make_run):
    desk.known["r-9"] = make_run("r-9", state=State.RUNNING)

    message = type_in("script cancel r-9")

    assert header(message) == "🚫 test.triggered cancelled"
    assert "It was stopped." in words(message)


def test_cancelling_what_is_over_says_so(type_in, words, desk, make_run):
    assert "Nothing was running any more." in words(type_in("script cancel r-1"))


def test_logs_are_cut_in_the_middle(type_in, desk):
    desk.written["r-1"] = [("a.sh", "\n".join(f"line {n}" for n in range(5000)))]

    code = type_in("script logs r-1")["sections"][0]["body"]["codeBlock"]

    assert code.startswith("line 0\n")
    assert code.endswith("line 4999")
    assert "lines omitted …" in code


def test_logs_of_several_scripts_name_them(type_in, desk):
    desk.written["r-1"] = [("a.sh", "one"), ("b.sh", "two")]

    code = type_in("script logs r-1")["sections"][0]["body"]["codeBlock"]

    assert code == "== a.sh\none\n== b.sh\ntwo"


def test_logs_can_be_searched_and_shortened(type_in, desk):
    desk.written["r-1"] = [("a.sh", "\n".join(f"Error {n}\nfine" for n in range(9)))]

    code = type_in("script logs r-1 --tail 2 --grep '^error [0-7]'")["sections"][0]["body"]

    assert code["codeBlock"] == "Error 6\nError 7"


def test_a_hostile_pattern_ends(type_in, desk):
    """Python's own engine needs longer than the universe is old for this one."""
    desk.written["r-1"] = [("a.sh", "a" * 5000 + "!")]

    message = type_in("script logs r-1 --grep '(a+)+(a+)+$'")

    assert message["sections"][0]["body"]["plaintext"] == "Nothing was written."


def test_a_pattern_that_cannot_be_read_is_named(type_in, words):
    assert "This pattern cannot be read" in words(type_in("script logs r-1 --grep '(?=x)'"))


def test_show_gives_the_text_of_a_script(type_in):
    message = type_in("script show test.triggered.sh")

    assert message["sections"][0]["body"]["codeBlock"] == "#!/bin/bash\necho 100%%"


def test_explain_says_what_would_run_and_where_was_looked(type_in):
    message = type_in("script explain test.triggered")

    assert header(message) == "test.triggered would run 2 scripts"
    (bullets,) = message["sections"][0]["bulletLists"]
    assert bullets == {"items": ["scripts/test.triggered.sh", "scripts/all.events.sh"]}
    assert message["sections"][0]["body"]["codeBlock"] == (
        "NAME               LEVEL  FOLDER   VERDICT\n"
        "test.triggered.sh  stage  scripts  runs\n"
        "all.events.sh      stage  scripts  runs"
    )


def test_names_that_were_found_nowhere_are_told_once_and_take_no_row(type_in, desk):
    async def explain(wish):
        places = [("carts/genexec", "dev"), ("genexec", "dev"), ("genexec", "")]
        absent = [
            {"name": name, "level": "stage", "folder": f, "branch": b, "verdict": "absent"}
            for name in ("test.triggered.sh", "all.events.sh")
            for f, b in places
        ]
        return {"event": {"type": wish.type}, "ignored": "no script", "candidates": absent}

    desk.explain = explain

    message = type_in("script explain test.triggered")

    assert header(message) == "test.triggered would run nothing"
    assert "codeBlock" not in message["sections"][0]["body"]
    assert [one["text"] for one in message["sections"][0]["context"]] == [
        "Looked for test.triggered.sh, all.events.sh",
        "Looked in carts/genexec on branch dev, genexec on branch dev, genexec",
    ]


def test_status_shows_the_engine_and_refusals(type_in, chat):
    chat.refused = 3

    message = type_in("script status")

    assert fields(message) == {"Answers": "embedded", "Refused since start": "3"}
    assert message["sections"][0]["body"]["codeBlock"] == (
        "version: 1.0.0\nruns.running: 1\nruns.queued: 0\nlevels: a, b"
    )


def test_whoami_is_private_and_says_what_rules_see(type_in):
    message = type_in("script whoami")

    assert message["onlyVisibleForYou"] is True
    assert fields(message)["Names"] == "<\u200b@U1>, Ada"
    assert fields(message)["By a rule"] == "run, action, send, rerun, cancel, cmd"


@pytest.mark.parametrize("typed", ["script", "script help", "script --help", "script run -h"])
def test_help_needs_no_config(type_in, words, typed):
    message = type_in(typed, configs=[])

    assert "script run TYPE" in words(message)


def test_an_error_that_passes_says_so(type_in, words, desk):
    desk.fails_with = QueueFull()

    said = words(type_in("script list"))

    assert "Too many accepted events" in said
    assert "type it again in a moment" in said


def test_a_fault_of_ours_is_a_number_that_is_found_in_the_log(type_in, words, desk, caplog):
    desk.fails_with = ZeroDivisionError("secret")

    said = words(type_in("script list"))

    assert "secret" not in said
    (record,) = caplog.records
    assert record.reference in said


def test_a_wrong_config_is_named(type_in, words):
    assert "Colour" in words(type_in("script list", config={"Colour": 1}))


def test_too_many_commands_at_once_get_a_friendly_no(make_chat, make_request, desk):
    chat = make_chat(most_calls=2)
    desk.hangs = True

    async def session():
        slow = make_request("script list", config={"answerWithin": 0.3})
        return await asyncio.gather(*(chat.execute(slow) for _ in range(3)))

    answers = [answer.decode() for (answer,) in asyncio.run(session())]

    assert sum("Many commands" in answer for answer in answers) == 1
