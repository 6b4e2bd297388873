"""Figures of the engine arrive at the web process as they were sent."""

import json
import os

from service.figures import Distribution, EngineFigures, ProcessFigures
from service.wiring.figures import heard, process_figures, told

FIGURES = EngineFigures(
    process=ProcessFigures(cpu=1.5, memory=4096, files=7),
    isolation="files",
    writable=False,
    running=2,
    at_once=8,
    waiting=3,
    ended={"passed": 5},
    scripts={"sh": {"exit": 4}},
    seconds={"sh": Distribution(bounds=[0.1, 1.0], counts=[3, 2, 1], total=4.5)},
    sent=9,
    failed=6,
    dead=1,
    sink=None,
    source=True,
)


def test_what_was_told_as_json_is_heard_alike():
    answer = json.loads(json.dumps({"number": 17, **told(FIGURES)}))

    assert heard(answer) == FIGURES


def test_a_process_knows_what_it_takes():
    before = process_figures()
    descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        after = process_figures()
    finally:
        os.close(descriptor)

    assert after.files == before.files + 1
    assert before.memory > 1 << 20
    assert after.cpu >= before.cpu > 0
