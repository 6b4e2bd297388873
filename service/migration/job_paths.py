"""JSONPaths of a job configuration as shell expressions.

Each has the value that stands at the path. Only paths that lead to one place are
understood: `$`, `.name`, `['name']`, `[0]`.
"""

import re
from shlex import quote

_PLAIN = re.compile(r"\$(?:\.[\w-]+|\[\d+\]|\[(?:'[^'\\]+'|\"[^\"\\]+\")\])*", re.ASCII)
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]", re.ASCII)
_FOREIGN = re.compile(r"[^A-Za-z0-9_]", re.ASCII)


def steps_of(path: str) -> tuple[str, ...] | None:
    """Return the keys and numbers a path leads along; None when it is not a plain one."""
    if not _PLAIN.fullmatch(path):
        return None
    return tuple(key or number or quoted for key, number, quoted in _STEP.findall(path))


def variable_of(steps: tuple[str, ...]) -> str:
    """Return the name of the variable that has the value; empty when there is none."""
    if steps[:1] != ("data",) or len(steps) < 2:
        return ""
    return "_".join(["DATA", *(_FOREIGN.sub("_", step).upper() for step in steps[1:])])


def expression_of(steps: tuple[str, ...], form: str) -> str:
    """Return a shell expression for the value in the form `json`, `yaml` or text.

    It needs the function `value_of` of `job_script`, and fails when there is no such value.
    """
    asked = f"$(value_of {quote(form or 'string')} {' '.join(map(quote, steps))})"
    name = variable_of(steps)
    return f"${{{name}-{asked}}}" if name and form in ("", "string") else asked
