"""Scripts are counted where they are run."""

import asyncio

import pytest

from service.errors import RunnerLost
from service.outcome import Ending, Execution
from service.wiring.counted import counted


class Scripted:
    """Stands for a runner: ends as it is told, or is lost."""

    def __init__(self, *endings):
        self._endings = list(endings)

    async def run(self, order):
        ending = self._endings.pop(0)
        if ending is None:
            raise RunnerLost
        return Execution(ending=ending, seconds=0.2)

    async def cancel(self, run):
        return run == "there"


def run_all(*endings):
    runners, counts = counted({".sh": Scripted(*endings), ".py": Scripted()})

    async def story():
        for ending in endings:
            if ending is None:
                with pytest.raises(RunnerLost):
                    await runners[".sh"].run(None)
            else:
                assert (await runners[".sh"].run(None)).ending is ending

    asyncio.run(story())
    return counts


def test_every_ending_is_counted_from_the_beginning():
    counts = run_all()

    assert counts[".py"].endings() == {ending.value: 0 for ending in Ending}


def test_scripts_are_counted_by_what_ended_them():
    counts = run_all(Ending.EXIT, Ending.EXIT, Ending.DEADLINE)[".sh"]

    assert counts.endings()["exit"] == 2
    assert counts.endings()["deadline"] == 1
    assert sum(counts.seconds().counts) == 3
    assert counts.seconds().total == pytest.approx(0.6)


def test_a_script_that_never_started_took_no_time():
    counts = run_all(Ending.NOT_RUN)[".sh"]

    assert counts.endings()["not run"] == 1
    assert sum(counts.seconds().counts) == 0


def test_a_script_whose_runner_is_lost_was_interrupted():
    counts = run_all(None)[".sh"]

    assert counts.endings()["interrupted"] == 1
    assert sum(counts.seconds().counts) == 0


def test_a_run_is_cancelled_where_it_runs():
    runners, _ = counted({".sh": Scripted()})

    assert asyncio.run(runners[".sh"].cancel("there")) is True
    assert asyncio.run(runners[".sh"].cancel("gone")) is False
