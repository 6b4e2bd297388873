"""Settings: defaults, precedence, and everything that is wrong told at once (DP-5)."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from service.config import addresses, values
from service.config.reading import OWN, gather, read_settings
from service.config.rows import ROWS
from service.config.settings import Settings, is_git_address
from service.config.values import LogFormat, LogLevel
from service.errors import BadSettings
from service.event import Acceptance
from service.keptn_events import Belonging
from service.scripts import Layout

TAKE_ANYTHING = {values.text, values.words, values.directory, values.optional_directory}
WRONG = {
    values.duration: ["abc", "-1", "0", "0s", "5 s", "5w", "1e3", "", "٣s", "inf", "5s\n"],
    values.duration_or_zero: ["abc", "-1", "5w", "", "00"],
    values.size: ["abc", "-1", "0", "1KB", "1.5MiB", "", "1MiBB", "٣"],
    values.memory_or_zero: ["abc", "-1", "512", "1KB", "15MiB", ""],
    values.switch: ["maybe", "2", "", "ja"],
    values.on_or_off: ["maybe", "2", "", "warm"],
    addresses.host: ["example.com", "127.0.0", "", "127.0.0.1:80", "[::1]"],
    addresses.url_path: [
        "events",
        "",
        "/a b",
        "/ä",
        "http://x/",
        "/a?b",
        "/" + "a" * 300,
        "/healthz",
        "/api/v1/runs",
    ],
    addresses.schemes: ["all", "https,ftp", "HTTPS"],
    addresses.allowed: ["10.0.0.0/99", "a b", "host,a/b"],
    addresses.sink: [
        "ftp://x/",
        "http://",
        "http://u:p@x/",
        "http://u@x/",
        "http://[::1",
        "://x",
        "http://a..b/",
    ],
    addresses.index: ["ftp://x/", "x/simple", "http://u:p@x/simple/", "http://u@x/", "http://[::1"],
    values.folder: ["/no/such/folder", __file__],
    addresses.proxy: ["ftp://x/", "proxy", "http://", "http://[::1", "http://a b/"],
    values.file: ["/no/such/file", "/", "."],
    values.certificates: ["/no/such/file", __file__],
    values.event_types: ["a b", "-a", "a.b,c/d", "ä"],
    addresses.host_names: ["https://a", "a:80", "a/b"],
    addresses.http_address: ["ftp://x", "http://", "http://u:p@x/api", "http://x/?a=b", "x"],
    addresses.nats_url: ["http://x", "nats://", "", "nats:4222", "nats://[::1", "nats://a..b"],
    addresses.topics: ["", "a b", "a..b", ".a", "sh.>.x", "a.>b"],
    values.places: ["relative", "/ok,relative"],
}
"""Reader: texts it must refuse. Readers made by `choice` and `number` are in `wrong_ones`."""


def settings(**named):
    return read_settings({f"GENEXEC_{name.upper()}": value for name, value in named.items()})


def problems(environment):
    with pytest.raises(BadSettings) as caught:
        read_settings(environment)
    return str(caught.value).splitlines()


def refused(**named):
    return problems({f"GENEXEC_{name.upper()}": value for name, value in named.items()})


@pytest.fixture
def config_file(tmp_path):
    """Write a YAML file; return the environment that names it."""

    def make(text, **environment):
        path = tmp_path / "genexec.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return {"GENEXEC_CONFIG": str(path)} | environment

    return make


# Defaults


def test_nothing_has_to_be_set():
    assert settings().scripts == ""


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_reads_its_default(row):
    row.read(row.default)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_has_a_field_and_a_meaning(row):
    assert row.key in {field.name for field in fields(Settings)}
    assert row.meaning
    assert row.variable == f"GENEXEC_{row.key.upper()}"
    assert ROWS[row.key] is row


def test_every_field_has_a_row():
    assert {field.name for field in fields(Settings)} == set(ROWS)


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "git_interval": 5.0,
        "git_timeout": 30.0,
        "git_max_staleness": 0.0,
        "git_schemes": ("https", "ssh"),
        "git_token_file": None,
        "keptn_token_file": None,
        "keptn_scripts_interval": 5.0,
        "keptn_scripts_timeout": 10.0,
        "sink": "",
        "sink_give_up": 86_400.0,
        "host": "127.0.0.1",
        "port": 8080,
        "path": "/",
        "open": False,
        "accept": Acceptance.LEGACY,
        "max_body": 1024 * 1024,
        "queue": 10_000,
        "default": Belonging(),
        "at_once": 8,
        "per_project": 4,
        "timeout": 600.0,
        "grace": 5.0,
        "output_limit": 16 * 1024 * 1024,
        "output_kept": 1024 * 1024,
        "disk_limit": 256 * 1024 * 1024,
        "script_limit": 1024 * 1024,
        "expose_env": ("*",),
        "follow_up_types": (),
        "http_connect_timeout": 5.0,
        "http_read_timeout": 30.0,
        "http_timeout": 60.0,
        "http_deny_private": False,
        "shutdown_grace": 25.0,
        "header_timeout": 15.0,
        "body_timeout": 30.0,
        "log_format": LogFormat.JSON,
        "log_level": LogLevel.INFO,
        "work_dir": None,
    }.items(),
)
def test_the_default_is(name, value):
    assert getattr(settings(), name) == value


def test_the_state_is_kept_in_the_home_directory():
    assert settings().state_dir == Path(os.environ["HOME"]) / ".local/state/genexec"


@pytest.mark.parametrize(
    ("address", "layout"),
    [
        ("https://git.example/{project}.git", Layout.BRANCHES),
        ("https://git.example/scripts.git", Layout.FOLDERS),
        ("/srv/scripts", Layout.FOLDERS),
        ("/srv/{project}", Layout.BRANCHES),
        ("keptn+http://resource-service:8080", Layout.BRANCHES),
    ],
)
def test_the_layout_follows_from_the_address(address, layout):
    assert settings(scripts=address).layout is layout


@pytest.mark.parametrize("address", ["https://git.example/{project}.git", "/srv/scripts"])
def test_another_layout_can_be_named(address):
    assert settings(scripts=address, layout="directories").layout is Layout.DIRECTORIES


def test_a_keptn_has_its_own_layout():
    [problem] = refused(scripts="keptn+http://h:8080", layout="folders")

    assert problem.startswith("GENEXEC_LAYOUT cannot be set for a Keptn")
    assert settings(scripts="keptn+http://h", layout="branches").layout is Layout.BRANCHES


# Values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("90", 90), ("90s", 90), ("1.5s", 1.5), ("5m", 300), ("2h", 7200)],
)
def test_durations_are_written_with_a_unit(text, seconds):
    assert settings(timeout=text).timeout == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512KiB", 524_288), ("1 MiB", 1_048_576), ("2gib", 2**31), ("10B", 10)],
)
def test_sizes_are_written_with_a_unit(text, size):
    assert settings(max_body=text).max_body == size


@pytest.mark.parametrize("text", ["yes", "on", "true", "1", "Yes", "TRUE"])
def test_switches_are_written_in_several_ways(text):
    assert settings(http_deny_private=text).http_deny_private is True


def test_warm_python_is_on_unless_it_is_switched_off():
    assert settings().warm_python is True
    assert settings(warm_python="off").warm_python is False


def test_zero_is_no_limit_where_that_makes_sense():
    assert settings(memory_limit="0").memory_limit == 0
    assert settings(git_max_staleness="0").git_max_staleness == 0
    assert settings(process_limit="0").process_limit == 0


def test_lists_are_separated_by_commas():
    assert settings(mask_env=" *TOKEN* , ,*KEY*,").mask_env == ("*TOKEN*", "*KEY*")


@pytest.mark.parametrize(
    ("text", "sink"),
    [
        ("http://localhost:8081/event", "http://localhost:8081/event"),
        ("event-broker/keptn", "http://event-broker/keptn"),
        ("https://x/a?b=c", "https://x/a?b=c"),
    ],
)
def test_a_sink_without_a_scheme_is_http(text, sink):
    assert settings(sink=text).sink == sink


def test_blanks_around_a_value_do_not_matter():
    assert settings(port=" 9000\n").port == 9000


def test_an_empty_value_is_the_default():
    assert settings(port="", timeout="").port == 8080


def test_a_relative_directory_is_nowhere_when_the_folder_we_are_in_is_gone(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()

    [problem] = refused(state_dir="state")

    assert problem == (
        "GENEXEC_STATE_DIR is below the folder we are in, which is gone, not 'state'"
    )


def test_a_relative_directory_is_where_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert settings(state_dir="state").state_dir == tmp_path / "state"


def test_the_directories_of_runs_are_in_the_state_directory():
    assert settings(state_dir="/state").runs_dir == Path("/state/work")


def test_no_two_services_share_the_directories_of_runs():
    one, two = (settings(state_dir=path, work_dir="/shm").runs_dir for path in ("/a", "/b"))

    assert one != two
    assert one.parent == two.parent == Path("/shm")


@pytest.mark.parametrize(
    ("address", "is_git"),
    [
        ("https://h/x.git", True),
        ("git@h:x.git", True),
        ("keptn+http://h:8080", False),
        ("keptn:http://h:8080", False),
        ("file:///x", True),
        ("/srv/x", False),
        ("./a:b", False),
        ("~/x", False),
        ("scripts", False),
        ("", False),
    ],
)
def test_a_git_address_is_told_from_a_directory(address, is_git):
    assert is_git_address(address) is is_git


# What is wrong


def wrong_ones():
    for key, row in ROWS.items():
        texts = WRONG.get(row.read)
        if texts is None and row.read not in TAKE_ANYTHING:
            texts = ["no such value", "-1", "1.5", "٣", "99999999999"]
        for text in texts or ():
            yield pytest.param(key, text, id=f"{key}={text[:20]!a}")


@pytest.mark.parametrize(("key", "text"), list(wrong_ones()))
def test_a_wrong_value_is_named_with_its_variable(key, text):
    with pytest.raises(BadSettings) as caught:
        read_settings({}, **{key: text})

    [problem] = str(caught.value).splitlines()
    assert problem.startswith(f"{ROWS[key].variable} (from the command line) ")
    shown = text.replace("u:p@", "***@").replace("u@", "***@")[:80]
    assert problem.endswith(f", not {shown!r}")


def test_no_reader_is_forgotten_here():
    made = {row.read for row in ROWS.values() if row.read.__qualname__.count("<locals>")}

    assert {row.read for row in ROWS.values()} - made - TAKE_ANYTHING <= set(WRONG)


def test_the_sentence_tells_what_is_allowed_and_what_was_given():
    assert refused(port="abc") == ["GENEXEC_PORT must be a whole number from 0 to 65535, not 'abc'"]
    assert refused(accept="all") == [
        "GENEXEC_ACCEPT must be one of strict, legacy, lenient, not 'all'"
    ]


def test_everything_wrong_is_told_at_once():
    said = refused(port="abc", timeout="-1", layout="tree", oops="1", host="nowhere")

    assert [line.split()[0] for line in sorted(said)] == [
        "GENEXEC_HOST",
        "GENEXEC_LAYOUT",
        "GENEXEC_PORT",
        "GENEXEC_TIMEOUT",
        "unknown",
    ]


def test_what_is_wrong_together_is_told_at_once_as_well():
    said = refused(scripts="ftp://h/x", default_project="a/b", default_stage="..", host="0.0.0.0")

    assert [line.split()[0].rstrip(":") for line in said] == [
        "GENEXEC_SCRIPTS",
        "GENEXEC_DEFAULT_PROJECT",
        "GENEXEC_DEFAULT_STAGE",
        "GENEXEC_HOST=0.0.0.0",
    ]


def test_a_password_in_an_address_is_refused_and_not_shown():
    [problem] = refused(scripts="https://user:s3cr3t@h/x.git")

    assert problem.startswith("GENEXEC_SCRIPTS: ")
    assert "s3cr3t" not in problem


@pytest.mark.parametrize("address", ["keptn:http://h:8080", "keptn://h", "keptn+http://t@h"])
def test_what_names_no_keptn_is_refused(address):
    [problem] = refused(scripts=address)

    assert problem.startswith("GENEXEC_SCRIPTS: the address of the scripts, ")


@pytest.mark.parametrize(
    ("address", "from_keptn", "from_git"),
    [
        ("keptn+https://h/api", True, False),
        ("https://h/x.git", False, True),
        ("/srv/x", False, False),
    ],
)
def test_the_address_tells_where_scripts_come_from(address, from_keptn, from_git):
    read = settings(scripts=address)

    assert (read.from_keptn, read.from_git) == (from_keptn, from_git)


@pytest.mark.parametrize("scheme", ["http", "git", "file"])
def test_a_scheme_must_be_allowed(scheme):
    address = f"{scheme}:///x.git" if scheme == "file" else f"{scheme}://h/x.git"

    [problem] = refused(scripts=address)

    assert problem.startswith("GENEXEC_SCRIPTS: ")
    assert settings(scripts=address, git_schemes=f"https,{scheme}").from_git


@pytest.mark.parametrize("key", ["sink", "git_proxy"])
@pytest.mark.parametrize("text", ["http://h:99999/", "http://h:abc/"])
def test_an_address_with_an_impossible_port_is_refused(key, text):
    assert refused(**{key: text})


@pytest.mark.parametrize("key", ["git_token_file", "state_dir"])
def test_the_home_of_nobody_is_refused(key):
    assert refused(**{key: "~no-such-user-here/x"})


def test_a_token_in_place_of_its_file_is_refused():
    [problem] = refused(git_token_file="x" * 300)

    assert problem.startswith("GENEXEC_GIT_TOKEN_FILE")


# Unknown names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GENEXEC_PROT", "; did you mean GENEXEC_PORT?"),
        ("GENEXEC_TIMEOUTS", "; did you mean GENEXEC_TIMEOUT?"),
        ("GENEXEC_QQQQQQQQQQQQQQQQQQQQQQQQQQ", ""),
    ],
)
def test_an_unknown_setting_is_refused_with_a_hint(name, hint):
    assert problems({name: "1"}) == [f"unknown setting {name}{hint}"]


def test_variables_of_others_are_nobodys_business():
    assert read_settings({"PATH": "/bin", "PORT": "abc", "XGENEXEC_Y": "1"}).port == 8080


@pytest.mark.parametrize("name", ["RUN_ID", "ATTEMPT", "SCRIPT", "LEVEL", "RESULT_FILE"])
def test_a_script_may_call_genexec(name):
    assert read_settings({f"GENEXEC_{name}": "1"}).port == 8080


def test_no_setting_is_ever_shown_to_a_script():
    prefix, *others = OWN

    assert prefix == "GENEXEC_*"
    assert {name for row in ROWS.values() for name in row.also} == set(others)


# Names of the predecessor, and precedence


@pytest.mark.parametrize(
    ("alias", "text", "name", "value"),
    [
        ("RCV_PORT", "9000", "port", 9000),
        ("RCV_PATH", "/events", "path", "/events"),
        ("EVENTBROKER", "http://event-broker/keptn", "sink", "http://event-broker/keptn"),
        ("K_SINK", "http://broker/", "sink", "http://broker/"),
    ],
)
def test_names_of_the_predecessor_and_of_knative_are_taken(alias, text, name, value):
    assert getattr(read_settings({alias: text}), name) == value


def test_a_wrong_value_under_another_name_is_told_with_that_name():
    assert problems({"RCV_PORT": "abc"}) == [
        "GENEXEC_PORT (from RCV_PORT) must be a whole number from 0 to 65535, not 'abc'"
    ]


def test_the_own_name_wins_over_the_others():
    environment = {"EVENTBROKER": "http://b/", "K_SINK": "http://c/"}

    assert read_settings(environment).sink == "http://b/"
    assert read_settings(environment | {"GENEXEC_SINK": "http://a/"}).sink == "http://a/"
    assert read_settings(environment | {"GENEXEC_SINK": ""}).sink == "http://b/"


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(config_file):
    environment = config_file("port: 1\ntimeout: 2\nqueue: 3\n", GENEXEC_PORT="4", RCV_PORT="5")

    read = read_settings(environment | {"GENEXEC_TIMEOUT": "6"}, timeout="7")

    assert (read.port, read.timeout, read.queue) == (4, 7, 3)


def test_another_programs_name_wins_over_the_file(config_file):
    assert read_settings(config_file("port: 1\n", RCV_PORT="5")).port == 5


def test_where_a_value_comes_from_is_known(config_file):
    environment = config_file("queue: 3\n", RCV_PORT="5", GENEXEC_TIMEOUT="6")

    given, problems_ = gather(environment)

    assert problems_ == []
    assert {key: given[key].origin for key in ("queue", "port", "timeout", "grace")} == {
        "queue": environment["GENEXEC_CONFIG"],
        "port": "RCV_PORT",
        "timeout": "GENEXEC_TIMEOUT",
        "grace": "default",
    }


def test_a_wrong_override_is_told_as_such():
    with pytest.raises(BadSettings, match=r"GENEXEC_LAYOUT \(from the command line\) must be"):
        read_settings({}, layout="tree")


# The file


def test_a_file_holds_texts_numbers_lists_and_switches(config_file):
    read = read_settings(
        config_file(
            "port: 9000\n"
            "timeout: 90s\n"
            "git_schemes: [https, file]\n"
            "http_allow:\n- 10.0.0.0/8\n- host:80\n"
            "http_deny_private: true\n"
            "default_stage: dev\n"
            "git_branch:\n"
        )
    )

    assert (read.port, read.timeout, read.default_stage) == (9000, 90.0, "dev")
    assert read.git_schemes == ("https", "file")
    assert read.http_allow == ("10.0.0.0/8", "host:80")
    assert read.http_deny_private is True
    assert read.git_branch == ""


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_sets_nothing(config_file, text):
    assert read_settings(config_file(text)).port == 8080


def test_unknown_keys_are_refused_with_a_hint(config_file):
    environment = config_file("prot: 1\nGENEXEC_PORT: 2\n5: 6\n")

    said = problems(environment)

    name = environment["GENEXEC_CONFIG"]
    assert said[0] == f"{name}: unknown setting 'prot'; did you mean port?"
    assert said[1].startswith(f"{name}: unknown setting 'GENEXEC_PORT'")
    assert said[2] == f"{name}: unknown setting 5"


def test_a_wrong_value_in_the_file_is_named_with_the_file(config_file):
    environment = config_file("port: abc\ntimeout:\n")

    name = environment["GENEXEC_CONFIG"]
    port, timeout = problems(environment)
    assert port.startswith(f"GENEXEC_PORT (from {name}) must be a whole number")
    assert timeout.startswith(f"GENEXEC_TIMEOUT (from {name}) must be a duration")


def test_a_value_that_is_a_mapping_is_refused(config_file):
    [problem] = problems(config_file("port: {a: 1}\n"))

    assert problem.endswith(": port must be one value or a list")


@pytest.mark.parametrize("text", ["- port\n", "port\n", "5\n"])
def test_a_file_that_is_no_mapping_is_refused(config_file, text):
    [problem] = problems(config_file(text))

    assert problem.endswith("must hold `setting: value` lines")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("port: [1\n", "line 2: not YAML"),
        ("port: 1: 2\n", "line 1: not YAML"),
        ("a: *b\n", "line 1: not YAML"),
        ("!!python/object:os.system x\n", "line 1: not YAML"),
        ("? [a]\n: 1\n", "line 1: not YAML"),
        ("port: 1\nqueue: 5\nport: 2\n", "line 3: a key stands twice"),
        (b"\xff\xfe\xff", "is not YAML in UTF-8"),
        ("port: 80".encode("utf-16"), "is not YAML in UTF-8"),
        (b"a: \x00", "is not YAML in UTF-8"),
        ("#" * 1_048_577, "is larger than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(config_file, text, what):
    environment = config_file(text)

    assert problems(environment) == [f"GENEXEC_CONFIG: {environment['GENEXEC_CONFIG']}: {what}"]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    [problem] = problems({"GENEXEC_CONFIG": str(tmp_path / name)})

    assert problem.startswith("GENEXEC_CONFIG: ")


@pytest.mark.parametrize("text", ["default_stage: 2020-13-45\n", "port: " + "[" * 3000])
def test_a_file_that_yaml_fails_with_in_other_ways_is_refused(config_file, text):
    [problem] = problems(config_file(text))

    assert problem.startswith("GENEXEC_CONFIG: ")


# Keptn


def test_events_from_the_api_need_its_gateway_and_exact_types():
    gateway, types = refused(events="keptn-api")
    assert gateway.startswith("GENEXEC_EVENTS=keptn-api needs GENEXEC_KEPTN_API, the address of")
    assert types.endswith("such as sh.keptn.event.test.triggered, not sh.keptn.>")


def test_events_from_the_api_can_be_set():
    read = settings(
        events="keptn-api",
        keptn_api="https://keptn.example.org/api/",
        topics="sh.keptn.event.test.triggered, sh.keptn.event.deployment.triggered",
    )
    assert read.keptn_api == "https://keptn.example.org/api"
    assert len(read.topics) == 2


def test_the_names_of_the_distributor_are_understood():
    environment = {
        "PUBSUB_URL": "nats://keptn-nats-cluster",
        "PUBSUB_TOPIC": "sh.keptn.event.test.triggered",
        "K8S_DEPLOYMENT_NAME": "executor",
        "PROJECT_FILTER": "a,b",
    }
    read = read_settings(environment)
    assert (read.nats_url, read.keptn_name) == ("nats://keptn-nats-cluster", "executor")
    assert (read.topics, read.keptn_projects) == (("sh.keptn.event.test.triggered",), ("a", "b"))
