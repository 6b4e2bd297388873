"""What of a job configuration is different here, or has to be done by hand."""

from collections.abc import Iterator

from service.migration.job_config import JobAction, JobConfig, JobTask
from service.migration.job_names import exact_type, script_name, types_of
from service.migration.job_paths import steps_of
from service.migration.job_script import command_of
from service.migration.judgement import Remark, different, work
from service.migration.tools import IN_IMAGE


def action_remarks(action: JobAction, known: frozenset[str]) -> Iterator[Remark]:
    """Yield what is said about an action; *known* are the types of the project."""
    for event in action.events:
        if event.property and steps_of(event.property) is None:
            message = f"jsonpath {event.property!r} is no plain path: write the check by hand"
            yield work(message, event.line)
        types = types_of(event, known)
        if not types:
            yield work(
                f"no script can be named after {event.type!r}: write one per event type it should "
                "answer (all.events.sh would answer every task of the project)",
                event.line,
            )
        elif not exact_type(event.type):
            names = ", ".join(script_name(type_, event) for type_ in types)
            yield different(f"a pattern; one script per type in shipyard.yaml: {names}", event.line)
        yield from _answers(action, types, event.line)
        if event.property and any(type_.endswith(".triggered") for type_ in types):
            yield different(
                "an event that 'jsonpath' does not match was left to others; here the script "
                "runs, does nothing, and is answered with pass",
                event.line,
            )
    for task in action.tasks:
        yield from _task(task)


def _answers(action: JobAction, types: tuple[str, ...], line: int) -> Iterator[Remark]:
    triggered = [type_.endswith(".triggered") and type_.count(".") == 4 for type_ in types]
    if action.silent and any(triggered):
        yield work("'silent' kept quiet about a task; here every .triggered is answered", line)
    if not action.silent and not all(triggered):
        yield different("only .triggered events of tasks are answered here", line)


def _task(task: JobTask) -> Iterator[Remark]:
    if not task.has_cmd:
        yield work(
            f"the image {task.image} starts a program of its own: name it in the script", task.line
        )
    elif command_of(task) not in IN_IMAGE:
        yield work(
            f"{command_of(task)!r} of the image {task.image} is not in the service's image: "
            "build one with it (docs/migration.md)",
            task.line,
        )
    if task.files:
        yield work(
            f"files {', '.join(task.files)} are not in the run's directory: mount them below "
            "/keptn and name it in GENEXEC_SCRIPT_READABLE, or fetch them in the script",
            task.line,
        )
    for variable in task.variables:
        if variable.source == "secret":
            yield work(
                f"the keys of Secret {variable.name} must be variables of the service's "
                "container (envFrom); scripts see them as ENV_<key>",
                variable.line,
            )
        elif not variable.name.isidentifier() and command_of(task) == "sh":
            message = f"{variable.name!r} is no name for a shell: sh of the image drops it"
            yield work(message, variable.line)
        elif variable.source == "event" and steps_of(variable.value) is None:
            message = f"{variable.value!r} is no plain path: read the value from $1 by hand"
            yield work(message, variable.line)


def whole_remarks(config: JobConfig) -> Iterator[Remark]:
    """Yield what is said once about a file."""
    others: dict[str, int] = {}
    for task in (task for action in config.actions for task in action.tasks):
        for key, line in task.others.items():
            others.setdefault(key, line)
    if others:
        yield different(
            f"{', '.join(others)}: for Kubernetes Jobs only; here the service's own pod has them",
            min(others.values()),
        )
    yield different("a task that fails is answered with fail and 'succeeded', not 'errored'")
