"""The text of a script with all that can be changed mechanically.

Added are lines, never behind the author's back: each says where it comes from.
"""

import ast
import re
from collections.abc import Sequence

from service.migration.http_text import second_request, with_braces
from service.migration.judgement import Dialect
from service.migration.names_used import with_new_names

_SPARE = 600
"""Seconds a script gets beside its sleeps."""
_FLAGS = re.compile(r"#!\s*(?:\S*/)?(?:env\s+)?(?:-S\s+)?(?:bash|sh)\s+(-[A-Za-z]+)\s*$")


def shebang_flags(text: str) -> str:
    """Return the options in the first line of a shell script, such as `-eu`."""
    match = _FLAGS.match(text.partition("\n")[0].rstrip())
    return match[1] if match else ""


def mended_shell(text: str, *, inherited: Sequence[str], seconds: int, dialect: Dialect) -> str:
    """Return the script with its directive, flags and variables."""
    added = []
    if seconds:
        added.append(f"# genexec: timeout={seconds + _SPARE}")
    flags = shebang_flags(text) if dialect is Dialect.V03 else ""
    if flags:
        added.append(f"set {flags}  # was in the first line, which is not looked at here")
    added += [
        f'if [[ -v ENV_{name} ]]; then export {name}="$ENV_{name}"; fi  # was inherited'
        for name in inherited
    ]
    text = with_new_names(text, dialect)
    return _inserted(text, added, 1 if text.startswith("#!") else 0)


def mended_python(
    text: str, tree: ast.Module, *, inherited: Sequence[str], dialect: Dialect
) -> str:
    """Return the script with its variables; *tree* is its syntax tree."""
    added = []
    if inherited:
        names = ", ".join(f'"{name}"' for name in inherited)
        added = [
            "import os  # added, with the three lines below: these variables were inherited",
            f"for _name in [{names}]:",
            '    if "ENV_" + _name in os.environ:',
            '        os.environ[_name] = os.environ["ENV_" + _name]',
        ]
    after = 1 if text.startswith("#!") else 0
    for position, node in enumerate(tree.body):
        docstring = position == 0 and ast.get_docstring(tree, clean=False) is not None
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
        after = node.end_lineno or node.lineno
    return with_new_names(_inserted(text, added, after), dialect)


def mended_http(text: str, *, dialect: Dialect) -> str:
    """Return the request without further ones, and with braces where 0.3 needed none."""
    further = second_request(text.encode())
    if further:
        text = "\n".join(text.split("\n")[: further - 1]) + "\n"
    return with_braces(text) if dialect is Dialect.V03 else text


def _inserted(text: str, added: Sequence[str], after: int) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:after], *added, *lines[after:]])
