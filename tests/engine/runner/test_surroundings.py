"""What a script finds around itself."""

import asyncio
import json
import os
import signal
import stat
from pathlib import Path

import pytest

from service.outcome import Ending


def test_nothing_is_inherited_by_accident(execute, make_order, monkeypatch, tmp_path):
    trap = tmp_path / "trap.sh"
    trap.write_text("echo trapped")
    for name in ("BASH_ENV", "SECRET", "PYTHONPATH", "BASH_FUNC_ls%%"):
        monkeypatch.setenv(name, str(trap))

    execution = execute(make_order("env", variables={"STAGE": "dev"}))

    names = {line.partition("=")[0] for line in execution.stdout.decode().splitlines()}
    fixed = {"PATH", "HOME", "TMPDIR", "LANG", "GENEXEC_RUN_ID", "GENEXEC_RESULT_FILE"}
    assert names == fixed | {"STAGE"} | {"PWD", "SHLVL", "_"}  # the last are bash's own


def test_a_script_has_three_descriptors_and_an_empty_input(execute, make_order):
    execution = execute(make_order("cat; ls /proc/$$/fd"))

    # 255 is bash's own hold on the script.
    assert execution.stdout == b"0\n1\n2\n255\n"


def test_a_script_is_scheduled_as_every_other_program(execute, make_order):
    execution = execute(make_order("read -ra word < /proc/self/stat; echo ${word[40]}"))

    assert int(execution.stdout) == os.SCHED_OTHER


def test_ignored_signals_are_not_inherited(execute, make_order):
    execution = execute(make_order("grep -E 'Sig(Ign|Blk)' /proc/self/status"))

    _, blocked, _, ignored = execution.stdout.split()
    of_libc = 1 << 31 | 1 << 32  # the real-time signals 32 and 33 are none of ours
    assert (int(blocked, 16), int(ignored, 16) & ~of_libc) == (0, 0)


def test_what_the_service_was_started_to_ignore_is_not_inherited_either(execute, make_order):
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        execution = execute(make_order("kill -USR2 $$; echo ignored"))
    finally:
        signal.signal(signal.SIGUSR2, before)

    assert (execution.signal, execution.stdout) == (signal.SIGUSR2, b"")


def test_the_event_is_a_private_file(execute, make_order):
    order = make_order('stat -c "%a %n" "$1" .; pwd; cat "$1"')

    lines = execute(order).stdout.decode().splitlines()

    event_file = lines[0].removeprefix("600 ")
    assert lines[1] == "700 ."
    assert lines[2] == str(Path(event_file).parent)
    assert json.loads(lines[3]) == order.event.document


def test_home_and_tmpdir_are_the_private_directory(execute, make_order):
    execution = execute(make_order('[ "$HOME" = "$PWD" ] && [ "$TMPDIR" = "$PWD" ] && mktemp'))

    assert b"/runs/run-" in execution.stdout


def test_the_directory_is_gone_after_the_run(bench, make_order):
    text = "mkdir -p a/b/c; touch a/f a/b/c/g; ln -s / l; mkfifo p; chmod 0 a/b; chmod 500 . a"

    async def main():
        async with bench() as it:
            execution = await it.run(make_order(text))
            return execution, list(it.runs.iterdir())

    execution, left = asyncio.run(main())

    assert execution.exit_code == 0, execution.output
    assert left == []


def test_very_deep_directories_are_removed_too(bench, make_order):
    text = "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')"

    async def main():
        async with bench() as it:
            execution = await it.run(make_order(text, suffix=".py"))
            return execution, list(it.runs.iterdir())

    execution, left = asyncio.run(main())

    assert execution.exit_code == 0, execution.output
    assert left == []


def test_a_directory_that_is_exchanged_for_a_link_harms_nobody(bench, make_order, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "event.json").write_text("mine")
    (foreign / "result.json").write_text("secret")

    async def main():
        async with bench() as it:
            execution = await it.run(make_order(f'mv "$PWD" "$PWD.x"; ln -s {foreign} "$PWD"'))
            return execution, sorted(path.name for path in foreign.iterdir())

    execution, kept = asyncio.run(main())

    assert execution.result_file is None
    assert kept == ["event.json", "result.json"]


@pytest.mark.parametrize("name", ['"$GENEXEC_RESULT_FILE"', "e-1.finished.event.json"])
def test_the_result_file_is_read(execute, make_order, name):
    execution = execute(make_order(f"echo output; echo result > {name}"))

    assert execution.result_file == b"result\n"
    assert execution.stdout == b"output\n"


@pytest.mark.parametrize(
    "trick",
    [
        'ln -s /etc/passwd "$GENEXEC_RESULT_FILE"',
        'mkdir "$GENEXEC_RESULT_FILE"',
        'mkfifo "$GENEXEC_RESULT_FILE"',
        'touch "$GENEXEC_RESULT_FILE"',
    ],
)
def test_only_a_file_with_content_is_a_result(execute, make_order, trick):
    assert execute(make_order(trick)).result_file is None


