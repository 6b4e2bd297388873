"""A service that gets its events from the scripted Keptn, by each of the ways."""

import pytest

SOURCE = "generic-executor-service"


@pytest.fixture(params=["0.8 sidecar", "1.4 NATS", "remote"])
def way(request):
    return request.param


@pytest.fixture
def connect(serve, keptn, nats_server):
    """Make a service for a way; what it needs to know is set, in Keptn, too."""

    def make(way, scripts, **settings):
        known = {
            "genexec_keptn_api": f"{keptn.url}/api",
            "genexec_keptn_node": "node-1",
            "genexec_keptn_poll_interval": "200ms",
        }
        if way == "0.8 sidecar":
            keptn.set(version="0.8", rule="source")
            settings |= {"genexec_sink": f"{keptn.url}/event"}
        elif way == "0.7 broker":
            settings |= {"genexec_sink": f"{keptn.url}/keptn"}
        elif way == "1.4 NATS":
            keptn.set(nats=nats_server.url)
            settings |= known | {"genexec_events": "nats", "genexec_nats_url": nats_server.url}
        else:
            topics = "sh.keptn.event.test.triggered,sh.keptn.event.deployment.triggered"
            settings |= known | {"genexec_events": "keptn-api", "genexec_topics": topics}
        return serve(scripts, sink=False, **settings)

    return make


@pytest.fixture
def start(connect, keptn, until):
    """Start it and wait until events come."""

    def make(way, scripts, **settings):
        service = connect(way, scripts, **settings).start()
        come(service, way)
        return service

    def come(service, way):
        if way in ("0.8 sidecar", "0.7 broker"):
            keptn.set(recipient=service.address + "/")
        else:
            until(lambda: not troubles(service) and keptn.state()["integrations"])

    make.come = come
    return make


def troubles(service):
    return service.get("/api/v1/status").json()["events"]["troubles"]


@pytest.fixture
def ended(keptn, until):
    """Wait until a sequence is finished; return what it says of its end."""

    def wait(context):
        def there():
            sequence = keptn.state()["sequences"][context]
            return sequence if sequence["state"] == "finished" else None

        return until(there, what=lambda: str(keptn.events(context)))

    return wait


@pytest.fixture
def said(keptn):
    """Return the last two parts of the types of what we said in a context."""

    def types(context):
        ours = keptn.events(context, source=SOURCE)
        return [".".join(event["type"].split(".")[-2:]) for event in ours]

    return types
