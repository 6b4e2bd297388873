"""The whole plugin under the real host: chat, an engine of its own, scripts that run."""

import contextlib
import json
import sys
import time
from pathlib import Path

import pytest

ENTRY = Path(__file__).parents[2] / "deploy/botkube/plugin/executor_script.py"


def texts(message):
    """Return every text of a message, however deep."""
    if isinstance(message, dict):
        return "\n".join(map(texts, message.values()))
    if isinstance(message, list):
        return "\n".join(map(texts, message))
    return str(message)


@pytest.fixture
def config(tmp_path):
    """A repository with two scripts, and a config whose embedded engine reads it."""
    folder = tmp_path / "scripts/generic-executor"
    folder.mkdir(parents=True)
    (folder / "hello.sh").write_text('# Greets.\necho "hello $LABEL_name from $PROJECT"\n')
    (folder / "offer.sh").write_text(
        'echo \'{"next": ["script run hello shop name=Bob", "script cmd -- rm x", "ls"]}\'\n'
    )
    (folder / "slow.sh").write_text("echo begun; sleep 30\n")
    (folder / "who.sh").write_text('echo "as $(cat "$KUBECONFIG")"; env\n')
    config = {
        "engine": "embedded",
        "scripts": str(tmp_path / "scripts"),
        "settings": {"state_dir": str(tmp_path / "state")},
        "defaults": {"project": "shop"},
        "answerWithin": 1.5,
        "allow": [{"users": ["<@U1>"], "commands": ["run", "rerun", "cancel"]}],
    }
    return json.dumps(config)


@pytest.fixture
def chat(make_host, config):
    """Type a command; return all texts of the answer."""
    host = make_host(sys.executable, str(ENTRY), SECRET_OF_THE_AGENT="s3cr3t-value")
    host.start()

    def typed(command, **wish):
        answer = host.ask("execute", command=f"script {command}", configs=[config], **wish)
        assert "error" not in answer, answer
        return texts(answer["value"]["message"])

    typed.host = host
    typed.config = config
    return typed


def processes_with(word):
    """Return the processes in whose environment *word* stands."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and word.encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
    return found


def run_of(text):
    """Return the id of the run that a card is about."""
    return next(word for word in text.replace('"', " ").split() if len(word) == 16 and "-" in word)


def test_a_script_is_run_and_its_output_shown(chat):
    said = chat("run hello name=world")
    assert "passed" in said
    assert "hello world from shop" in chat(f"logs {run_of(said)}")


def test_what_a_script_proposes_is_a_button(chat):
    answer = chat.host.ask("execute", command="script run offer", configs=[chat.config])

    message = answer["value"]["message"]
    buttons = [one for section in message["sections"] for one in section.get("buttons", ())]
    proposed = [one for one in buttons if one["name"] == "run hello"]
    assert proposed[0]["command"].startswith("{{BotName}} script run hello shop name=Bob --once ")
    assert "rm x" not in str(buttons)
    typed = proposed[0]["command"].removeprefix("{{BotName}} script ")
    assert "hello Bob from shop" in chat(f"logs {run_of(chat(typed))}")


def test_scripts_are_listed_with_what_they_are_about(chat):
    assert "hello.sh" in chat("list")


def test_who_may_not_is_told_so(chat):
    assert "allow" in chat("run hello name=x", user="<@U2>")
    assert "No run" in chat("runs", user="<@U2>") or "hello" not in chat("runs", user="<@U2>")


def test_a_long_run_is_answered_in_time_and_can_be_cancelled(chat):
    began = time.monotonic()
    said = chat("run slow")
    assert time.monotonic() - began < 8
    assert "running" in said
    run = run_of(said)
    chat(f"cancel {run}")
    deadline = time.monotonic() + 10
    while "cancelled" not in chat(f"status {run}"):
        assert time.monotonic() < deadline


def test_a_script_gets_the_kubeconfig_of_its_call_and_nothing_of_the_agents(chat):
    said = chat("logs " + run_of(chat("run who", kube="of this call")))
    assert "as of this call" in said
    assert "s3cr3t-value" not in said
    assert "BOTKUBE" not in said


def test_a_wrong_key_of_the_config_is_named_in_chat(chat):
    answer = chat.host.ask("execute", command="script list", configs=["engin: x"])
    assert "engin" in texts(answer["value"]["message"])


def test_the_engine_ends_with_the_plugin(chat, tmp_path):
    chat("run slow")
    chat.host.ask("kill")
    homes = str(tmp_path / "state")
    deadline = time.monotonic() + 2
    while left := processes_with(homes):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