def test_a_result_file_is_read_up_to_a_limit(execute, make_order):
    execution = execute(make_order('head -c 3000000 /dev/zero > "$GENEXEC_RESULT_FILE"'))

    assert execution.result_file == bytes(1 << 20)


@pytest.mark.parametrize("event_id", ["../x", "a/b", "y" * 300])
def test_an_event_id_that_is_no_file_name_is_no_path(execute, make_order, event_id):
    text = "echo bad > ../x.finished.event.json; mkdir a; echo bad > a/b.finished.event.json"

    execution = execute(make_order(text, id=event_id))

    assert execution.result_file is None


def test_a_script_file_is_written_once_and_mended_when_damaged(bench, make_order):
    async def main():
        async with bench() as it:
            order = make_order('echo fine; stat -c %a "$0"')
            path = it.blobs / order.blob / order.name
            first = await it.run(order)
            inode = path.stat().st_ino
            second = await it.run(order)
            same = path.stat().st_ino == inode
            path.chmod(0o600)
            path.write_text('echo evil; stat -c %a "$0"')
            third = await it.run(order)
            return first.stdout, second.stdout, same, third.stdout, path.stat().st_mode

    first, second, same, third, mode = asyncio.run(main())

    assert first == second == third == b"fine\n400\n"
    assert same
    assert stat.S_IMODE(mode) == 0o400


def test_python_writes_no_cache_beside_its_script(bench, make_order):
    async def main():
        async with bench() as it:
            order = make_order("import sys; print(sys.path[0])", suffix=".py")
            execution = await it.run(order)
            folder = it.blobs / order.blob
            return execution.stdout.decode().strip() == str(folder), list(folder.iterdir())

    first_on_path, files = asyncio.run(main())

    assert first_on_path
    assert [file.name for file in files] == ["test.triggered.py"]


def test_a_variable_too_long_for_the_kernel_is_no_crash(execute, make_order):
    execution = execute(make_order("true", variables={"DATA_A": "x" * (128 << 10)}))

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail == "the variables are too large for the kernel to pass on"


@pytest.mark.parametrize("variables", [{"A": "x\0y"}, {"A=B": "x"}, {"A": "\ud800"}])
def test_a_variable_the_kernel_cannot_hold_is_no_crash(execute, make_order, variables):
    execution = execute(make_order("true", variables=variables))

    assert execution.ending is Ending.NOT_RUN
    assert execution.detail.startswith("cannot pass on the variables: ")


def test_more_variables_than_a_message_can_hold_are_no_crash(execute, make_order):
    variables = {f"V{n}": "x" * 100_000 for n in range(100)}

    execution = execute(make_order("true", variables=variables))

    assert execution.ending is Ending.NOT_RUN
    assert "too long" in execution.detail


def test_a_mebibyte_of_variables_arrives(execute, make_order):
    variables = {f"LABEL_{n}": "ü\n" * 4000 + "\udcff" for n in range(87)}

    execution = execute(make_order("env -0 | grep -zc ^LABEL_; env | wc -c", variables=variables))

    count, size = execution.stdout.split()
    assert int(count) == 87
    assert int(size) > 1_000_000


def test_ordinary_tools_work(execute, make_order):
    text = """
    set -e
    cat <(echo process substitution)
    cat <<< "here document"
    test -f "$(mktemp)"
    git init -q . && test -d .git
    """

    execution = execute(make_order(text))

    assert execution.exit_code == 0, execution.output
    assert execution.output == b"process substitution\nhere document\n"


def test_multiprocessing_works(execute, make_order):
    text = (
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.Pool(2) as pool:\n"
        "        print(pool.map(abs, [-1, -2]))\n"
    )

    execution = execute(make_order(text, suffix=".py"))

    assert execution.stdout == b"[1, 2]\n", execution.output


def test_privileges_and_limits_cannot_be_raised(execute, make_order):
    text = "grep NoNewPrivs /proc/self/status; ulimit -Hn; ulimit -Hc; ulimit -Hf"

    execution = execute(make_order(text), disk_limit=1 << 20)

    assert execution.stdout.split() == [b"NoNewPrivs:", b"1", b"256", b"0", b"1024"]


def test_limits_are_there_from_the_first_moment(execute, make_order):
    """Before anybody knows the id of the process; repeated, because moments differ."""
    text = "ulimit -Sf; ulimit -Sd"

    said = {execute(make_order(text), disk_limit=1 << 20).stdout for _ in range(20)}

    assert said == {b"1024\n2097152\n"}


def test_what_a_script_starts_in_its_first_moment_cannot_raise_limits(execute, make_order):
    text = "(sleep 0.1; ulimit -Hf) & (sleep 0.1; ulimit -Hf) & wait"

    said = {execute(make_order(text), disk_limit=1 << 20).stdout for _ in range(20)}

    assert said == {b"1024\n1024\n"}
