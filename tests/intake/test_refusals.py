"""One shape for every refusal, and a log that a flood cannot fill."""

import asyncio
import json
import logging

from service.intake.refusals import Refusals
from service.intake.tally import Tally


def test_a_refusal_is_answered_and_logged_under_one_reference(caplog):
    caplog.set_level(logging.INFO)

    async def refuse():
        return Refusals(Tally()).answer(400, "bad-event", "no", sender="192.0.2.1")

    answer = asyncio.run(refuse())

    reference = json.loads(answer.body)["reference"]
    assert json.loads(answer.body) == {"code": "bad-event", "message": "no", "reference": reference}
    assert caplog.records[0].reference == reference
    assert caplog.records[0].sender == "192.0.2.1"


def test_control_and_direction_characters_are_not_reflected():
    async def refuse():
        return Refusals(Tally()).answer(400, "bad-event", "a\r\n\x1b\u202eb", sender="")

    assert json.loads(asyncio.run(refuse()).body)["message"] == "a????b"


def test_a_flood_is_written_ten_times_and_then_counted(caplog):
    caplog.set_level(logging.INFO)

    async def flood():
        refusals = Refusals(Tally())
        for _ in range(100):
            refusals.answer(400, "bad-event", "no", sender="")
        await asyncio.sleep(1.05)
        refusals.answer(400, "bad-event", "again", sender="")

    asyncio.run(flood())

    assert [record.getMessage() for record in caplog.records[9:]] == [
        "request refused with 400: no",
        "90 more requests were refused within a second",
        "request refused with 400: again",
    ]


def test_only_answers_that_ask_for_a_retry_say_when():
    async def refuse(status):
        return dict(Refusals(Tally()).answer(status, "x", "x", sender="").headers)

    assert asyncio.run(refuse(429))[b"retry-after"] == b"2"
    assert b"retry-after" not in asyncio.run(refuse(400))
