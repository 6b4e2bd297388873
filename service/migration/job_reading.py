"""Reads a `job/config.yaml` as strictly as job-executor-service did."""

from service.errors import BadScript
from service.migration.job_config import (
    DEFAULT_POLL,
    JobAction,
    JobConfig,
    JobEvent,
    JobTask,
    JobVariable,
)
from service.migration.yaml_nodes import (
    Node,
    boolean,
    line_of,
    mapping,
    read_yaml,
    scalar,
    sequence,
    whole_number,
)

_OF_KUBERNETES = {
    "imagePullPolicy", "namespace", "serviceAccount", "securityContext", "annotations",
    "resources", "ttlSecondsAfterFinished",
}  # fmt: skip
_TASK = {"name", "image", "cmd", "args", "files", "env", "workingDir", "maxPollDuration"}
_SOURCES = ("event", "secret", "string")
_FORMS = ("", "json", "yaml", "string")


def read_job_config(content: bytes) -> JobConfig:
    """Return what the file says. Raises `BadScript` with the line."""
    root = read_yaml(content)
    top = mapping(root, "the file", {"apiVersion", "actions"})
    version = scalar(top.get("apiVersion"), "apiVersion")
    if version != "v2":
        at = line_of(top.get("apiVersion", root))
        raise BadScript(f"apiVersion must be v2, not {version[:20]!r}", line=at)
    actions = sequence(top.get("actions"), "actions")
    return JobConfig(actions=tuple(_action(node) for node in actions))


def _action(node: Node) -> JobAction:
    fields = mapping(node, "an action", {"name", "events", "tasks", "silent"})
    events = tuple(_event(one) for one in sequence(fields.get("events"), "events"))
    tasks = tuple(_task(one) for one in sequence(fields.get("tasks"), "tasks"))
    return JobAction(
        name=scalar(fields.get("name"), "name"),
        line=line_of(node),
        events=events,
        tasks=tasks,
        silent=boolean(fields.get("silent"), "silent"),
    )


def _event(node: Node) -> JobEvent:
    fields = mapping(node, "an event", {"name", "jsonpath"})
    path = fields.get("jsonpath")
    inner = mapping(path, "jsonpath", {"property", "match"}) if path is not None else {}
    return JobEvent(
        type=scalar(fields.get("name"), "name"),
        line=line_of(node),
        property=scalar(inner.get("property"), "property"),
        match=scalar(inner.get("match"), "match"),
    )


def _task(node: Node) -> JobTask:
    fields = mapping(node, "a task", _TASK | _OF_KUBERNETES)
    words = [
        scalar(one, f"an entry of {key}")
        for key in ("cmd", "args")
        for one in sequence(fields.get(key), key)
    ]
    return JobTask(
        name=scalar(fields.get("name"), "name"),
        image=scalar(fields.get("image"), "image"),
        line=line_of(node),
        command=tuple(words),
        has_cmd=bool(sequence(fields.get("cmd"), "cmd")),
        files=tuple(scalar(one, "a file") for one in sequence(fields.get("files"), "files")),
        variables=tuple(_variable(one) for one in sequence(fields.get("env"), "env")),
        folder=scalar(fields.get("workingDir"), "workingDir"),
        seconds=whole_number(fields.get("maxPollDuration"), "maxPollDuration", DEFAULT_POLL),
        others={key: line_of(value) for key, value in fields.items() if key in _OF_KUBERNETES},
    )


def _variable(node: Node) -> JobVariable:
    fields = mapping(node, "a variable", {"name", "value", "valueFrom", "as"})
    source = scalar(fields.get("valueFrom"), "valueFrom")
    form = scalar(fields.get("as"), "as").lower()
    name = scalar(fields.get("name"), "name")
    if source not in _SOURCES:
        raise BadScript(f"valueFrom must be one of {', '.join(_SOURCES)}", line=line_of(node))
    if form not in _FORMS:
        raise BadScript("as must be json, yaml or string", line=line_of(node))
    if not name or "=" in name or "\0" in name:
        raise BadScript(f"a variable cannot be called {name[:60]!r}", line=line_of(node))
    value = scalar(fields.get("value"), "value")
    return JobVariable(name=name, value=value, source=source, form=form, line=line_of(node))
