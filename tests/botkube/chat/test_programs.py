"""`script cmd` with real programs: what they get, how they end, what is left of them."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from service.botkube.programs import Programs
from service.errors import NoSuchProgram

PATH = "/usr/bin:/bin"


@pytest.fixture
def run():
    """Run a shell text as a program."""

    def run_(text, *, seconds=10.0, kubeconfig=b"", words=()):
        programs = Programs(path=PATH)
        command = ["bash", "-c", text, "bash", *words]
        return asyncio.run(programs.run(command, seconds=seconds, kubeconfig=kubeconfig))

    return run_


def gone(pid):
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_output_and_errors_come_together_in_their_order(run):
    ended = run("echo one; echo two >&2; echo three; exit 3")

    assert (ended.code, ended.output) == (3, "one\ntwo\nthree\n")


def test_arguments_arrive_as_they_are(run):
    assert (
        run('printf "[%s]" "$@"', words=["a b", "$HOME", "*", ";id"]).output
        == "[a b][$HOME][*][;id]"
    )


def test_a_program_gets_a_small_environment(run, monkeypatch):
    monkeypatch.setenv("BOTKUBE_TOKEN", "secret")
    names = {line.partition("=")[0] for line in run("env").output.splitlines()}

    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "TERM",
        "NO_COLOR",
        "GIT_TERMINAL_PROMPT",
    }


def test_the_kubeconfig_is_a_private_file_that_goes_away(run):
    text = 'stat -c %a "$KUBECONFIG"; cat "$KUBECONFIG"; echo; echo "$KUBECONFIG"'
    mode, content, path = run(text, kubeconfig=b"kind: Config").output.splitlines()

    assert (mode, content) == ("600", "kind: Config")
    assert not Path(path).exists()


def test_nothing_of_ours_is_open_in_a_program(run):
    links = run("readlink /proc/self/fd/0 /proc/$$/fd/1 /proc/$$/fd/2").output.splitlines()

    assert links[0] == "/dev/null"
    assert links[1] == links[2]
    assert links[1].startswith("pipe:")


def test_a_program_is_stopped_at_its_time_limit_with_its_children(run):
    started = time.monotonic()
    ended = run("sleep 60 & echo $!; wait", seconds=0.5)

    assert ended.code is None
    assert time.monotonic() - started < 3
    until(lambda: gone(int(ended.output)))


def test_children_do_not_outlive_a_program_that_ended_well(run):
    ended = run("sleep 60 >/dev/null 2>&1 & echo $!")

    until(lambda: gone(int(ended.output)))


def test_a_child_in_a_session_of_its_own_does_not_hold_the_answer_up(run):
    started = time.monotonic()
    ended = run("setsid sleep 4 & echo done")

    assert ended.output == "done\n"
    assert time.monotonic() - started < 3


def test_endless_output_is_kept_within_limits(run):
    ended = run("yes | head -c 30000000; echo; echo the end")

    assert len(ended.output) < 600_000
    assert ended.output.endswith("the end\n")
    assert "bytes omitted …" in ended.output


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(NoSuchProgram, match="nothing-like-it is not installed"):
        asyncio.run(Programs(path=PATH).run(["nothing-like-it"], seconds=1, kubeconfig=b""))


def test_a_downloaded_program_comes_before_the_path(tmp_path):
    own = tmp_path / "ls"
    own.write_text("#!/bin/sh\necho ours\n")
    own.chmod(0o755)

    programs = Programs(path=PATH, dependency_dir=str(tmp_path))

    assert asyncio.run(programs.run(["ls"], seconds=5, kubeconfig=b"")).output == "ours\n"


def cmd(type_in, line, **options):
    config = {"cmd": {"programs": ["bash", "echo", "sleep"]}} | options.pop("config", {})
    return type_in(f"script cmd -- {line}", config=config, **options)


def test_what_a_program_wrote_is_shown_without_colours(type_in):
    message = cmd(type_in, "bash -c 'printf \"\\033[31mred\\033[0m\\n\"'")

    assert message["sections"][0]["body"] == {"codeBlock": "red"}


def test_a_program_that_fails_says_how(type_in):
    message = cmd(type_in, "bash -c 'echo no; exit 7'")

    assert message["sections"][0]["header"] == "❌ bash ended with code 7"


def test_a_long_program_is_looked_at_again_and_started_once(
    make_chat, make_request, commands, tmp_path
):
    chat = make_chat()
    config = {"cmd": {"programs": ["bash"]}, "answerWithin": 1}
    line = f"script cmd -- bash -c 'echo x >> {tmp_path}/starts; sleep 1.2; echo ready'"

    async def session():
        (answer,) = await chat.execute(make_request(line, config=config))
        refresh = commands(json.loads(answer))["Refresh"]
        for _ in range(20):
            (answer,) = await chat.execute(make_request(refresh, config=config))
            if b"ready" in answer and b"still running" not in answer:
                return answer
        return answer

    answer = json.loads(asyncio.run(session()))

    assert answer["sections"][0]["body"]["codeBlock"] == "ready"
    assert (tmp_path / "starts").read_text() == "x\n"


def test_closing_stops_programs_in_time(make_chat, make_request, tmp_path):
    chat = make_chat()
    config = {"cmd": {"programs": ["bash"]}, "answerWithin": 0.8}
    line = f"script cmd -- bash -c 'echo $$ > {tmp_path}/pid; sleep 60'"

    async def session():
        await chat.execute(make_request(line, config=config))
        started = time.monotonic()
        await chat.close()
        return time.monotonic() - started

    assert asyncio.run(session()) < 2
    until(lambda: gone(int((tmp_path / "pid").read_text())))


def test_a_kubeconfig_belongs_to_one_call_only(type_in):
    line = "bash -c 'cat $KUBECONFIG; echo -n end'"

    with_one = cmd(type_in, line, kubeconfig=b"of this call ")
    without = cmd(type_in, "bash -c 'echo -n ${KUBECONFIG-none}'")

    assert with_one["sections"][0]["body"]["codeBlock"] == "of this call end"
    assert without["sections"][0]["body"]["codeBlock"] == "none"
    assert "KUBECONFIG" not in os.environ
