"""Selects as a form: clicked the way Botkube types for them, with and without block state."""

import json
import shlex

import pytest


def click(select, value):
    """What reaches the plugin when an option is chosen."""
    assert value in select.values
    return f"{select.command} {value}"


def state(*held):
    """Block state as Slack keeps it, for (block, command, value)."""
    blocks = {}
    for block, command, value in held:
        option = {"text": {"type": "plain_text", "text": value}, "value": value}
        blocks.setdefault(block, {})[command] = {
            "type": "static_select",
            "value": "",
            "selected_option": option,
            "selected_options": None,
        }
    return json.dumps({"values": blocks}).encode()


def test_a_missing_type_is_asked_for_with_selects(type_in, selects):
    offered = selects(type_in("script run"))

    assert offered["Event type"].values == ["test.triggered", "deploy.triggered"]
    assert offered["Context"].initial == "shop/dev/carts"


def test_a_choice_leads_to_a_button_that_runs_it_once(type_in, selects, commands, desk):
    offered = selects(type_in("script run"))

    form = type_in(click(offered["Event type"], "deploy.triggered"))
    run = commands(form)["Run"]
    type_in(run)
    type_in(run)

    assert form["replaceOriginal"] is True
    assert selects(form)["Event type"].initial == "deploy.triggered"
    assert [asked[1].type for asked in desk.asked] == ["deploy.triggered"]


def test_choosing_something_starts_nothing(type_in, selects, desk):
    for verb in ("run", "send", "action"):
        form = selects(type_in(f"script {verb}"))
        first = next(iter(form.values()))
        type_in(click(first, first.values[0]))

    assert desk.asked == []


def test_without_state_the_command_carries_what_was_chosen(
    type_in, selects, commands, desk, make_run
):
    other = make_run().place.__class__(project="shop", stage="prod")
    desk.known["r-2"] = make_run("r-2", place=other)
    form = selects(type_in("script run"))

    form = selects(type_in(click(form["Context"], "shop/prod")))
    message = type_in(click(form["Event type"], "test.triggered"))

    assert commands(message)["Run"].startswith("script run test.triggered shop/prod --once ")


def test_state_of_the_other_selects_counts_more_than_what_the_command_carries(
    type_in, commands, selects
):
    form = selects(type_in("script run"))
    held = state(("genexec-x", form["Context"].command, "shop/prod"))

    message = type_in(click(form["Event type"], "test.triggered"), state=held)

    assert commands(message)["Run"].startswith("script run test.triggered shop/prod --once ")


def test_a_form_keeps_its_block_so_that_slack_keeps_its_choices(type_in, selects):
    form = selects(type_in("script run"))
    held = state((form["Context"].block, form["Context"].command, "shop/dev/carts"))

    after = selects(type_in(click(form["Event type"], "test.triggered"), state=held))

    assert after["Event type"].block == form["Event type"].block


@pytest.mark.parametrize(
    "held",
    [b"", b"{", b"[]", b'{"values": []}', b'{"values": {"genexec-1": {"script ask run type": 3}}}'],
)
def test_state_that_cannot_be_read_is_no_state(type_in, commands, held):
    message = type_in("script ask run context=shop/dev type test.triggered", state=held)

    assert commands(message)["Run"].startswith("script run test.triggered shop/dev --once ")


def test_state_of_another_form_is_not_ours(type_in, commands):
    held = state(("other", "script ask run type=x context", "evil/x"))

    message = type_in("script ask run context=shop/dev type test.triggered", state=held)

    assert commands(message)["Run"].startswith("script run test.triggered shop/dev --once ")


def test_many_scripts_come_in_pages(type_in, selects, desk):
    desk.names = [f"task-{n:03}.triggered.sh" for n in range(300)]
    seen = []
    select = selects(type_in("script run"))["Event type"]

    for _ in range(100):
        *page, last = select.values
        seen += page if last.startswith("@after:") else [*page, last]
        if not last.startswith("@after:"):
            break
        select = selects(type_in(click(select, last)))["Event type"]

    assert seen == [f"task-{n:03}.triggered" for n in range(300)]


def test_the_list_offers_to_show_and_to_run(type_in, selects):
    offered = selects(type_in("script list"))

    shown = type_in(click(offered["Show …"], "test.triggered.sh"))

    assert offered["Run action …"].values == ["restart"]
    assert shlex.split(offered["Run …"].command)[:3] == ["script", "ask", "run"]
    assert "test.triggered.sh" in json.dumps(shown)


def test_a_run_is_opened_by_its_id(type_in, selects):
    offered = selects(type_in("script runs"))["Open a run"]

    message = type_in(click(offered, "r-1"))

    assert message["sections"][0]["header"] == "✅ test.triggered passed"
