"""Messages about programs: plain output, a table with selects, steps to click.

`cmd` calls it. What is picked from a table is named by its key and looked up in the output
of this very call, so a row that moved is still the right one, and one that is gone is missed.
"""

from collections.abc import Mapping, Sequence

from service.botkube.blueprints import Blueprint, Step, fill
from service.botkube.messages import Button, Message, Option, Section, Select
from service.botkube.tables import Table
from service.botkube.typed import quoted

PICK = "@pick:"
AFTER = "@after:"
_LONGEST_VALUE = 140
_MOST_TYPED = 8


def output_card(
    words: tuple[str, ...],
    output: str,
    *,
    code: int | None,
    seconds: float = 0.0,
    steps: Sequence[Step] = (),
) -> Message:
    """Return what a program wrote, and how it ended when it did not end well."""
    ends = {None: f"stopped after {seconds:g} s", 0: ""}
    end = ends.get(code, f"ended with code {code}")
    section = Section(
        header=f"❌ {words[0]} {end}" if end else "",
        code=output,
        text="" if output.strip() else f"{words[0]} wrote nothing.",
        buttons=tuple(_button(step) for step in steps),
    )
    return Message(sections=(section,))


def steps_card(blueprint: Blueprint, words: tuple[str, ...], *, page: int) -> Message:
    """Return one page of a tutorial."""
    pages = max(1, -(-len(blueprint.steps) // blueprint.page))
    page = min(max(1, page), pages)
    shown = blueprint.steps[(page - 1) * blueprint.page : page * blueprint.page]
    turns = [
        Button(name=name, command=f"cmd --page {other} -- {quoted(words)}")
        for name, other in (("Back", page - 1), ("Next", page + 1))
        if 1 <= other <= pages
    ]
    sections = [
        Section(header=blueprint.header, buttons=tuple(_button(step) for step in shown)),
        Section(buttons=tuple(turns), notes=(f"Page {page} of {pages}",), ruled=False),
    ]
    return Message(sections=tuple(sections), replaces=True)


def table_card(
    blueprint: Blueprint,
    table: Table,
    words: tuple[str, ...],
    *,
    picked: str,
    after: str,
    by: str,
    text_only: bool,
) -> Message:
    """Return a table: a select per key, the chosen row, what can be done with it."""
    if text_only:
        return _typed(blueprint, table)
    selects = []
    number = 0
    found = not picked
    for position, (title, key) in enumerate(blueprint.selects):
        keys = [fill(key, table.row(n)) for n in range(len(table.rows))]
        ours = title == by or (not by and position == 0)
        if ours and picked in keys:
            number, found = keys.index(picked), True
        chosen = keys[number]
        shown = keys[keys.index(after) + 1 :] if ours and after in keys else keys
        selects.append(_select(title, shown, words, chosen=chosen, first=position == 0))
    row = table.row(number)
    preview = fill(blueprint.preview, row) if blueprint.preview else ""
    note = () if found else (f"{picked} is not there any more; this is the first one.",)
    sections = (
        Section(selects=tuple(selects)),
        Section(code=preview or f"{table.lines[0]}\n{table.lines[number + 1]}", ruled=False),
        _actions(blueprint, row, words, note),
    )
    return Message(sections=sections, replaces=bool(picked or after))


def _select(
    title: str, keys: Sequence[str], words: tuple[str, ...], *, chosen: str, first: bool
) -> Select:
    by = "" if first else f"--by {quoted((title,))} "
    return Select(
        name=title,
        command=f"cmd {by}-- {quoted(words)}",
        options=tuple(
            Option(name=key, value=quoted((PICK + key,))) for key in dict.fromkeys(keys) if key
        ),
        chosen=quoted((PICK + chosen,)),
        more=AFTER,
    )


def _actions(
    blueprint: Blueprint, row: Mapping[str, str], words: tuple[str, ...], notes: tuple[str, ...]
) -> Section:
    # A cell that looks like an option would become one of the program.
    risky = any(cell.startswith("-") and cell.strip("-") for cell in row.values())
    commands = [
        (name, " ".join(fill(template, row, as_words=True).split()))
        for name, template in blueprint.actions
        if not risky or not _uses_option(template, row)
    ]
    raw = Button(name="Raw output", command=f"cmd --raw -- {quoted(words)}")
    if any(len(command) > _LONGEST_VALUE for _, command in commands):
        buttons = [Button(name=name, command=f"cmd -- {command}") for name, command in commands]
        return Section(buttons=(*buttons, raw), notes=notes, ruled=False)
    options = tuple(Option(name=name, value=command) for name, command in commands)
    select = (Select(name="Actions", command="cmd --", options=options),) if options else ()
    return Section(buttons=(raw,), selects=select, notes=notes, ruled=False)


def _uses_option(template: str, row: Mapping[str, str]) -> bool:
    without = {name: "" if cell.startswith("-") else cell for name, cell in row.items()}
    return fill(template, row) != fill(template, without)


def _typed(blueprint: Blueprint, table: Table) -> Message:
    holes = {name: f"<{name.upper()}>" for name in table.columns}
    commands = [
        Button(name=name, command="cmd -- " + " ".join(fill(template, holes).split()))
        for name, template in blueprint.actions
    ]
    section = Section(code="\n".join(table.lines), buttons=tuple(commands[:_MOST_TYPED]))
    return Message(sections=(section,))


def _button(step: Step) -> Button:
    return Button(
        name=step.name,
        command=step.command,
        url=step.url,
        description=step.description,
        style=step.style,
    )
