"""The control plane of a scripted Keptn: registrations, open events, log, and ways for events.

`scripted_keptn` puts it behind HTTP. Events leave by the way that is set: `http` as the
distributor posts them, `nats` through a JetStream stream, none when they are to be asked for.
"""

import asyncio
import hashlib
import json
import re
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, unquote
from uuid import uuid4

import nats
from scripted_shipyard import Remediation, Shipyard

MAX = 64 * 1024
UNIFORM = "/uniform/registration"


class ControlPlane:
    """Answers calls; a test changes the attributes."""

    def __init__(self):
        self.version = "1.4"
        self.recipient = ""
        """Where the distributor posts events to."""
        self.forgets = 0
        """How many pings are answered as if the registration had expired."""
        self.repeats_first_page = False
        self.page = 0
        """The most events of a page, whatever was asked for; 0 is as asked."""
        self.integrations = {}
        self.deleted = []
        self.logs = []
        self.calls = []
        self.link = None
        self.shipyard = Shipyard(self.publish)
        self.remediation = Remediation(self.publish)

    @property
    def old(self):
        """Whether it is 0.8.4, which knows no ping and one list of topics."""
        return self.version == "0.8"

    def state(self):
        return {
            "integrations": self.integrations,
            "deleted": self.deleted,
            "logs": self.logs,
            "calls": self.calls,
            "trace": self.shipyard.trace + self.remediation.trace,
            "open": list(self.shipyard.open),
            "sequences": self.shipyard.sequences,
        }

    def use_nats(self, url):
        self.link = Link(url, self.shipyard.receive)

    def publish(self, event):
        """Bring an event to whoever listens."""
        if self.link is not None:
            self.link.publish(event)
        elif self.recipient:
            deliver(self.recipient, event)

    def heard(self, event):
        """Take an event that came by HTTP; everybody hears it."""
        keeper = self.remediation if event["specversion"] == "0.2" else self.shipyard
        self.publish(event)
        keeper.receive(event)

    def answer(self, method, path, body):
        """Return status and document, None for a path that is not ours."""
        path, _, query = path.partition("?")
        self.calls.append(f"{method} {path}")
        if path in ("/event", "/keptn"):
            return self._from_service(path, body)
        if path == "/api/v1/event":
            return self._from_outside(body)
        found = re.fullmatch(r"(?:/api/controlPlane|/controlPlane)?/v1(/.*)", path)
        if not found:
            return None
        rest, asked = found[1], {name: one[0] for name, one in parse_qs(query).items()}
        if rest == "/log" and method == "POST":
            self.logs += json.loads(body)["logs"]
            return 200, {}
        if rest.startswith(UNIFORM):
            return self._uniform(method, rest.removeprefix(UNIFORM).strip("/"), body)
        if rest.startswith("/event/triggered/"):
            return self._triggered(unquote(rest.rpartition("/")[2]), asked)
        return None

    def _from_service(self, path, body):
        event = json.loads(body)
        if len(body) > MAX or (path == "/event" and event.get("specversion") not in ("0.3", "1.0")):
            return 500, {}
        if event["type"] == "sh.keptn.log.error":
            self.logs.append(event)
        else:
            self.heard(event)
        return 200, {}

    def _from_outside(self, body):
        if len(body) > MAX:
            return 400, {"code": 400, "message": "too large"}
        event = json.loads(body) | {"id": str(uuid4()), "specversion": "1.0"}
        self.heard(event)
        return 200, {"keptnContext": event["shkeptncontext"]}

    def _uniform(self, method, rest, body):
        id_, _, what = rest.partition("/")
        if method == "POST" and not rest:
            return self._registered(json.loads(body))
        if method == "GET" and not rest:
            return 200, list(self.integrations.values())
        if id_ not in self.integrations:
            return 404, {"code": 404, "message": "integration not found"}
        if method == "DELETE" and not what:
            self.deleted.append(id_)
            del self.integrations[id_]
            return 200, {}
        if method == "PUT" and what == "ping" and not self.old:
            if self.forgets:
                self.forgets -= 1
                del self.integrations[id_]
                return 404, {"code": 404, "message": "integration not found"}
            return 200, self.integrations[id_]
        return 404, {"code": 404, "message": "page not found"}

    def _registered(self, wish):
        metadata = wish["metadata"]
        place = metadata["kubernetesmetadata"]["namespace"]
        if not (wish["name"] and place and metadata["hostname"]):
            return 400, {"code": 400, "message": "name, namespace and hostname are needed"}
        for one in wish.get("subscriptions") or ():
            lists = one["filter"]
            if not one["event"] or (lists["services"] is not None and lists["stages"] is None):
                return 400, {"code": 400, "message": "a subscription cannot be used"}
        text = f"{wish['name']}-{place}-{metadata['hostname']}"
        id_ = hashlib.sha1(text.encode()).hexdigest()
        known = self.integrations.get(id_)
        kept = {"subscription": wish["subscription"]}
        if not self.old:
            wanted = [one | {"id": str(uuid4())} for one in wish["subscriptions"]]
            stored = (known or {}).get("subscriptions")
            kept = {"subscriptions": stored or wanted}
        named = {"id": id_, "name": wish["name"], "metadata": metadata}
        self.integrations[id_] = named | kept
        return (200 if known else 201), {"id": id_}

    def _triggered(self, type_, asked):
        found = [
            task["event"]
            for task in self.shipyard.open.values()
            if task["event"]["type"] == type_
            and all(
                asked.get(level) in (None, task["event"]["data"][level])
                for level in ("project", "stage", "service")
            )
        ]
        if asked.get("project") not in (None, "sockshop"):
            return 404, {"code": 404, "message": "project not found"}
        start, size = int(asked.get("nextPageKey", 0)), int(asked.get("pageSize", 20))
        size = min(size, self.page) if self.page else size
        shown = found[: start + size] if self.repeats_first_page else found[start : start + size]
        key = str(start + size) if start + size < len(found) else "0"
        total = len(found)
        return 200, {"events": shown, "nextPageKey": key, "pageSize": size, "totalCount": total}


def deliver(address, event):
    """Post as the distributor does: four attempts, five seconds for all of them."""

    def post():
        deadline = time.monotonic() + 5
        headers = {"content-type": "application/cloudevents+json"}
        for _ in range(4):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            request = urllib.request.Request(address, json.dumps(event).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=left):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)

    threading.Thread(target=post, daemon=True).start()


class Link:
    """A shipyard-controller at NATS: a stream for all events, and a durable consumer."""

    def __init__(self, url, heard):
        self._url, self._heard = url, heard
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(),), daemon=True
        ).start()
        assert self._ready.wait(10), "NATS is not there"

    def publish(self, event):
        body = json.dumps(event).encode()
        asyncio.run_coroutine_threadsafe(self._client.publish(event["type"], body), self._loop)

    async def _run(self):
        self._client = await nats.connect(
            self._url, max_reconnect_attempts=-1, reconnect_time_wait=0.2, error_cb=_unmoved
        )
        stream = self._client.jetstream()
        await stream.add_stream(name="keptn", subjects=["sh.keptn.>"])

        async def take(message):
            event = json.loads(message.data)
            if event["source"] != "shipyard-controller":
                self._heard(event)
            await message.ack()

        durable = "shipyard-controller-all-events"
        await stream.subscribe("sh.keptn.>", durable=durable, cb=take, manual_ack=True)
        self._end = asyncio.Event()
        self._ready.set()
        await self._end.wait()
        await self._client.close()

    def close(self):
        self._loop.call_soon_threadsafe(self._end.set)


async def _unmoved(_):
    """NATS that goes away is what a test may want."""
