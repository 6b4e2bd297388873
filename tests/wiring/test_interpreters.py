"""Programs that run scripts, where the program in one file has to make do with little."""

import asyncio
import sys
from pathlib import Path

import pytest

from service.config.reading import read_settings
from service.errors import BadSettings
from service.outcome import Ending
from service.wiring.interpreters import Absent, find_python, find_shell


@pytest.fixture
def settings(tmp_path):
    def make(*programs):
        for name in programs:
            (tmp_path / name).touch(mode=0o755)
        return read_settings({"GENEXEC_SCRIPT_PATH": str(tmp_path)})

    return make


def test_bash_runs_shell_scripts(settings):
    assert Path(find_shell(settings("bash", "sh"), one_file=True)).name == "bash"


def test_in_the_one_file_sh_stands_in_for_bash(settings):
    assert Path(find_shell(settings("sh"), one_file=True)).name == "sh"


def test_elsewhere_nothing_stands_in_for_bash(settings):
    with pytest.raises(BadSettings, match="GENEXEC_SHELL=bash is not in GENEXEC_SCRIPT_PATH"):
        find_shell(settings("sh"), one_file=False)


def test_the_service_runs_python_scripts_with_its_own_interpreter(settings):
    assert find_python(settings()) == sys.executable


def test_the_one_file_runs_python_scripts_with_the_interpreter_of_the_machine(settings):
    assert Path(find_python(settings("python3"), one_file=True)).name == "python3"


def test_a_shell_that_was_chosen_and_is_missing_is_refused_in_the_one_file_too(tmp_path):
    chosen = read_settings({"GENEXEC_SCRIPT_PATH": str(tmp_path), "GENEXEC_SHELL": "zsh"})

    with pytest.raises(BadSettings, match="GENEXEC_SHELL=zsh is not in GENEXEC_SCRIPT_PATH"):
        find_shell(chosen, one_file=True)


def test_the_one_file_has_no_program_where_the_machine_has_none(settings):
    assert find_shell(settings(), one_file=True) == ""
    assert find_python(settings(), one_file=True) == ""


def test_a_script_without_its_program_is_told_what_is_missing(settings, tmp_path):
    execution = asyncio.run(Absent(".sh", "bash or sh", settings()).run(None))

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == (
        f"a .sh script needs bash or sh, and there is none in GENEXEC_SCRIPT_PATH={tmp_path}"
    )
