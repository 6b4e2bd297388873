"""What somebody sees whose credentials are for some projects only."""

import pytest


class Restricted:
    """A visitor for one project."""

    everywhere = False

    def may_touch(self, project):
        return project == "sockshop"


@pytest.fixture
def ask(client):
    def ask(path, method="GET"):
        scope = {"genexec.sender": Restricted()}
        return client.open(path, method=method, environ_overrides={"asgi.scope": scope})

    return ask


def test_runs_of_other_projects_are_left_out(ask):
    assert [run["seq"] for run in ask("/api/v1/runs").json["runs"]] == [3, 1]


def test_a_page_goes_on_after_what_was_left_out(ask):
    first = ask("/api/v1/runs?limit=2").json

    assert [run["seq"] for run in first["runs"]] == [3]
    assert first["next"] == 2


def test_asking_for_another_project_is_refused_with_its_name(ask):
    answer = ask("/api/v1/runs?project=other")

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.json["message"] == "these credentials are not for project 'other'"


@pytest.mark.parametrize("path", ["/api/v1/runs/1jkq9m2x2", "/api/v1/runs/1jkq9m2x2/output/0"])
def test_a_run_of_another_project_does_not_exist(ask, path):
    assert (ask(path).status_code, ask(path).json["code"]) == (404, "unknown-run")
    assert ask("/api/v1/runs/1jkq9m2x1").status_code == 200


def test_only_its_own_project_is_refreshed(ask, refreshed):
    assert ask("/api/v1/refresh/other", "POST").status_code == 403
    assert ask("/api/v1/refresh?project=other", "POST").status_code == 403
    assert ask("/api/v1/refresh/sockshop", "POST").status_code == 200
    assert refreshed == ["sockshop"]


def test_what_is_about_all_projects_is_not_for_them(ask):
    assert ask("/api/v1/status").status_code == 403
    assert ask("/metrics").status_code == 403
