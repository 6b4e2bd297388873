"""What is not there lets the next level be tried; what could not be looked at never does."""

import asyncio
import json

import pytest

from service.errors import BadScript, SourceMisconfigured, SourceUnavailable

FILE = "generic-executor/test.triggered.sh"
HTML = "<html><body>Bad Gateway</body></html>"


def problem(status, message):
    return {"status": status, "body": json.dumps({"code": status, "message": message})}


@pytest.mark.parametrize("version", ["0.6", "0.8", "0.13", "1.4"])
@pytest.mark.parametrize("where", ["nowhere carts", "dev nobody", "nowhere", ""])
def test_a_level_that_is_not_there_counts_as_absent(keptn, look_up, shown, version, where):
    keptn.set(version=version)
    keptn.commit({FILE: b"project"})
    keptn.commit({FILE: None, "carts/x": b"x"}, branch="dev")
    stage, _, service = where.partition(" ")

    listing = look_up(stage=stage, service=service)

    assert shown(listing) == [f"*:{FILE}"]


def test_levels_that_are_there_are_named_with_their_commit(keptn, look_up):
    project = keptn.commit({"x": b"x"})
    stage = keptn.commit({"carts/x": b"x"}, branch="dev")

    commits = look_up().commits
    without = look_up(service="nobody").commits

    assert {(place.level, commit) for place, commit in commits.items()} == {
        ("project", project),
        ("stage", stage),
        ("service", stage),
    }
    assert {place.level for place in without} == {"project", "stage"}


@pytest.mark.parametrize("version", ["0.6", "0.8", "1.4"])
def test_an_empty_file_counts_as_absent(keptn, look_up, version):
    keptn.set(version=version)
    keptn.commit({FILE: b""})

    assert look_up().found == {}


@pytest.mark.parametrize("version", ["0.6", "0.8", "1.4"])
def test_a_project_that_keptn_does_not_know_could_not_be_looked_at(keptn, look_up, version):
    keptn.set(version=version)

    with pytest.raises(SourceUnavailable, match="Project not found"):
        look_up(project="other")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (problem(500, "Internal server error"), "answered 500: Internal server error"),
        (problem(500, "Could not check out branch"), "500: Could not check out branch"),
        (problem(503, "Service unavailable"), "answered 503"),
        (problem(424, "Invalid git token"), "answered 424: Invalid git token"),
        (problem(400, "Upstream repository not found"), "answered 400"),
        (problem(404, "Upstream repository not found"), "cannot look into this project"),
        (
            problem(404, "Could not find credentials for upstream repository"),
            "cannot look into this project: Could not find credentials",
        ),
        (
            problem(404, "Upstream repository of stage dev not found"),
            "cannot look into this project: Upstream repository",
        ),
        (problem(404, "Something else"), "cannot look into this project: Something else"),
        (problem(404, "path /v1/x was not found"), "no resource API of Keptn"),
        (problem(404, ""), "no resource API of Keptn"),
        ({"status": 404, "body": "404 page not found"}, "no resource API of Keptn"),
        ({"status": 404, "body": HTML}, "404 with a web page"),
        ({"status": 200, "body": HTML}, "200 with a web page instead of JSON"),
        ({"status": 200, "body": ""}, "200 with an empty body instead of JSON"),
        ({"status": 200, "body": "[]"}, "200 with other text instead of JSON"),
        ({"status": 200, "body": "{}"}, "its answer is not a resource"),
        ({"status": 502, "body": HTML}, "answered 502: a web page"),
        ({"status": 500, "body": ""}, "500 without a word"),
        ({"location": "http://127.0.0.1:9"}, "302, a redirect, which is not followed"),
        ({"status": 401, "body": "{}"}, r"refuses the look-up \(401\).*GENEXEC_KEPTN_TOKEN_FILE"),
        ({"status": 403, "body": HTML}, r"refuses the look-up \(403\)"),
        ({"status": 429, "body": "{}"}, "too often with a wrong token"),
        ({"cut": True}, "cannot be reached: the connection ended"),
    ],
)
def test_whatever_else_goes_wrong_is_no_absence(keptn, look_up, fault, why):
    keptn.commit({FILE: b"x"})
    keptn.set(**fault)

    with pytest.raises(SourceUnavailable, match=why):
        look_up()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (problem(500, "Internal server error"), "answered 500"),
        ({"status": 404, "body": HTML}, "does not know the way"),
        ({"status": 200, "body": '{"resources": "x"}'}, "its list has no resources"),
        ({"status": 200, "body": '{"resources": [{}]}'}, "an entry without a name"),
    ],
)
def test_a_stage_that_cannot_be_listed_is_no_absence(keptn, look_up, fault, why):
    keptn.commit({FILE: b"project"})
    keptn.commit({FILE: b"stage"}, branch="dev")
    keptn.set(only="/stage/dev/resource", **fault)

    with pytest.raises(SourceUnavailable, match=why):
        look_up(service="")


