"""Writes the shell script that does what a job configuration did."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from shlex import quote

from service.migration.job_config import JobAction, JobEvent, JobTask, JobVariable
from service.migration.job_paths import expression_of, steps_of, variable_of
from service.migration.tools import IN_IMAGE

_MOST_SECONDS = 24 * 3600
_REFERENCE = re.compile(r"\$\$(?=\()|\$\(([A-Za-z_][\w.-]*)\)", re.ASCII)
_GIVEN = ("KEPTN_PROJECT", "KEPTN_STAGE", "KEPTN_SERVICE")
_HEAD = """\
EVENT_FILE=$1
exec 1>&2  # all that tasks print is the message; none of it is data
export KEPTN_PROJECT="$PROJECT" KEPTN_STAGE="$STAGE" KEPTN_SERVICE="$SERVICE"
for name in "${!LABEL_@}"; do
    if [[ $name == "${name^^}" ]]; then export "LABELS_${name#LABEL_}=${!name}"; fi
done

cannot() { echo "cannot be done: $1"; exit 1; }
"""
_VALUE_OF = """
value_of() {  # form, then the keys that lead to a value of the event
    python3 -c '
import json, sys, yaml
with open(sys.argv[1], encoding="utf-8") as file:
    value = json.load(file)
form, steps = sys.argv[2], sys.argv[3:]
for number, step in enumerate(steps):
    try:
        value = value[int(step)] if isinstance(value, list) else value[step]
    except (LookupError, TypeError, ValueError):
        sys.exit("the event has no " + ".".join(steps[:number + 1]))
if form == "yaml":
    print(yaml.safe_dump(value, sort_keys=False), end="")
elif isinstance(value, str) and form != "json":
    print(value)
else:
    print(json.dumps(value))
' "$EVENT_FILE" "$@"
}
"""
_TEST = """\
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
note_times() {
    printf '{"start": "%s", "end": "%s"}' "$started" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \\
        > "$GENEXEC_RESULT_FILE"
}
trap note_times EXIT
"""

Answered = Sequence[tuple[JobAction, Sequence[JobEvent]]]
"""Actions, each with the conditions of which one must hold."""


def job_script(answered: Answered, *, origin: str, name: str) -> str:
    """Return the text of the script *name*; *origin* names the configuration in a comment."""
    tasks = [(action, task) for action, _ in answered for task in action.tasks]
    seconds = max(1, min(sum(task.seconds for _, task in tasks), _MOST_SECONDS))
    lines = [
        "#!/usr/bin/env bash",
        f"# Written by genexec migrate from {_comment(origin)}; read it before you use it.",
        f"# genexec: timeout={seconds}",
        _HEAD,
    ]
    if name == "test.triggered.sh":
        lines.append(_TEST)
    body = []
    number = 0
    steps: list[tuple[str, list[str]]] = []
    for action, events in answered:
        functions = []
        for task in action.tasks:
            number += 1
            functions.append(f"task_{number}")
            body += ["", *_task(task, number)]
        steps.append((_action(action, events), functions))
    if any("value_of" in line for line in body) or any("value_of" in head for head, _ in steps):
        lines.append(_VALUE_OF.strip("\n"))
    lines += [*body, "", "failed=0"]
    for head, functions in steps:
        lines += [head, f"    {{ {' && '.join(functions) or 'true'}; }} || failed=1", "fi"]
    return "\n".join([*lines, 'exit "$failed"', ""])


def command_of(task: JobTask) -> str:
    """Return the name of the program a task starts."""
    return PurePosixPath(task.command[0]).name if task.command else ""


def _action(action: JobAction, events: Sequence[JobEvent]) -> str:
    tests = []
    for event in events:
        steps = steps_of(event.property) if event.property else None
        if steps is None:
            tests = ["true"]
            break
        tests.append(f'[[ "{_asked(steps)}" == {quote(event.match)} ]]')
    return f"# action {_comment(action.name)}\nif {' || '.join(tests)}; then"


def _asked(steps: tuple[str, ...]) -> str:
    """Return an expression for a value that need not be there."""
    name = variable_of(steps)
    return f"${{{name}-}}" if name else f"{expression_of(steps, '')[:-1]} 2> /dev/null)"


def _task(task: JobTask, number: int) -> Iterator[str]:
    secrets = any(variable.source == "secret" for variable in task.variables)
    yield f"# task {_comment(task.name)}, image {_comment(task.image)}"
    yield f"task_{number}() ("
    for file in task.files:
        path = f"/keptn/{file.strip('/')}"
        yield f"    [[ -e {quote(path)} ]] || cannot {quote(f'{path} is not there')}"
    if secrets:
        yield '    for name in "${!ENV_@}"; do  # the keys of the secret'
        yield '        [[ -v ${name#ENV_} ]] || export "${name#ENV_}=${!name}"'
        yield "    done"
    named: dict[str, str] = {name: f"${{{name}}}" for name in _GIVEN}
    words = []
    for position, variable in enumerate(task.variables, 1):
        if variable.source != "secret":
            yield f"    value_{position}={_value(variable)} || exit 1"
            named[variable.name] = f"${{value_{position}}}"
            words.append(f'{quote(variable.name + "=")}"${{value_{position}}}"')
    if task.folder:
        yield f"    cd {quote(task.folder)} || exit 1"
    if not task.has_cmd:
        yield f"    cannot {quote(f'the image {task.image} starts a program of its own')}"
        yield ")"
        return
    command = command_of(task)
    if command not in IN_IMAGE:
        sentence = f"{command} of the image {task.image} is not here"
        yield f"    command -v {quote(task.command[0])} > /dev/null || cannot {quote(sentence)}"
    words += [_word(word, named, secrets=secrets) for word in task.command]
    yield f"    exec env -- {' '.join(words)}"
    yield ")"


def _value(variable: JobVariable) -> str:
    if variable.source == "string":
        return quote(variable.value)
    steps = steps_of(variable.value)
    return f'"{expression_of(steps or (), variable.form)}"'


def _word(word: str, named: dict[str, str], *, secrets: bool) -> str:
    """Quote a word of a command; `$(NAME)` in it is a variable, as it is for Kubernetes."""
    pieces = []
    at = 0
    for match in _REFERENCE.finditer(word):
        name = match[1]
        pieces.append(_quoted(word[at : match.start()]))
        at = match.end()
        if name is None:
            pieces.append("'$'")
        elif name in named:
            pieces.append(f'"{named[name]}"')
        elif name.startswith("LABELS_") or (secrets and name.isidentifier()):
            pieces.append(f'"${{{name}-}}"')
        else:
            pieces.append(_quoted(match[0]))
    pieces.append(_quoted(word[at:]))
    return "".join(pieces) or "''"


def _quoted(text: str) -> str:
    return quote(text) if text else ""


def _comment(text: str) -> str:
    """Return a text on one line, whatever is in it."""
    return json.dumps(text)
