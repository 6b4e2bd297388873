"""The description of the API agrees with its addresses."""

import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from service.api.live import PATH
from service.intake.gate import Gate
from service.states import State

BESIDE_FLASK = {
    ("POST", "/api/v1/events"),
    ("GET", "/api/v1/runs/{run}/output/{position}/live"),
}
"""Served by the intake and as a stream."""


@pytest.fixture
def described(client):
    return client.get("/api/v1/openapi.json").json


def operations(described):
    return {
        (method.upper(), path): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }


def test_it_is_a_valid_document(described):
    validate(described)


def test_every_address_is_described_and_no_other(client, described):
    rules = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert set(operations(described)) == rules | BESIDE_FLASK


def test_the_stream_has_the_address_that_is_described():
    assert PATH.fullmatch("/api/v1/runs/1jkq/output/0/live")


def test_the_states_are_ours(described):
    assert described["components"]["schemas"]["State"]["enum"] == list(State)


def test_a_run_has_the_members_that_are_described(client, described):
    run = client.get("/api/v1/runs").json["runs"][0]

    assert set(run) == set(described["components"]["schemas"]["Run"]["properties"])


def test_every_parameter_in_a_path_is_described(described):
    for (_, path), operation in operations(described).items():
        names = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert names == set(re.findall(r"{(\w+)}", path)), path


def test_the_scopes_are_those_that_the_gate_asks_for(described):
    gate = object.__new__(Gate)
    gate._paths = {"/", "/api/v1/events"}

    for (method, path), operation in operations(described).items():
        request = type("Request", (), {"method": method, "path": re.sub(r"{\w+}", "x", path)})
        needed = gate._needed(request)
        assert operation.get("x-scope") == needed, (method, path)


def test_the_page_for_people_names_every_address(described):
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text()

    for _, path in operations(described):
        assert re.sub(r"{(\w+)}", r"<\1>", path) in page, path
