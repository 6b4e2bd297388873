"""The plugin process under the real host: calls, misbehaviour, ends (BK-1 to BK-9)."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "program.py"


def test_all_three_calls_are_answered(host):
    host.start()

    assert host.ask("metadata")["value"]["Version"] == "0.1.0"
    assert "script help" in host.ask("help")["value"]["baseBody"]["plaintext"]
    assert host.say("hello", configs=["a: 1", "b: 2"]) == "12 2 <@U1>"


def test_health_is_answered(host):
    host.start()

    assert "error" not in host.ask("ping")


def test_the_socket_is_in_a_directory_of_its_own_that_goes_with_it(host):
    socket = Path(host.start()["socket"])
    mode = stat.S_IMODE(socket.parent.stat().st_mode)

    host.ask("kill")

    assert mode == 0o700
    assert not socket.parent.exists()


def test_the_host_may_say_where_sockets_belong(host, tmp_path):
    started = host.start(env=[f"PLUGIN_UNIX_SOCKET_DIR={tmp_path}"])

    assert Path(started["socket"]).parents[1] == tmp_path


def test_a_wrong_cookie_is_explained_and_nothing_is_printed():
    said = subprocess.run(
        [sys.executable, PROGRAM], env={"BOTKUBE": "wrong"}, capture_output=True, check=False
    )

    assert (said.returncode, said.stdout) == (1, b"")
    assert b"started by its agent" in said.stderr


def test_the_host_learns_of_a_wrong_cookie(host):
    assert "error" in host.ask("start", cookie="another")


def test_mutual_tls_is_refused_with_a_reason(host):
    answer = host.ask("start", env=["PLUGIN_CLIENT_CERT=-----BEGIN CERTIFICATE-----"])

    assert "error" in answer
    host.close()
    assert "mutual TLS" in "".join(host.log)


def test_twenty_calls_at_once_with_one_that_hangs_are_answered_in_a_second(host):
    host.start()
    host.begin("execute", command="script hang")

    calls = [host.begin("execute", command="script hello") for _ in range(19)]
    calls += [host.begin("ping"), host.begin("help"), host.begin("metadata")]
    answers = [host.end(call) for call in calls]

    assert [answer for answer in answers if "error" in answer] == []
    assert max(answer["seconds"] for answer in answers) < 1


def test_a_request_of_five_megabytes_is_handled(host):
    host.start()

    assert host.say("hello ", repeat=5_000_000).startswith("5000013 ")


def test_a_large_answer_arrives_whole(host):
    host.start()

    assert len(host.say("large")) == 2_000_000


def test_a_fault_of_ours_is_a_message_without_details(host):
    host.start()

    said = host.say("fail")

    assert "look for" in said
    assert "secret detail" not in said


def test_noise_on_our_streams_and_those_of_children_harms_nobody(host):
    host.start()

    assert host.say("noise") == "noise made"
    assert host.say("hello") == "12 0 <@U1>"
    assert "error" not in host.ask("ping")


def test_a_kill_ends_everything_in_two_seconds(host, gone_within):
    pid = host.start()["pid"]
    children = [int(one) for one in host.say("children").split()]

    answer = host.ask("kill")

    assert answer["value"]["exited"]
    assert answer["seconds"] < 2
    gone_within([pid, *children], 0.1)


def test_a_kill_while_a_call_hangs_ends_it_in_two_seconds(host, gone_within):
    pid = host.start()["pid"]
    host.begin("execute", command="script hang")

    answer = host.ask("kill")

    assert answer["seconds"] < 2
    gone_within([pid], 0.1)


def test_a_loop_that_hangs_does_not_outlive_the_host(host, gone_within):
    pid = host.start()["pid"]
    host.begin("execute", command="script block")

    host.process.kill()

    gone_within([pid], 2)


def test_the_death_of_the_host_ends_everything_in_two_seconds(host, gone_within):
    pid = host.start()["pid"]
    children = [int(one) for one in host.say("children").split()]
    host.begin("execute", command="script hang")

    host.process.kill()
    host.process.wait()

    gone_within([pid, *children], 2)


def test_sigterm_ends_it(host, gone_within):
    pid = host.start()["pid"]

    os.kill(pid, signal.SIGTERM)

    gone_within([pid], 2)


def test_an_interrupt_does_not_end_it(host):
    pid = host.start()["pid"]

    os.kill(pid, signal.SIGINT)

    assert host.say("hello") == "12 0 <@U1>"


def test_it_is_started_again_after_a_kill(host):
    first = host.start()["pid"]
    host.ask("kill")

    second = host.start()["pid"]

    assert second != first
    assert host.say("hello") == "12 0 <@U1>"
