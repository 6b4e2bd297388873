"""The shape of the code, counted: habits that a linter does not know."""

import ast
import re
import subprocess
from pathlib import Path
from statistics import median

import pytest

import service

PACKAGE = Path(service.__file__).parent
ROOT = PACKAGE.parent
TESTS = Path(__file__).parent

LONGER_THAN_250: dict[str, str] = {
    "service/handling.py": "the story of an event is read in one place, from top to bottom",
}
"""File: the reason why it is not divided."""

FILES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in FILES.items()}
LENGTHS = {name: len(text.splitlines()) for name, text in FILES.items()}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
CONTAINERS = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"}
MOCKS = re.compile(r"\b\w*mock\w*|monkeypatch\.set(?:attr|item)|create_autospec", re.IGNORECASE)

every_file = pytest.mark.parametrize("name", FILES)


def functions(name):
    return [node for node in ast.walk(TREES[name]) if isinstance(node, FUNCTION)]


def length(function):
    return function.end_lineno - function.lineno + 1


def is_command(function):
    """Commands are declared by decorators; what they print and take makes them long."""
    words = {getattr(getattr(word, "func", word), "attr", "") for word in function.decorator_list}
    return bool(words & {"command", "group"})


ALL_FUNCTIONS = {
    f"{name}:{function.lineno} {function.name}": length(function)
    for name in FILES
    for function in functions(name)
    if not is_command(function)
}


def test_there_is_something_to_count():
    assert len(FILES) >= 13
    assert len(ALL_FUNCTIONS) > 60


def test_half_of_the_files_have_at_most_150_lines():
    assert median(LENGTHS.values()) <= 150


@every_file
def test_a_file_has_at_most_250_lines_or_a_reason(name):
    assert LENGTHS[name] <= 250 or LONGER_THAN_250.get(name)
    assert LENGTHS[name] <= 400


def test_the_list_of_reasons_is_up_to_date():
    assert [name for name in LONGER_THAN_250 if LENGTHS.get(name, 0) <= 250] == []


def test_nine_functions_in_ten_have_less_than_30_lines():
    long = [name for name, lines in ALL_FUNCTIONS.items() if lines >= 30]

    assert len(long) <= len(ALL_FUNCTIONS) / 10, long


def test_no_function_has_more_than_60_lines():
    assert [name for name, lines in ALL_FUNCTIONS.items() if lines > 60] == []


@every_file
def test_imports_stand_at_the_top(name):
    inside = [
        node.lineno
        for function in functions(name)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


@every_file
def test_no_import_is_for_the_type_checker_only(name):
    assert "TYPE_" + "CHECKING" not in FILES[name]


def test_every_module_opens_with_what_it_is_for():
    assert [name for name in FILES if not ast.get_docstring(TREES[name])] == []


def test_the_first_line_of_a_module_ends_within_79_columns():
    first = {name: len(text.partition("\n")[0]) for name, text in FILES.items()}

    assert {name: columns for name, columns in first.items() if columns > 79} == {}


@every_file
def test_a_module_is_named_by_a_noun_of_the_domain(name):
    assert NAMELESS & set(Path(name).with_suffix("").parts) == set()


@every_file
def test_a_module_keeps_no_state(name):
    assert [ast.unparse(node) for node in TREES[name].body if is_state(node)] == []


@every_file
def test_no_function_changes_a_variable_of_its_module(name):
    assert [node.names for node in ast.walk(TREES[name]) if isinstance(node, ast.Global)] == []


def is_state(node):
    """Say whether a statement gives a lower-case name to something that can be filled."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    else:
        return False
    names = [
        word.id for target in targets for word in ast.walk(target) if isinstance(word, ast.Name)
    ]
    return is_container(node.value) and any(
        name != name.upper() and not name.startswith("__") for name in names
    )


def is_container(value):
    made = value.func if isinstance(value, ast.Call) else None
    comprehensions = ast.ListComp | ast.DictComp | ast.SetComp
    return isinstance(value, ast.List | ast.Dict | ast.Set | comprehensions) or (
        getattr(made, "id", getattr(made, "attr", "")) in CONTAINERS
    )


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("cache = {}", True),
        ("_seen: set[str] = set()", True),
        ("found = collections.defaultdict(list)", True),
        ("a = b = []", True),
        ("TABLE = {}", False),
        ("_LAYOUTS = {1: 2}", False),
        ("__all__ = []", False),
        ("log = getLogger()", False),
        ("Json = dict[str, int]", False),
    ],
)
def test_state_is_recognised(statement, state):
    assert is_state(ast.parse(statement).body[0]) is state


def test_there_are_at_most_15_mock_like_uses_per_100_tests():
    tests = uses = 0
    for path in TESTS.rglob("*.py"):
        if path != Path(__file__):
            text = path.read_text()
            tests += len(re.findall(r"^\s*(?:async )?def test_", text, re.MULTILINE))
            uses += len(MOCKS.findall(text))

    assert uses * 100 <= tests * 15


def tracked():
    command = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this machine cannot: not a Git checkout")
    files = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in files if path.is_file()]


FORBIDDEN = [
    b"/" + b"work/",
    b"." + b"library",
    b".." + b"/shared",
    *(
        b".".join(parts)
        for parts in (
            (b"pypi", b"org"),
            (b"pythonhosted", b"org"),
            (b"npmjs", b"org"),
            (b"npmjs", b"com"),
            (b"proxy", b"golang", b"org"),
            (b"sum", b"golang", b"org"),
            (b"crates", b"io"),
            (b"rubygems", b"org"),
        )
    ),
]


@pytest.mark.parametrize("words", FORBIDDEN, ids=repr)
def test_no_file_mentions_where_it_was_made(words):
    # In the middle of a longer path the words are somebody else's.
    pattern = re.compile(rb"(?<![\w}$.-])" + re.escape(words))
    found = [path.relative_to(ROOT) for path in tracked() if pattern.search(path.read_bytes())]

    assert found == []
