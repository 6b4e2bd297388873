"""A runner that does not report is given up some time after the deadline."""

import asyncio

import pytest

from service.errors import RunnerLost
from service.outcome import Ending, Execution
from service.ports import Order
from service.wiring.punctual import PunctualRunner


class FrozenRunner:
    """Reports nothing until it is let go."""

    def __init__(self):
        self.ended = asyncio.Event()
        self.cancelled = False

    async def run(self, order):
        try:
            await self.ended.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise RunnerLost

    async def let_go(self):
        self.ended.set()

    async def cancel(self, run):
        return run == "run-1"


class QuickRunner:
    async def run(self, order):
        return Execution(ending=Ending.EXIT, exit_code=3)


@pytest.fixture
def order(make_event):
    return Order(
        run="run-1",
        name="a.sh",
        blob="b" * 40,
        content=b"",
        event=make_event(),
        variables={},
        timeout=0.02,
    )


def punctual(runner, give_up=None):
    return PunctualRunner(runner=runner, margin=0.03, give_up=give_up)


def test_a_runner_that_reports_is_believed(order):
    execution = asyncio.run(punctual(QuickRunner()).run(order))

    assert execution.exit_code == 3


def test_a_runner_that_does_not_report_is_given_up(order, caplog):
    async def story():
        frozen = FrozenRunner()
        await punctual(frozen, frozen.let_go).run(order)

    with pytest.raises(RunnerLost):
        asyncio.run(story())

    [record] = caplog.records
    assert (record.alarm, record.run) == ("runner-frozen", "run-1")


def test_cancelling_reaches_the_runner(order):
    async def story():
        frozen = FrozenRunner()
        running = asyncio.ensure_future(punctual(frozen).run(order))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return frozen.cancelled, await punctual(frozen).cancel("run-1")

    assert asyncio.run(story()) == (True, True)


def test_runners_can_be_told_apart_in_a_set():
    """The worker asks each runner once to stop, however many suffixes it serves."""
    one, other = punctual(QuickRunner()), punctual(QuickRunner())

    assert {one, one, other} == {one, other}
