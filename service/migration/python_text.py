"""What in a Python script works differently here, found in its syntax tree."""

import ast
import re
import sys
import warnings
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from service.errors import BadScript
from service.migration.judgement import Dialect, Remark, different, work
from service.migration.shell_text import LONGEST
from service.migration.surroundings import place_remark, written_remark
from service.migration.tools import is_known_elsewhere, missing

_INSTALLED = {"requests", "yaml", "urllib3", "certifi", "charset_normalizer", "idna"}
_READING = {"open", "io.open", "Path", "pathlib.Path"}
_PROGRAMS = {"run", "call", "check_call", "check_output", "Popen", "system", "popen", "getoutput"}
_LEFT_BEHIND = {"os.fork", "os.setsid", "os.daemon"}


def parse_python(content: bytes) -> ast.Module:
    """Return the syntax tree. Raises `BadScript`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except SyntaxError as error:
        raise BadScript(f"not Python: {error.msg}", line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise BadScript(f"not Python: {error}") from error


def names_read(tree: ast.Module) -> dict[str, int]:
    """Return the environment variables that are read by a literal name, with their lines."""
    names: dict[str, int] = {}
    given = set()
    for node in ast.walk(tree):
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            key = node.slice
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called.endswith(("getenv", "environ.get", "environ.pop")):
                key = node.args[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                given.add(key.value)
            elif "[" not in key.value:
                names.setdefault(key.value, node.lineno if isinstance(node, ast.expr) else 0)
    return {name: line for name, line in names.items() if name not in given}


def python_remarks(
    tree: ast.Module, *, siblings: Collection[str], dialect: Dialect
) -> Iterator[Remark]:
    """Yield what is different; *siblings* are the names of files beside the script."""
    made = {path for path, mode, _ in _opened(tree) if set(mode) & set("wax")}
    for path, mode, line in _opened(tree):
        if set(mode) & set("wax"):
            if path.startswith("/"):
                yield from written_remark(path, line)
        elif path.startswith(("/run/secrets", "/var/run/secrets")):
            yield place_remark(path, line)
        elif not path.startswith(("/", "~")) and path not in made:
            yield _absent(path, siblings, line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node, siblings)
        elif isinstance(node, ast.Call):
            yield from _called(node, siblings)
        elif isinstance(node, ast.Name) and node.id == "__file__":
            yield work("only the script itself is there: nothing lies beside it", node.lineno)
    if dialect is Dialect.V03:
        yield from _argument(tree)


def _absent(path: str, siblings: Collection[str], line: int) -> Remark:
    beside = " (it lies beside the script)" if path.removeprefix("./") in siblings else ""
    return work(
        f"{path!r} is not there{beside}: the working directory is fresh and holds no other file "
        "of the repository; put its text into the script",
        line,
    )


def _opened(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Yield path, mode and line of every file that is opened by a literal name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first = node.args[0]
        if ast.unparse(node.func) not in _READING or not isinstance(first, ast.Constant):
            continue
        if isinstance(first.value, str):
            mode = node.args[1] if len(node.args) > 1 else None
            mode = next((word.value for word in node.keywords if word.arg == "mode"), mode)
            written = mode.value if isinstance(mode, ast.Constant) else None
            yield first.value, written if isinstance(written, str) else "r", node.lineno


def _imported(node: ast.Import | ast.ImportFrom, siblings: Collection[str]) -> Iterator[Remark]:
    if isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
        if node.level:
            names = ["." * node.level]
    else:
        names = [alias.name for alias in node.names]
    for name in names:
        top = name.partition(".")[0]
        if f"{top}.py" in siblings or not top:
            yield _absent(f"{top}.py" if top else name, siblings, node.lineno)
        elif top not in sys.stdlib_module_names and top not in _INSTALLED:
            message = f"the module {top!r} is not installed; requests and yaml are"
            way_out = "declare its package in a block `# /// script` (docs/scripts.md)"
            yield work(f"{message}: {way_out}", node.lineno)


def _called(node: ast.Call, siblings: Collection[str]) -> Iterator[Remark]:
    called = ast.unparse(node.func)
    if called == "time.sleep" and node.args and isinstance(node.args[0], ast.Constant):
        seconds = node.args[0].value
        if isinstance(seconds, int | float) and seconds >= LONGEST:
            message = f"waits longer than the deadline of {LONGEST} seconds; a directive sets more"
            yield work(message, node.lineno)
    if called in _LEFT_BEHIND or any(word.arg == "start_new_session" for word in node.keywords):
        message = "what runs on in the background is ended with the script; wait for it"
        yield work(message, node.lineno)
    if called.rpartition(".")[2] in _PROGRAMS and node.args:
        yield from _program(node.args[0], siblings)


def _program(first: ast.expr, siblings: Collection[str]) -> Iterator[Remark]:
    if isinstance(first, ast.List | ast.Tuple) and first.elts:
        first = first.elts[0]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return
    command = next(iter(first.value.split()), "")
    if is_known_elsewhere(command):
        yield work(missing(PurePosixPath(command).name), first.lineno)
    elif command.startswith("./"):
        yield _absent(command, siblings, first.lineno)


def _argument(tree: ast.Module) -> Iterator[Remark]:
    text = ast.unparse(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and "tmpdata/" in str(node.value):
            yield work("./tmpdata/ is not there: the event's file is sys.argv[1]", node.lineno)
        if not isinstance(node, ast.Subscript) or ast.unparse(node) != "sys.argv[1]":
            continue
        if re.search(r"\bopen\(|json\.load", text):
            message = "0.3 wrote only data into the file of sys.argv[1]; here it is the whole event"
            yield work(f"{message}: ['data']", node.lineno)
        else:
            yield different(
                "the file of sys.argv[1] is elsewhere, and has the whole event", node.lineno
            )
