"""`genexec runs`, `show` and `explain` at a running service print what they print beside it."""

import json

import pytest

HELLO = "com.example.hello"
TASK = "sh.keptn.event.test.triggered"
SENDERS = """
- name: reader
  tokens: [token-of-a-reader-0123456789]
  scopes: [read]
- name: sender
  tokens: [token-of-a-sender-0123456789]
  scopes: [send]
"""


@pytest.fixture(scope="module")
def service(serve_all, event):
    scripts = {
        f"{HELLO}.sh": "echo \"hello $DATA_GREETING\"; printf '\\033[2J'",
        "test.triggered.sh": "echo tested; exit 3",
        "action.triggered.scale.sh": 'echo \'{"labels": {"b": "1", "a": "2"}}\'',
        "all.events.sh": "echo seen",
    }
    service = serve_all(scripts).start()
    action = {"action": {"action": "scale"}, "z": 1, "a": [{"y": None, "b": 0.5}]}
    for one in (
        event(HELLO, data={"greeting": "you"}),
        event("sh.keptn.event.action.triggered", project="other", data=action),
        event("no.such.script", project="empty-handed"),
        event(TASK),
        event(HELLO, data={"greeting": "ünï"}),
    ):
        service.wait_for(service.send(one))
    return service


@pytest.fixture(scope="module")
def guarded(serve_all, tmp_path_factory):
    file = tmp_path_factory.mktemp("senders") / "senders.yaml"
    file.write_text(SENDERS)
    return serve_all({"test.triggered.sh": "echo\n"}, genexec_senders_file=file).start()


@pytest.fixture
def afar(tmp_path):
    """Run a command where no record and no scripts are, with the address of the service."""

    def run(service, *words, **environment):
        nowhere = {"GENEXEC_STATE_DIR": str(tmp_path / "none"), "GENEXEC_SCRIPTS": ""}
        return service.command(*words, **nowhere | environment)

    return run


@pytest.fixture
def event_file(tmp_path, event):
    def write(*arguments, **attributes):
        path = tmp_path / "event.json"
        path.write_text(json.dumps(event(*arguments, **attributes)))
        return path

    return write


@pytest.mark.parametrize(
    "words",
    [
        ("runs",),
        ("runs", "--json"),
        ("runs", "--limit", "2"),
        ("runs", "--state", "passed", "--project", "other"),
        ("runs", "--state", "failed"),
        ("show",),
        ("show", "--json"),
        ("show", "--output"),
    ],
)
def test_what_is_said_from_afar_is_what_is_said_here(service, afar, words):
    here = service.command(*words)

    there = afar(service, *words, "--url", service.address)

    nothing = here.stdout.startswith("no such runs here")
    expected = f"no such runs at {service.address}\n" if nothing else here.stdout
    assert (there.returncode, there.stdout, there.stderr) == (0, expected, "")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_every_run_is_shown_alike(service, afar, form):
    runs = [run["id"] for run in service.runs()]

    here = [service.command("show", run, *form).stdout for run in runs]
    there = [afar(service, "show", run, *form, "--url", service.address).stdout for run in runs]

    assert len(runs) == 5
    assert there == here


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "runs      generic-executor/all.events.sh"),
        ({"action": {"action": "scale"}}, "an action is done by one script, the first one found"),
        ({"action": {"action": "../up"}}, "runs      nothing: invalid action name"),
    ],
)
def test_an_event_is_explained_alike(service, afar, event_file, data, said):
    file = event_file("sh.keptn.event.action.triggered" if data else "no.such.script", data=data)

    here = [service.command("explain", file, *form).stdout for form in ((), ("--json",))]
    url = ("--url", service.address)
    there = [afar(service, "explain", file, *form, *url).stdout for form in ((), ("--json",))]

    assert said in here[0]
    assert there == here


def test_address_and_token_may_stand_in_the_environment(guarded, afar, tmp_path):
    token = tmp_path / "token"
    token.write_text("token-of-a-reader-0123456789\n")
    environment = {"GENEXEC_URL": guarded.address, "GENEXEC_TOKEN_FILE": str(token)}

    said = afar(guarded, "runs", **environment)

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"no such runs at {guarded.address}\n"


def test_options_for_here_count_more_than_an_address_in_the_environment(service, afar, event_file):
    environment = {"GENEXEC_URL": "http://127.0.0.1:9/"}
    scripts = service.environment["GENEXEC_SCRIPTS"]

    runs = afar(service, "runs", "--state-dir", service.state, **environment)
    explained = afar(service, "explain", event_file(HELLO), "--scripts", scripts, **environment)

    assert runs.stdout == service.command("runs").stdout
    assert f"runs      generic-executor/{HELLO}.sh" in explained.stdout


@pytest.mark.parametrize("words", [("runs",), ("show",), ("explain", "EVENT")])
def test_without_the_scope_to_read_nothing_is_told(guarded, afar, event_file, tmp_path, words):
    words = [event_file(TASK) if word == "EVENT" else word for word in words]
    token = tmp_path / "token"
    token.write_text("token-of-a-sender-0123456789")

    stranger = afar(guarded, *words, "--url", guarded.address)
    sender = afar(guarded, *words, "--url", guarded.address, "--token-file", token)

    assert (stranger.returncode, stranger.stdout) == (65, "")
    assert "genexec: " in stranger.stderr
    assert (sender.returncode, sender.stdout) == (65, "")
    assert "it lacks the scope read" in sender.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("runs", "--state-dir", ".", "--url", "http://h/"), "--state-dir looks here"),
        (("show", "--state-dir", ".", "--url", "http://h/"), "--state-dir looks here"),
        (("explain", "x", "--layout", "folders", "--url", "http://h/"), "--layout looks here"),
        (("explain", "x", "--variables", "--url", "http://h/"), "leave --url out"),
        (("runs", "--token-file", "/dev/null"), "--token-file is for a service"),
        (("runs", "--url", "ftp://h/"), "is no address of a service"),
        (("runs", "--url", "http://[::1"), "is no address of a service"),
        (("cancel", "last", "--url", "http://a..b/"), "is no address of a service"),
        (("rerun", "last", "--url", ""), "is no address of a service"),
    ],
)
def test_options_that_exclude_each_other_are_named(service, afar, words, sentence):
    said = afar(service, *words)

    assert said.returncode == 2
    assert sentence in said.stderr


@pytest.mark.parametrize("words", [("runs",), ("show", "last"), ("explain", "EVENT")])
def test_a_service_that_is_not_there_ends_with_69(service, afar, event_file, words):
    words = [event_file(TASK) if word == "EVENT" else word for word in words]

    said = afar(service, *words, "--url", "http://127.0.0.1:9/")

    assert said.returncode == 69
    assert said.stderr.startswith("genexec: http://127.0.0.1:9 cannot be reached")


def test_a_run_that_is_not_known_is_told_as_here(service, afar):
    here = service.command("show", "zzz")

    there = afar(service, "show", "zzz", "--url", service.address)

    assert (there.returncode, there.stderr) == (here.returncode, here.stderr)
