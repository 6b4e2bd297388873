"""What a monitoring system sees of the running program."""

import json

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from service import __version__

TASK = "sh.keptn.event.test.triggered"
SLOW = "com.example.slow"
TOKEN = "planted-metrics-token-0815"


def scraped(service, **headers):
    """Return samples by name and label values, these in the order of the names of the labels."""
    answer = requests.get(service.address + "/metrics", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def service(serve_all):
    scripts = {"test.triggered.sh": "exit 3", f"{SLOW}.sh": "sleep 60"}
    return serve_all(scripts, genexec_max_body="64KiB").start()


@pytest.fixture
def moved(service):
    """Return by how much figures have moved since the test began, those that have."""
    before = scraped(service)

    def difference():
        now = scraped(service)
        return {
            name: value - before.get(name, 0)
            for name, value in now.items()
            if value != before.get(name, 0)
        }

    return difference


def test_version_and_isolation_are_shown_as_in_the_status_and_the_log(service):
    shown = scraped(service)

    level = service.get("/api/v1/status").json()["engine"]["isolation"]["level"]
    assert shown["genexec_build_info", __version__] == 1
    assert shown["genexec_isolation_info", level] == 1
    said = [record["message"] for record in service.records()]
    assert any("isolated from the service" in message for message in said)


def test_an_event_that_is_run_and_answered_moves_the_counts_once(service, moved, event, until):
    service.wait_for(service.send(event(TASK)))

    until(lambda: moved().get(("genexec_events_sent_total",)) == 2, what=moved)
    until(lambda: moved().get(("genexec_outgoing_events", "sent")) == 2, what=moved)
    counts = moved()
    assert counts["genexec_intake_requests_total", "accepted", "202"] == 1
    assert counts["genexec_intake_events_total", "accepted"] == 1
    assert counts["genexec_intake_accept_seconds_count",] == 1
    assert counts["genexec_runs_ended_total", "failed"] == 1
    assert counts["genexec_runs", "failed"] == 1
    assert counts["genexec_scripts_ended_total", "exit", "sh"] == 1
    assert counts["genexec_script_seconds_count", "sh"] == 1
    assert ("genexec_unfinished_events",) not in counts


def test_refusals_and_duplicates_are_counted_by_their_reason(service, moved, event):
    twice = event("com.example.nothing")
    service.send(twice)
    service.send(twice)
    service.post(twice | {"data": {"other": True}})
    service.post({"specversion": "1.0"})
    service.post(event(TASK, data={"long": "x" * 70_000}))
    requests.post(service.address, data="x", headers={"content-type": "text/html"}, timeout=10)
    requests.get(service.address, headers={"x-long": "x" * 10_000}, timeout=10)

    counts = moved()

    requests_ = {name[1:]: n for name, n in counts.items() if name[0].endswith("requests_total")}
    assert requests_ == {
        ("accepted", "202"): 1,
        ("duplicate", "202"): 1,
        ("content-conflict", "422"): 1,
        ("bad-event", "400"): 1,
        ("event-too-large", "413"): 1,
        ("unsupported-media-type", "415"): 1,
        ("header-too-large", "431"): 1,
    }
    assert counts["genexec_intake_events_total", "accepted"] == 1
    assert counts["genexec_intake_events_total", "duplicate"] == 1


def test_a_sink_that_is_away_is_seen_and_what_waits_for_it(serve, event, until):
    service = serve({"test.triggered.sh": "true"}).start()
    service.sink.answer = lambda _: 500
    service.send(event(TASK))

    until(lambda: scraped(service)["genexec_sink_up",] == 0)

    shown = scraped(service)
    assert shown["genexec_delivery_failures_total",] >= 3
    assert shown["genexec_outgoing_events", "pending"] == 2
    assert shown["genexec_oldest_pending_event_age_seconds",] > 0


def test_an_event_the_sink_refuses_is_a_dead_letter(serve, event, until):
    service = serve({"test.triggered.sh": "true"}).start()
    service.sink.answer = lambda _: 400
    service.send(event(TASK))

    until(lambda: scraped(service)["genexec_dead_letters_total",] == 2)

    assert scraped(service)["genexec_outgoing_events", "dead"] == 2


def test_without_the_engine_the_rest_is_answered(serve, event, until):
    service = serve({f"{SLOW}.sh": "sleep 60"}).start()
    run = service.send(event(SLOW))
    service.wait_for(run, "running")
    shown = scraped(service)
    assert (shown["genexec_engine_up",], shown["genexec_running_events",]) == (1, 1)

    service.kill("engine")

    until(lambda: scraped(service)["genexec_engine_up",] == 0)
    until(lambda: scraped(service)["genexec_engine_up",] == 1)
    until(lambda: scraped(service)["genexec_runs_ended_total", "interrupted"] == 1)


def test_metrics_are_for_those_who_may_read(serve, event, tmp_path):
    senders = tmp_path / "senders.yaml"
    reader = {"name": "prometheus", "tokens": [TOKEN], "scopes": ["read"]}
    sender = {"name": "ci", "tokens": [TOKEN + "-ci"], "scopes": ["send"]}
    senders.write_text(json.dumps([reader, sender]))
    service = serve({"test.triggered.sh": "true"}, genexec_senders_file=senders).start()

    nobody = service.get("/metrics")
    other = requests.get(
        service.address + "/metrics", headers={"authorization": f"Bearer {TOKEN}-ci"}, timeout=10
    )

    assert (nobody.status_code, other.status_code) == (401, 403)
    assert "genexec_" not in nobody.text + other.text
    shown = scraped(service, authorization=f"Bearer {TOKEN}")
    assert shown["genexec_intake_requests_total", "not-authenticated", "401"] == 1
    assert shown["genexec_intake_requests_total", "not-allowed", "403"] == 1


def test_nothing_of_an_event_is_shown(service, event):
    sent = event(TASK, project="planted-project", source="planted-source")
    service.wait_for(service.send(sent))

    text = service.get("/metrics").text

    for word in ("planted", "test.triggered", sent["id"], sent["shkeptncontext"]):
        assert word not in text