@pytest.mark.parametrize("version", ["0.8", "1.4"])
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (problem(500, "Could not read file"), "answered 500: Could not read file"),
        ({"status": 404, "body": HTML}, "does not know the way to a file"),
        ({"status": 200, "body": HTML}, "200 with a web page"),
        ({"status": 501, "body": "{}"}, "does not offer its files"),
        ({"cut": True}, "cannot be reached"),
    ],
)
def test_a_file_that_cannot_be_read_is_no_absence(keptn, look_up, version, fault, why):
    keptn.commit({FILE: b"x"})
    keptn.set(version=version, only="generic-executor", **fault)

    with pytest.raises(SourceUnavailable, match=why):
        look_up()


@pytest.mark.parametrize("version", ["0.7", "0.8", "1.4"])
def test_a_file_with_damaged_base64_is_an_error(keptn, look_up, version):
    keptn.set(version=version, damaged=FILE)
    keptn.commit({FILE: b"some content"})

    with pytest.raises(SourceUnavailable, match="base64 is damaged"):
        look_up()


@pytest.mark.parametrize(("size", "many"), [(1001, "1001 bytes, more than"), (9**6, "more than")])
def test_a_file_that_is_too_large_is_found_and_cannot_be_run(keptn, use_keptn, ask, size, many):
    keptn.commit({FILE: b"x" * size})

    async def scene():
        async with use_keptn() as source:
            (found,) = (await source.look_up(ask())).found.values()
            with pytest.raises(BadScript, match=many):
                await source.read(found)
            return found.problem

    assert asyncio.run(scene()) == f"the file has {many} 1000"


@pytest.mark.parametrize(
    "names", [{"project": "a/b"}, {"stage": "%2e%2e"}, {"service": "a b"}, {"project": ".."}]
)
def test_a_name_that_cannot_stand_in_an_address_is_never_asked_for(keptn, look_up, names):
    with pytest.raises(SourceMisconfigured, match="cannot stand in an address"):
        look_up(**names)

    assert keptn.asked() == []


def test_a_file_whose_name_lists_leave_out_is_found(keptn, look_up, shown):
    keptn.commit({"generic-executor/com.github.push.sh": b"x"})

    assert shown(look_up("com.github.push.sh")) == ["*:generic-executor/com.github.push.sh"]


def test_names_in_lists_may_begin_with_a_slash(keptn, look_up, shown):
    keptn.set(leading_slash=True)
    keptn.commit({FILE: b"x"})

    assert shown(look_up(stage="")) == [f"*:{FILE}"]


def test_every_page_of_a_long_list_is_read(keptn, look_up, shown, paths):
    keptn.commit({f"generic-executor/{number:03}.sh": b"x" for number in range(120)})

    assert shown(look_up("000.sh", "119.sh", "120.sh", stage="")) == [
        "*:generic-executor/000.sh",
        "*:generic-executor/119.sh",
    ]
    assert [path.partition("?")[2] for path in paths() if "pageSize" in path] == [
        "pageSize=50",
        "pageSize=50&nextPageKey=50",
        "pageSize=50&nextPageKey=100",
    ]


def test_a_list_without_end_is_an_error(keptn, look_up):
    page = {"nextPageKey": "1", "resources": [{"resourceURI": "x"}]}
    keptn.set(status=200, body=json.dumps(page), only="pageSize")

    with pytest.raises(SourceUnavailable, match="does not come to an end"):
        look_up()
