"""What the API answers at each address."""

import threading

import pytest

from service.api.app import make_api


def test_health_does_not_depend_on_readiness(client, reasons):
    reasons.append("the journal cannot be written")

    assert client.get("/healthz").data == b"ok\n"


def test_readiness_gives_the_reasons_against_it(client, reasons):
    assert client.get("/readyz").json == {"ready": True, "reasons": []}

    reasons.append("draining")
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json) == (503, {"ready": False, "reasons": ["draining"]})


def test_status_adds_how_many_runs_are_in_which_state(client):
    assert client.get("/api/v1/status").json == {
        "version": "1",
        "queue": 0,
        "runs": {"passed": 2, "failed": 1},
    }


def test_runs_are_listed_newest_first(client):
    answer = client.get("/api/v1/runs").json

    assert [run["seq"] for run in answer["runs"]] == [3, 2, 1]
    assert answer["next"] is None


def test_the_next_page_begins_where_the_first_ended(client):
    first = client.get("/api/v1/runs?limit=2").json

    second = client.get(f"/api/v1/runs?limit=2&before={first['next']}").json

    assert [run["seq"] for run in second["runs"]] == [1]


@pytest.mark.parametrize(("query", "found"), [("state=failed", [3]), ("project=other", [2])])
def test_runs_can_be_chosen_by_state_and_project(client, query, found):
    answer = client.get(f"/api/v1/runs?{query}").json

    assert [run["seq"] for run in answer["runs"]] == found


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=0",
        "limit=501",
        "limit=1000000000",
        "limit=" + "9" * 5000,
        "limit=%D9%A3",
        "limit=",
        "before=x",
        "before=-1",
        "state=unknown",
        "state=%00",
        "project=%00",
        "project=' OR 1=1 --",
        "project=",
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(client, query):
    answer = client.get(f"/api/v1/runs?{query}")

    assert answer.status_code == 400
    assert set(answer.json) == {"code", "message", "reference"}


def test_one_run_is_shown_with_event_attempts_and_outgoing_events(client):
    shown = client.get("/api/v1/runs/1jkq9m2x3").json

    assert shown["id"] == "1jkq9m2x3-000000"
    assert shown["accepted_at"] == "2026-11-21T12:00:03.123Z"
    assert shown["started_at"] is None
    assert shown["event"]["id"] == "e-1"
    assert shown["warnings"] == [
        "extension 'BadName' ignored: a name is lower-case letters and digits"
    ]
    assert [attempt["number"] for attempt in shown["attempts"]] == [1, 2]
    assert "output" not in shown["attempts"][0]
    assert shown["outgoing"][0]["id"] == "o-1"
    assert (shown["outgoing"][0]["state"], shown["outgoing"][0]["attempts"]) == ("sent", 1)


@pytest.mark.parametrize(
    "run", ["9", "..", "1jkq9m2x3%", "1jkq9m2x_", "1", "%00", "a" * 300, "1jkq9m2x3-0000000"]
)
def test_what_is_not_one_run_is_not_found(client, run):
    answer = client.get(f"/api/v1/runs/{run}")

    assert (answer.status_code, answer.json["code"]) == (404, "unknown-run")


def test_output_is_a_file_of_plain_text(client):
    answer = client.get("/api/v1/runs/1jkq9m2x3/output/0")

    assert answer.data.decode() == "attempt 2: \x1b[2J<b>ü</b>\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="1jkq9m2x3-000000-0-2.txt"'
    )


def test_output_of_an_earlier_attempt_can_be_asked_for(client):
    answer = client.get("/api/v1/runs/1jkq9m2x3/output/0?attempt=1")

    assert answer.data.startswith(b"attempt 1:")


@pytest.mark.parametrize("rest", ["1", "0?attempt=3", "0?attempt=0", "-1", "x", "9" * 5000])
def test_output_of_no_attempt_is_not_found(client, rest):
    assert client.get(f"/api/v1/runs/1jkq9m2x3/output/{rest}").status_code == 404


@pytest.mark.parametrize(
    "request_",
    [
        {"path": "/api/v1/refresh", "json": {"project": "sockshop"}},
        {"path": "/api/v1/refresh", "data": {"project": "sockshop"}},
        {"path": "/api/v1/refresh?project=sockshop"},
        {"path": "/api/v1/refresh/sockshop"},
        {"path": "/api/v1/refresh/sockshop", "json": {"project": "other", "commits": []}},
        {
            "path": "/api/v1/refresh/sockshop",
            "data": b"{not json",
            "content_type": "application/json",
        },
    ],
)
def test_a_refresh_names_its_project_in_body_query_or_path(client, refreshed, request_):
    answer = client.post(**request_)

    assert answer.json == {"message": "sockshop: 2 new commits"}
    assert refreshed == ["sockshop"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"path": "/api/v1/refresh"}, "bad-request"),
        ({"path": "/api/v1/refresh", "json": ["sockshop"]}, "bad-request"),
        ({"path": "/api/v1/refresh", "json": {"project": 1}}, "bad-request"),
        ({"path": "/api/v1/refresh", "json": {"project": "../x"}}, "invalid-name"),
        ({"path": "/api/v1/refresh/-x"}, "invalid-name"),
        (
            {
                "path": "/api/v1/refresh",
                "data": b"[" * 100_000,
                "content_type": "application/json",
            },
            "bad-request",
        ),
    ],
)
def test_a_refresh_of_no_project_is_refused(client, refreshed, request_, code):
    answer = client.post(**request_)

    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert refreshed == []


def test_a_source_out_of_reach_is_answered_with_when_to_come_back(client):
    answer = client.post("/api/v1/refresh/gone")

    assert (answer.status_code, answer.json["code"]) == (503, "source-unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_refreshes_beyond_four_at_once_are_sent_back(reader, parts):
    begun = threading.Semaphore(0)
    go_on = threading.Event()

    def refresh(project):
        begun.release()
        go_on.wait(5)
        return project

    api = make_api(reader, refresh=refresh, ready=list, status=dict, metrics=tuple, **parts)
    threads = [
        threading.Thread(target=lambda: api.test_client().post("/api/v1/refresh/a"))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert begun.acquire(timeout=5)

    answer = api.test_client().post("/api/v1/refresh/a")

    go_on.set()
    for thread in threads:
        thread.join(5)
    assert answer.status_code == 503
    assert api.test_client().post("/api/v1/refresh/a").status_code == 200


def test_an_internal_error_shows_only_a_reference(client, caplog):
    answer = client.post("/api/v1/refresh/broken")

    assert answer.status_code == 500
    assert answer.json == {"code": "internal-error", "reference": answer.json["reference"]}
    assert caplog.records[0].reference == answer.json["reference"]
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v1/runs/", 404),
        ("GET", "//api/v1/runs", 404),
        ("GET", "/static/x", 404),
        ("POST", "/api/v1/status", 405),
        ("GET", "/api/v1/refresh/sockshop", 405),
    ],
)
def test_what_is_not_offered_is_refused_as_json(client, method, path, status):
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert set(answer.json) == {"code", "message", "reference"}


def test_a_wrong_method_is_answered_with_the_right_ones(client):
    assert client.post("/api/v1/status").headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/runs", "/nowhere"])
def test_every_answer_is_neither_sniffed_nor_stored(client, path):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_metrics_are_plain_text_of_the_version_that_was_given(client):
    answer = client.get("/metrics")

    assert (answer.status_code, answer.text) == (200, "up 1\n")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
