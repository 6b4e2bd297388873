"""What the public `cloudevents` package sends is accepted unchanged."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

ATTRIBUTES = {
    "specversion": "1.0",
    "source": "/übung/1 %2",
    "type": "sh.keptn.event.test.triggered",
    "subject": 'a "quoted" name',
    "datacontenttype": "application/json",
    "time": datetime(2026, 11, 21, 11, 59, 58, 123000, tzinfo=UTC),
    "shkeptncontext": "08735340-6f9e-4b32-97ff-3b6c292bc509",
}
DATA = {"project": "sockshop", "labels": {"größe": "1 €", "empty": None}}


@pytest.mark.parametrize("write", [to_structured, to_binary])
def test_an_event_of_the_public_package_arrives_as_it_was_sent(server, write):
    event = CloudEvent(ATTRIBUTES | {"id": f"public {write.__name__} %41"}, DATA)
    message = write(event, JSONFormat())

    answer = server.post(message.body, dict(message.headers))

    (entry,) = server.accepted(event.get_id())
    assert answer.status == 202
    assert entry["document"]["data"] == DATA
    assert entry["document"]["source"] == "/übung/1 %2"
    assert entry["document"]["subject"] == 'a "quoted" name'
    assert entry["document"]["time"].startswith("2026-11-21T11:59:58.123")
    assert entry["extensions"] == {"shkeptncontext": ATTRIBUTES["shkeptncontext"]}
