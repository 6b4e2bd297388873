"""Whole sequences of a scripted Keptn, by each way events come and go."""

import time

import pytest

SOURCE = "generic-executor-service"
DELIVERY = ["dev", "delivery", ["deployment", "test"]]
PRODUCTION = ["production", "delivery", ["deployment"]]
SIGNING = 'echo "ran $ID $GENEXEC_ATTEMPT $$ $EPOCHREALTIME" >> "$ENV_WITNESS"\n'
SCRIPTS = {
    "deployment.triggered.sh": 'echo \'{"url": "http://carts"}\'\n',
    "test.triggered.sh": 'test "$DATA_DEPLOYMENT_URL" = http://carts && echo tested\n',
}


def test_a_delivery_passes_through_two_stages(start, keptn, ended, said, way):
    start(way, SCRIPTS)

    context = keptn.begin(DELIVERY, PRODUCTION)

    assert ended(context)["last"] == {"result": "pass", "status": "succeeded"}
    pair = ["deployment.started", "deployment.finished"]
    assert said(context) == [*pair, "test.started", "test.finished", *pair]
    finished = keptn.events(context, source=SOURCE, type_="test.finished")[0]
    assert finished["data"]["message"] == "tested"
    types = [event["type"].removeprefix("sh.keptn.event.") for event in keptn.events(context)]
    assert types[0] == "dev.delivery.triggered"
    assert types[-1] == "production.delivery.finished"


def test_a_failed_task_ends_the_sequence(start, keptn, ended, said, way):
    start(way, {"deployment.triggered.sh": "echo no; exit 1\n"})

    context = keptn.begin(DELIVERY, PRODUCTION)

    assert ended(context)["last"] == {"result": "fail", "status": "succeeded"}
    assert said(context) == ["deployment.started", "deployment.finished"]


def test_a_service_that_is_killed_in_the_middle_answers_each_started_once(
    start, keptn, ended, until, way
):
    service = start(way, {"test.triggered.sh": f"{SIGNING}sleep 60\n"})
    context = keptn.begin(["dev", "delivery", ["test"]])
    service.wait_for_signs(1)
    until(lambda: [state_of_started(service)] == ["sent"])

    service.kill("supervisor")
    service.process.wait()
    service.start()
    start.come(service, way)

    assert ended(context)["last"] == {"result": "fail", "status": "errored"}
    answers = keptn.events(context, source=SOURCE)
    assert [kind(event) for event in answers] == ["started", "finished"]
    assert len(service.signs()) == 1


def kind(event):
    return event["type"].rpartition(".")[2]


def state_of_started(service):
    """Killed before this is written down, it is sent twice: see docs/guarantees.md."""
    run = next(one for one in service.runs() if one["type"].endswith("test.triggered"))
    return next(iter(service.run(run["id"])["outgoing"]))["state"]


@pytest.mark.parametrize("rule", ["source", "started", "count"])
def test_every_generation_of_the_shipyard_sees_the_task_complete(start, keptn, ended, rule):
    start("1.4 NATS", SCRIPTS)
    keptn.set(rule=rule)

    context = keptn.begin(["dev", "delivery", ["deployment"]])

    assert ended(context)["last"] == {"result": "pass", "status": "succeeded"}


def test_a_remediation_of_keptn_0_7_starts_one_evaluation(start, keptn, until, event):
    scripts = {
        "problem.open.sh": "echo seen\n",
        "action.triggered.scale.sh": "echo scaled\n",
        "all.events.sh": "echo any\n",
    }
    service = start("0.7 broker", scripts)

    context = keptn.remedy("scale")

    until(lambda: keptn.events(context, type_="start-evaluation"))
    until(lambda: all(run["ended_at"] for run in service.runs()) and len(service.runs()) >= 3)
    kinds = [one["type"] for one in keptn.events(context, source=SOURCE)]
    assert kinds == ["sh.keptn.event.action.started", "sh.keptn.event.action.finished"]
    (finished,) = keptn.events(context, type_="action.finished")
    assert finished["specversion"] == "0.2"
    assert finished["data"]["action"] == {"result": "pass", "status": "scaled"}
    assert len(keptn.events(context, type_="start-evaluation")) == 1


@pytest.mark.parametrize("way", ["1.4 NATS", "remote"])
def test_keptn_knows_us_while_we_run_and_not_afterwards(start, keptn, way):
    service = start(way, SCRIPTS)

    (known,) = keptn.state()["integrations"].values()
    service.stop()

    assert known["name"] == SOURCE
    assert known["metadata"]["hostname"] == "node-1"
    inside = "control-plane" if way == "1.4 NATS" else "remote-execution-plane"
    assert known["metadata"]["location"] == inside
    assert keptn.state()["deleted"] == [known["id"]]


@pytest.mark.parametrize("way", ["1.4 NATS", "remote"])
def test_a_web_process_that_was_killed_registers_again_and_goes_on(start, keptn, ended, until, way):
    service = start(way, SCRIPTS)
    (id_,) = keptn.state()["integrations"]
    calls = len(keptn.state()["calls"])

    service.kill("worker")
    until(lambda: any("POST" in call for call in keptn.state()["calls"][calls:]))
    service.wait_until_ready()
    start.come(service, way)

    assert list(keptn.state()["integrations"]) == [id_]
    assert ended(keptn.begin(["dev", "delivery", ["deployment"]]))["last"]["result"] == "pass"


def test_keptn_that_is_away_ends_the_service_in_time(connect, keptn, nats_server, until):
    service = connect("1.4 NATS", SCRIPTS)
    nats_server.down()
    keptn.set(hang=True)
    service.start()
    until(lambda: service.get("/api/v1/status").json()["events"]["troubles"])

    began = time.monotonic()
    code = service.stop()
    nats_server.up()

    assert code == 0
    assert time.monotonic() - began < 12


def test_whether_events_come_is_told_by_status_and_metrics(start, keptn, nats_server, until):
    service = start("1.4 NATS", SCRIPTS)
    page = service.get("/metrics").text
    nats_server.down()

    until(lambda: service.get("/api/v1/status").json()["events"]["troubles"])
    later = service.get("/metrics").text
    nats_server.up()

    assert "\ngenexec_events_up 1.0\n" in page
    assert "\ngenexec_events_up 0.0\n" in later


def test_fetched_events_are_counted(start, keptn, ended):
    service = start("remote", SCRIPTS)
    ended(keptn.begin(["dev", "delivery", ["deployment"]]))

    assert 'genexec_intake_events_total{result="accepted"} 1.0' in service.get("/metrics").text


@pytest.mark.parametrize("way", ["1.4 NATS", "remote"])
def test_a_task_that_errs_stands_in_keptns_error_log(start, keptn, ended, until, way):
    start(way, {"test.triggered.sh": "# genexec: timeout=300ms\nsleep 9\n"})
    (id_,) = keptn.state()["integrations"]

    context = keptn.begin(["dev", "delivery", ["test"]])

    assert ended(context)["last"]["status"] == "errored"
    (entry,) = until(lambda: keptn.state()["logs"])
    assert (entry["integrationid"], entry["task"]) == (id_, "test")
    assert entry["shkeptncontext"] == context
