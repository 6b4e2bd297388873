"""Messages about the commands and about the person who types them."""

from collections.abc import Sequence

from service.botkube.commands import write_place
from service.botkube.messages import Button, Message, Section
from service.botkube.permission import Person
from service.botkube.verbs import COMMANDS
from service.keptn_events import Belonging


def whoami_card(person: Person, *, can: Sequence[str], engine: str, place: Belonging) -> Message:
    """Return whom rules see, and what they allow."""
    free = ", ".join(verb for verb, spec in COMMANDS.items() if not spec.changes)
    section = Section(
        header="You, as rules see you",
        fields=(
            ("Names", ", ".join(person.names)),
            ("Always", free),
            ("By a rule", ", ".join(can) or "nothing"),
            ("Context", write_place(place)),
            ("Engine", engine),
        ),
    )
    return Message(sections=(section,), private=True)


def help_card(verb: str = "") -> Message:
    """Return the commands, or one of them."""
    if verb in COMMANDS:
        spec = COMMANDS[verb]
        rule = "It takes a rule (`allow` in the config)." if spec.changes else ""
        text = f"{spec.about}. {rule}".strip()
        code = "\n".join(f"script {usage}" for usage in spec.usage.split(", "))
        return Message(sections=(Section(header=f"script {verb}", text=text, code=code),))
    width = max(len(usage) for spec in COMMANDS.values() for usage in spec.usage.split(", "))
    lines = [
        f"script {usage:{width}}  {spec.about if not n else ''}".rstrip()
        for spec in COMMANDS.values()
        for n, usage in enumerate(spec.usage.split(", "))
    ]
    section = Section(
        header="Answer an event by running the script that bears its name",
        code="\n".join(lines),
        buttons=(
            Button(name="Scripts", command="list"),
            Button(name="Latest runs", command="runs"),
            Button(name="Engine", command="status"),
        ),
        notes=("A context is project/stage/service; parts may be missing.",),
    )
    return Message(sections=(section,))
