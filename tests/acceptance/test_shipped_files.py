"""Files as the predecessor shipped them beside its manual, in shape and names; not its text.

Its own samples open with `##` and close with `###`, the way REST clients separate requests.
"""

import json

import pytest

CHANGE = "sh.keptn.event.configuration.change"
DEPLOYMENT = "sh.keptn.event.deployment.triggered"
WHERE = {"project": "simpleproject", "stage": "staging", "service": "simplenode"}
HEAD = "##\nPOST {url}\nAccept: application/json\nContent-Type: application/cloudevents+json\n"
OF_07 = HEAD + '\n{{\n  "project": "$PROJECT",\n  "mylabel" : "$LABEL_gitcommit"\n}}\n'
OF_08 = HEAD + '\n{{\n  "project": "${{data.project}}",\n  "event": "${{type}}"\n}}\n'
METRIC = """{first}
Content-Type: application/json
Authorization: Api-Token $ENV_DT_API_TOKEN
{empty}
{{
  "configUrl": "https://bridge.keptn.$ENV_KEPTN_DOMAIN",
  "series": [
  {{
    "timeseriesId": "custom:keptn.events.$EVENT",
    "dimensions": {{ "stage": "$STAGE" }},
    "dataPoints": [
      [
        $TIMEUTCMS,
        1
      ]
    ]
  }}
  ]
}}"""
CAPITALS = {
    "specversion": "1.0",
    "id": "f0404a65-0a82-4664-a7dc-0136016377c1",
    "source": "remediation-service",
    "type": "sh.keptn.event.action.triggered",
    "time": "2021-04-02T10:10:52.511Z",
    "shkeptncontext": "2d333732-3839-4034-b934-303331343535",
    "triggeredid": "1a21f70d-336c-4bcd-a42a-0845239c3503",
    "data": WHERE
    | {
        "action": {
            "Name": "ActionName",
            "Action": "genericactionname",
            "Value": {"message": "some message", "somethingelse": "value2"},
        },
        "labels": {"Problem URL": "https://live.example/#problems;pid=-37"},
    },
}


@pytest.mark.parametrize("closing", ["", pytest.param("###")], ids=["open", "closed"])
def test_configuration_change_http_is_sent(run_shared, make_event, target, closing):
    data = WHERE | {"labels": {"gitcommit": "commit-ABC", "user": "andi"}}
    event = make_event(CHANGE, specversion="0.2", data=data)

    run_shared(event, {"configuration.change.http": OF_07.format(url=target.url) + closing})

    ((_, _, body),) = target.requests
    assert json.loads(body) == {"project": "simpleproject", "mylabel": "commit-ABC"}


@pytest.mark.parametrize("closing", ["", pytest.param("###\n")], ids=["open", "closed"])
def test_deployment_triggered_http_is_sent(run_shared, make_event, target, closing):
    event = make_event(DEPLOYMENT, data=WHERE)

    run_shared(event, {"deployment.triggered.http": OF_08.format(url=target.url) + closing})

    ((_, _, body),) = target.requests
    assert json.loads(body) == {"project": "simpleproject", "event": DEPLOYMENT}


@pytest.mark.parametrize("closing", ["", pytest.param("###")], ids=["open", "closed"])
def test_a_test_event_in_a_file_is_run(genexec, write_scripts, tmp_path, closing):
    file = tmp_path / "test.action.triggered.http"
    head = "##\nPOST http://localhost:8080/\nContent-Type: application/cloudevents+json\n\n"
    file.write_text(f"{head}{json.dumps(CAPITALS)}\n{closing}")
    name = "generic-executor/action.triggered.genericactionname.sh"
    scripts = write_scripts({name: 'echo "got $1"; echo $SOURCE; echo $VALUE_MESSAGE\n'})

    code, printed = genexec("run", file, "--scripts", scripts)

    assert (code, printed["outputs"][0].splitlines()[1:]) == (
        0,
        ["remediation-service", "some message"],
    )


@pytest.mark.parametrize(
    ("script", "scheme"),
    [
        (METRIC.format(first="POST http://$ENV_DT_TENANT/api/v1/entity", empty=""), ""),
        (METRIC.format(first="POST $ENV_DT_TENANT/api/v1/entity", empty="  "), "http://"),
    ],
    ids=["all.events.http", "send.dynatrace.metric.http"],
)
def test_every_event_becomes_a_data_point(run_shared, make_event, target, script, scheme):
    event = make_event(CHANGE, specversion="0.2", data=WHERE, time="2020-03-24T08:42:09.633Z")
    host = target.url.removeprefix("http://")

    run_shared(
        event,
        {"all.events.http": script},
        DT_TENANT=scheme + host,
        DT_API_TOKEN="dt0c01.SECRET",
        KEPTN_DOMAIN="example",
    )

    ((path, headers, body),) = target.requests
    assert (path, headers["Authorization"]) == ("/api/v1/entity", "Api-Token dt0c01.SECRET")
    assert json.loads(body) == {
        "configUrl": "https://bridge.keptn.example",
        "series": [
            {
                "timeseriesId": f"custom:keptn.events.{CHANGE}",
                "dimensions": {"stage": "staging"},
                "dataPoints": [[1585039329633, 1]],
            }
        ],
    }


def test_test_triggered_sh_speaks_and_leaves_its_times_in_a_file(run_shared, make_event):
    script = """#!/bin/bash
response="{
    \\"start\\" : \\"$TIMEUTCMS\\",
    \\"end\\" : \\"$TIMEUTCMS\\"
    }"
echo "tested $DATA_DEPLOYMENT_DEPLOYMENTURISPUBLIC_0"
echo $response > "$ID.finished.event.json"
"""
    data = WHERE | {"deployment": {"deploymentURIsPublic": ["http://simplenode.example/"]}}

    done = run_shared(make_event(data=data), {"test.triggered.sh": script})

    finished = json.loads(done.outgoing[-1].body)["data"]
    assert finished["test"] == {"start": "1795262398123", "end": "1795262398123"}
    assert finished["message"] == "tested http://simplenode.example/"


def test_a_variable_of_the_container_is_found_in_any_case(run_shared, make_event, target):
    script = f"POST {target.url}\n\n${{env.testtoken}} ${{env.TESTTOKEN}} ${{env.TestToken}}"

    run_shared(make_event(), {"test.triggered.http": script}, TestToken="t0ken")

    assert target.requests[0][2] == "t0ken t0ken t0ken"
