"""Python packages of scripts, as `genexec run` shows it, wherever the state directory lies."""

import zipfile

import pytest

FOLDER = "generic-executor"
EVENT = {"type": "com.example.pack", "data": {"project": "demo"}}


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "tool-1.0.dist-info"
    with zipfile.ZipFile(folder / "tool-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tool.py", "WORD = 'from the wheel'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", f"tool.py,,\n{info}/RECORD,,\n")
    return folder


@pytest.fixture
def run_script(run_event, write_scripts, wheels):
    """Run the text of a Python script; return the record of its attempt and its output."""

    def run(text, **environment):
        scripts = write_scripts({f"{FOLDER}/com.example.pack.py": text})
        environment = {"GENEXEC_PYTHON_WHEELS": str(wheels)} | environment
        done = run_event(EVENT, scripts, **environment)
        (attempt,) = done.detail.attempts
        return attempt, done.outputs[0, 1].decode()

    return run


DECLARES = '# /// script\n# dependencies = ["tool"]\n# ///\nimport tool\nprint(tool.WORD)\n'


@pytest.mark.parametrize("isolation", ["auto", "off"])
def test_declared_packages_are_there(run_script, isolation):
    attempt, output = run_script(DECLARES, GENEXEC_ISOLATION=isolation)

    assert (attempt.state, output) == ("passed", "from the wheel\n")


def test_a_state_directory_beside_readable_files_does_not_matter(run_script, tmp_path):
    attempt, output = run_script(DECLARES, GENEXEC_SCRIPT_READABLE=str(tmp_path))

    assert (attempt.state, output) == ("passed", "from the wheel\n")


def test_a_wrong_block_is_errored_with_its_line(run_script):
    attempt, _ = run_script('# /// script\n# dependencies = ["tool >> 1"]\n# ///\n')

    assert attempt.state == "errored"
    assert attempt.detail.startswith("line 2: 'tool >> 1' is no requirement such as ")


def test_a_package_that_is_not_there_is_errored(run_script):
    attempt, output = run_script('# /// script\n# dependencies = ["absent"]\n# ///\n')

    assert attempt.state == "errored"
    assert attempt.detail.startswith("the environment of this script could not be made: ")
    assert "it needs absent" in attempt.detail
    assert "absent" in output


def test_the_operator_may_switch_it_off(run_script):
    attempt, _ = run_script(DECLARES, GENEXEC_PYTHON_ENVIRONMENTS="no")

    assert attempt.state == "errored"
    assert attempt.detail == (
        "this script needs packages (tool), and GENEXEC_PYTHON_ENVIRONMENTS=no"
    )


def test_only_python_has_such_blocks(run_event, write_scripts):
    text = "# /// script\n# nonsense\n# ///\necho fine\n"
    done = run_event(EVENT, write_scripts({f"{FOLDER}/com.example.pack.sh": text}))

    assert done.detail.run.state == "passed"
