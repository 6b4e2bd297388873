"""SIGTERM and SIGINT: nothing new is taken, what runs gets its grace, then all is gone."""

import signal
import time

import pytest

from service.journal.reading import Reader

pytestmark = pytest.mark.promise("R15")

GRACE = 1.0
SHORT = "sh.keptn.event.deployment.triggered"
LONG = "sh.keptn.event.test.triggered"


@pytest.fixture
def service(serve, signing):
    scripts = {
        "deployment.triggered.sh": signing("ran") + "sleep 0.5; echo done",
        "test.triggered.sh": signing("ran") + "sleep 60 & sleep 60",
    }
    options = {"genexec_shutdown_grace": f"{GRACE}s", "genexec_at_once": 2}
    return serve(scripts, **options).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_short_script_finishes_and_a_long_one_is_interrupted(service, event, until, number):
    short, long, waiting = event(SHORT), event(LONG), event(SHORT)
    runs = [service.send(task) for task in (short, long, waiting)]
    service.wait_for_signs(2)
    service.processes()
    asked = time.monotonic()

    service.process.send_signal(number)

    until(lambda: service.get("/readyz").status_code == 503, seconds=2)
    refused = service.post(event(SHORT))
    ready = service.get("/readyz").json()
    code = service.process.wait(GRACE + 5)
    lasted = time.monotonic() - asked
    until(lambda: not service.living(), seconds=1, what="something outlives the service")
    states = [Reader(service.state).run(run).run.state for run in runs]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert ready == {"ready": False, "reasons": ["the service is shutting down"]}
    assert code == 0
    assert GRACE <= lasted < GRACE + 5
    assert states[:2] == ["passed", "interrupted"]
    assert states[2] in ("accepted", "queued")
    assert service.sink.of(trigger=short["id"])[1]["data"]["result"] == "pass"
    assert service.sink.of(trigger=long["id"])[1]["data"]["status"] == "errored"


def test_what_waited_at_the_end_is_run_after_the_next_start(service, event):
    tasks = [event(LONG), event(LONG), event(SHORT), event(SHORT)]
    runs = [service.send(task) for task in tasks]
    service.wait_for_signs(2)
    service.stop()

    service.start()

    records = [service.wait_for(run) for run in runs]
    assert [record["state"] for record in records] == ["interrupted"] * 2 + ["passed"] * 2
    assert [len(service.signs(task["id"])) for task in tasks] == [1] * 4
    assert len(service.sink.wait_for(8)) == 8


def test_an_idle_service_does_not_wait_for_its_grace_to_pass(serve):
    service = serve({}, genexec_shutdown_grace="60s").start()

    code = service.stop()

    assert code == 0
    assert "Traceback" not in service.log.read_text()


def test_answers_that_the_sink_did_not_take_are_delivered_by_the_next_start(service, event):
    service.sink.down()
    task = event(SHORT)
    service.wait_for(service.send(task))
    service.stop()
    service.sink.up()

    service.start()

    answers = service.sink.wait_for(2, trigger=task["id"])
    assert [one["type"].rpartition(".")[2] for one in answers] == ["started", "finished"]
