"""Who starts tasks and waits for their ends, in a scripted Keptn: by the rules of each version.

`scripted_control_plane` brings what services say. A sequence is a list of stages, each with
tasks. Written from Keptn's documented behaviour: who completes a task, how verdicts add up,
what the next task is told. Nothing times out here.
"""

import copy
from datetime import UTC, datetime
from uuid import uuid4

PREFIX = "sh.keptn.event."


class Shipyard:
    """`publish` gets every event it sends. *rule* is `source`, `started` or `count`."""

    def __init__(self, publish):
        self.publish = publish
        self.rule = "count"
        self.open = {}
        """Triggered events of tasks that are not complete, by id."""
        self.trace = []
        self.sequences = {}

    def begin(self, stages, *, service="carts", project="sockshop", data=None, context=None):
        """Start a sequence of `[[stage, sequence, [task, …]], …]`; return its context."""
        context = context or str(uuid4())
        base = {**(data or {}), "project": project, "service": service}
        todo = [(stage, name, task) for stage, name, tasks in stages for task in [None, *tasks]]
        self.sequences[context] = {"todo": todo, "data": base, "state": "started", "last": {}}
        self._go_on(context)
        return context

    def receive(self, event):
        """Take what somebody says; what fits nothing that is open is dropped."""
        if self.rule != "count" and any(event["id"] == one["id"] for one in self.trace):
            return  # the database of 0.8 to 0.13 keeps each id once
        self.trace.append(event)
        kind = event["type"].rpartition(".")[2]
        task = self.open.get(event.get("triggeredid"))
        place = event.get("data") or {}
        if kind not in ("started", "finished") or task is None:
            return
        if not all(place.get(level) for level in ("project", "stage", "service")):
            return
        if event["shkeptncontext"] != task["event"]["shkeptncontext"]:
            return
        if kind == "started":
            task["started"].append(event)
        elif self._is_expected(task, event):
            task["finished"].append(event)
        if task["finished"] and len(task["started"]) == len(task["finished"]):
            self._complete(task)

    def _is_expected(self, task, event):
        sources = [one["source"] for one in task["started"]]
        done = len(task["finished"])
        if self.rule == "source":
            return event["source"] in sources and done < len(sources)
        return self.rule == "count" or done < len(sources)

    def _complete(self, task):
        triggered = task["event"]
        del self.open[triggered["id"]]
        said = [event["data"] for event in task["finished"]]
        results = {one.get("result") for one in said}
        states = {one.get("status") for one in said}
        result = "fail" if results - {"pass", "warning"} else "pass"
        if result == "pass" and "warning" in results:
            result = "warning"
        status = next((one for one in ("errored", "aborted") if one in states), "succeeded")
        if status == "succeeded" and states != {"succeeded"}:
            status, result = "unknown", "fail"
        sequence = self.sequences[triggered["shkeptncontext"]]
        sequence["last"] = {"result": result, "status": status}
        for one in said:
            sequence["data"] = merged(sequence["data"], one, numbers_stay=self.rule == "count")
        if result == "fail" or status == "errored":
            sequence["todo"] = []
        self._go_on(triggered["shkeptncontext"])

    def _go_on(self, context):
        sequence = self.sequences[context]
        if not sequence["todo"]:
            sequence["state"] = "finished"
            self._send(f"{sequence['name']}.finished", context, sequence["place"])
            return
        stage, name, task = sequence["todo"].pop(0)
        if task is None:  # a stage begins
            if "name" in sequence:
                self._send(f"{sequence['name']}.finished", context, sequence["place"])
            sequence["name"] = f"{stage}.{name}"
            sequence["data"]["stage"] = stage
            sequence["place"] = {
                level: sequence["data"][level] for level in ("project", "stage", "service")
            }
            self._send(f"{sequence['name']}.triggered", context, sequence["place"])
            self._go_on(context)
            return
        data = copy.deepcopy(sequence["data"]) | sequence["last"] | sequence["place"]
        data |= {task: data.get(task) or {"wish": "of the shipyard"}}
        data |= {"message": ""} if "message" in data else {}
        event = self._made(f"{task}.triggered", context, data)
        self.open[event["id"]] = {"event": event, "started": [], "finished": []}
        self.publish(event)

    def _send(self, name, context, data):
        self.publish(self._made(name, context, {**data, **self.sequences[context]["last"]}))

    def _made(self, name, context, data):
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "shipyard-controller",
            "type": PREFIX + name,
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "contenttype": "application/json",
            "shkeptncontext": context,
            "shkeptnspecversion": "0.2.4",
            "data": data,
        }
        self.trace.append(event)
        return event


class Remediation:
    """Keptn 0.7: each `action.finished` of a context starts an evaluation, whoever says it."""

    def __init__(self, publish):
        self.publish = publish
        self.trace = []

    def begin(self, action, context=None):
        """Open a problem and ask for an action; return the context."""
        context = context or str(uuid4())
        place = {"project": "sockshop", "stage": "dev", "service": "carts"}
        problem = {"ProblemID": "1", "ProblemTitle": "slow", "PID": "p", "State": "OPEN"}
        self._send("event.problem.open", context, place | problem)
        wanted = {"name": action, "action": action, "description": ""}
        data = place | {"labels": None, "action": wanted, "problem": problem}
        self._send("event.action.triggered", context, data)
        return context

    def receive(self, event):
        self.trace.append(event)
        if event["type"] == PREFIX + "action.finished":
            place = {level: event["data"][level] for level in ("project", "stage", "service")}
            wish = {"labels": None, "teststrategy": "real-user", "deploymentstrategy": ""}
            self._send("event.start-evaluation", event["shkeptncontext"], place | wish)

    def _send(self, name, context, data):
        event = {
            "specversion": "0.2",
            "contenttype": "application/json",
            "id": str(uuid4()),
            "source": "remediation-service",
            "type": f"sh.keptn.{name}",
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "shkeptncontext": context,
            "data": data,
        }
        self.trace.append(event)
        self.publish(event)


def merged(old, new, *, numbers_stay):
    """Return what the next task is told of both; lists grow, numbers never change (0.14)."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {
            name: merged(old.get(name), value, numbers_stay=numbers_stay)
            for name, value in new.items()
        }
    if isinstance(old, list) and isinstance(new, list):
        return new + old
    if isinstance(old, str) and isinstance(new, str):
        return new if numbers_stay else old
    if isinstance(old, int | float) and isinstance(new, int | float):
        return old
    return new
