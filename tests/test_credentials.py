"""What Keptn events carry of secrets never gets past the door."""

import base64
import json
from datetime import UTC, datetime

import pytest

from service.credentials import without_credentials
from service.event import Acceptance, read_event

SECRET = "geheim"


@pytest.mark.parametrize(
    "data",
    [
        {"gitToken": SECRET},
        {"GitToken": SECRET},
        {"eventContext": {"keptnContext": "c", "token": SECRET}},
        {"eventContext": {"keptnContext": "c", "Token": SECRET}},
        {"createdProject": {"gitToken": SECRET, "gitRemoteURL": f"https://me:{SECRET}@h/r.git"}},
        {"gitCredentials": {"https": {"token": SECRET}}},
        {"gitPrivateKey": SECRET, "gitPrivateKeyPass": SECRET, "gitProxyPassword": SECRET},
        {"gitRemoteURL": f"https://{SECRET}@git.example.org/r.git"},
        {"gitRemoteURL": f"https://[{SECRET}@x"},
    ],
    ids=json.dumps,
)
def test_a_secret_of_a_keptn_event_is_gone_and_the_rest_stays(data):
    kept = without_credentials({"project": "sockshop", **data})

    assert SECRET not in json.dumps(kept)
    assert kept["project"] == "sockshop"


def test_an_address_without_credentials_and_other_tokens_stay():
    data = {
        "gitRemoteURL": "https://git.example.org/r.git",
        "gitUser": "me",
        "token": "a label of somebody",
        "labels": {"token": "x"},
    }

    assert without_credentials(data) is data


@pytest.mark.parametrize("form", ["data", "data_base64"])
def test_a_project_is_created_without_its_token_in_the_event_file(form):
    data = {"project": "sockshop", "shipyard": "eA==", "gitUser": "me", "gitToken": SECRET}
    document = {
        "specversion": "0.2",
        "id": "1",
        "source": "shipyard-service",
        "type": "sh.keptn.internal.event.project.create",
        "contenttype": "application/json",
    }
    if form == "data":
        document["data"] = data
    else:
        document["data_base64"] = base64.b64encode(json.dumps(data).encode()).decode()

    event = read_event(document, accept=Acceptance.LEGACY, now=datetime.now(UTC))

    assert event.fields["gitUser"] == "me"
    assert SECRET not in json.dumps([event.document, event.data])


def test_an_event_that_is_not_keptns_is_left_as_it_is():
    document = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "com.example.push",
        "data": {"gitToken": "not ours to judge"},
    }

    event = read_event(document, accept=Acceptance.STRICT, now=datetime.now(UTC))

    assert event.fields == {"gitToken": "not ours to judge"}
