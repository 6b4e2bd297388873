"""`genexec settings`: what is in force, what is wrong, and the table of the README."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import service
from service.cli import main
from service.cli.settings import markdown_table
from service.config.rows import ROWS

README = Path(service.__file__).parent.parent / "README.md"


@pytest.fixture
def genexec(capsys):
    """Run a command; return its exit code, what it said and what it complained about."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_every_setting_is_shown_with_its_value(genexec):
    code, said, complained = genexec("settings")

    assert (code, complained) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert set(shown) == {row.variable for row in ROWS.values()}
    assert shown["GENEXEC_PORT"] == "8080"
    assert shown["GENEXEC_SINK"] == "-"


def test_what_was_set_tells_where(genexec, monkeypatch, tmp_path):
    (tmp_path / "config.yaml").write_text("queue: 5\n")
    monkeypatch.setenv("GENEXEC_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("EVENTBROKER", "http://broker/")

    _, said, _ = genexec("settings")

    shown = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert shown["GENEXEC_QUEUE"] == ["5", f"[{tmp_path / 'config.yaml'}]"]
    assert shown["GENEXEC_SINK"] == ["http://broker/", "[EVENTBROKER]"]
    assert shown["GENEXEC_PORT"] == ["8080"]


def test_a_program_gets_json(genexec, monkeypatch):
    monkeypatch.setenv("GENEXEC_PORT", "9000")

    code, said, _ = genexec("settings", "--json")

    shown = json.loads(said)
    assert (code, shown["problems"]) == (0, [])
    assert shown["settings"]["port"] == {
        "variable": "GENEXEC_PORT",
        "value": "9000",
        "origin": "GENEXEC_PORT",
    }
    assert set(shown["settings"]) == set(ROWS)


def test_wrong_settings_are_shown_and_then_named_all_at_once(genexec, monkeypatch):
    monkeypatch.setenv("GENEXEC_PORT", "abc")
    monkeypatch.setenv("GENEXEC_PROT", "1")

    code, said, complained = genexec("settings")

    assert code == 78
    assert "GENEXEC_PORT" in said
    first, second = complained.splitlines()
    assert first == "genexec: unknown setting GENEXEC_PROT; did you mean GENEXEC_PORT?"
    assert second.startswith("genexec: GENEXEC_PORT must be a whole number from 0 to 65535")


def test_an_unknown_setting_is_a_problem_for_a_program_as_well(genexec, monkeypatch):
    monkeypatch.setenv("GENEXEC_PROT", "1")

    code, said, _ = genexec("settings", "--json")

    assert code == 78
    assert json.loads(said)["problems"] == [
        "unknown setting GENEXEC_PROT; did you mean GENEXEC_PORT?"
    ]


def test_a_wrong_value_is_a_problem_for_a_program_as_well(genexec, monkeypatch):
    monkeypatch.setenv("GENEXEC_PORT", "abc")

    code, said, _ = genexec("settings", "--json")

    assert code == 78
    [problem] = json.loads(said)["problems"]
    assert problem.startswith("GENEXEC_PORT must be")


def test_the_real_command_ends_with_78_and_without_a_traceback(tmp_path):
    """DP-5."""
    command = Path(sys.executable).parent / "genexec"
    environment = {
        "HOME": str(tmp_path),
        "GENEXEC_PORT": "abc",
        "GENEXEC_TIMEOUT": "-1",
        "GENEXEC_ACCEPT": "everything",
    }

    ended = subprocess.run(
        [command, "settings"], env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 78
    assert [line.split()[1] for line in ended.stderr.splitlines()] == [
        "GENEXEC_PORT",
        "GENEXEC_ACCEPT",
        "GENEXEC_TIMEOUT",
    ]
    assert "Traceback" not in ended.stderr + ended.stdout


def test_the_table_has_a_row_for_every_setting(genexec):
    code, said, _ = genexec("settings", "--markdown")

    assert (code, said) == (0, markdown_table())
    head, line, *rows = said.splitlines()
    assert (head, line) == ("| Variable | Default | Meaning |", "|---|---|---|")
    assert len(rows) == len(ROWS)
    assert all(row.startswith("| `GENEXEC_") and row.endswith(" |") for row in rows)
    port = next(row for row in rows if "GENEXEC_PORT`" in row)
    assert port == "| `GENEXEC_PORT` (also `RCV_PORT`) | `8080` | Port to listen on |"


def test_the_table_stands_in_the_readme():
    _, _, rest = README.read_text(encoding="utf-8").partition("<!-- settings -->")
    table, mark, _ = rest.partition("<!-- /settings -->")

    assert mark, "README.md has no settings table between its marks"
    assert table.strip() == markdown_table().strip()
