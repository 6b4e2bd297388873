"""Scripts made for generic-executor-service 0.8."""

import pytest

TEST = "sh.keptn.event.test.triggered"
SAMPLE = """\
    #!/bin/bash
    # could execute a test, and returns times
    jsonResponse="{ \\"start\\" : \\"$TIMEUTCMS\\", \\"end\\" : \\"$TIMEUTCMS\\" }"
    echo "tested $DATA_DEPLOYMENT_DEPLOYMENTURISPUBLIC_0"
    echo $jsonResponse > "$ID.finished.event.json"
    """
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}


def script(text, name="test.triggered.sh"):
    return {f"generic-executor/{name}": text}


def judged(remarks, text, name="test.triggered.sh"):
    return remarks(script(text, name), f"generic-executor/{name}", "--from", "0.8")


def test_the_dialect_is_guessed_and_the_reasons_are_said(migrate, write):
    _, said = migrate(write(script(SAMPLE)))

    assert said.startswith(
        "scripts of generic-executor-service 0.8: test.triggered.sh is the name of an event "
        "since Keptn 0.8; DATA_DEPLOYMENT_DEPLOYMENTURISPUBLIC_0 in test.triggered.sh; "
        ".finished.event.json in test.triggered.sh\n"
    )


def test_the_shipped_example_runs_and_returns_its_data(mended, run):
    new = mended(script(SAMPLE))

    said, sent = run(TEST, new, data=WHERE | {"deployment": {"deploymentURIsPublic": ["http://c"]}})

    assert said == ["tested http://c\n"]
    assert sent[-1]["data"]["test"] == {"start": "1795262398123", "end": "1795262398123"}


def test_an_unremarkable_script_runs_unchanged(migrate, write):
    code, said = migrate(write(script('echo "testing $DATA_SERVICE"\n')))

    assert code == 0
    assert "generic-executor/test.triggered.sh: runs unchanged\n" in said


@pytest.mark.parametrize(
    ("text", "line", "begin"),
    [
        ("\ncurl -H $DT_API_TOKEN https://x\n", 2, "DT_API_TOKEN is not inherited"),
        ("echo $EVENTBROKER\n", 1, "EVENTBROKER is never given to scripts"),
        ("echo $TIME\n", 1, "TIME is not set here: use $TIMESTRING"),
        ("printenv 'DATA_LIST[0]_ID'\n", 1, "DATA_LIST[0]_ID is called DATA_LIST_0_ID here"),
        ("source ./lib.sh\n", 1, "'./lib.sh' is not there"),
        ("x=1; . lib.sh\n", 1, "'lib.sh' is not there"),
        ("./deploy.sh\n", 1, "'./deploy.sh' is not there"),
        ('cd "$(dirname "$0")"\n', 1, "only the script itself is there"),
        ("jq .a settings.json\n", 1, "'settings.json' is not there"),
        ("echo\nx=$(kubectl get pods)\n", 2, "'kubectl' is not in the service's image"),
        ('echo "$(helm list)"\n', 1, "'helm' is not in the service's image"),
        ("echo x > /var/log/mine\n", 1, "writing to /var/log/mine is refused"),
        ("tail -f log &\necho\n", 1, "what runs on in the background"),
        ("sleep 15m\n", 1, "waits longer than the deadline"),
        ("cat /var/run/secrets/kubernetes.io/serviceaccount/token\n", 1, "/var/run/secrets/kub"),
    ],
)
def test_what_a_shell_script_cannot_do_here_is_work_with_its_line(remarks, text, line, begin):
    verdict, found = judged(remarks, text)

    assert verdict == "needs work"
    assert [(at, message[: len(begin)]) for at, message, _ in found] == [(line, begin)]


@pytest.mark.parametrize(
    "text",
    [
        "# kubectl $DT_API_TOKEN ./x &\n",
        "echo 'kubectl $DT_API_TOKEN & ./x'\n",
        "TOKEN=x\necho $TOKEN\n",
        "read -r FIRST SECOND\necho $FIRST $SECOND\n",
        "for NAME in a b; do echo $NAME; done\n",
        "curl -s https://x > out.json\njq .a out.json\n",
        "sleep 1 &\nwait\n",
        "a && b || c 2>&1 | d &> /dev/null\n",
        "kubectl() { true; }\nkubectl\n",
        "echo $HOSTNAME $RANDOM $PWD $$ $1\n",
        "cat <<'EOF'\n$DT_TENANT kubectl &\nEOF\n",
        "echo x > /tmp/mine\n",
        "sleep 30\n",
    ],
)
def test_what_a_shell_script_may_do_is_not_remarked(remarks, text):
    assert judged(remarks, text) == ("runs unchanged", [])


@pytest.mark.parametrize(
    ("text", "line", "begin"),
    [
        ("import os\nos.environ['DT_TENANT']\n", 2, "DT_TENANT is not inherited"),
        ("import os\nos.getenv('HOSTNAME', '')\n", 2, "HOSTNAME is not inherited"),
        ("import kubernetes\n", 1, "the module 'kubernetes' is not installed"),
        ("open('x.json')\n", 1, "'x.json' is not there"),
        ("open('/etc/x', 'w')\n", 1, "writing to /etc/x is refused"),
        ("print(__file__)\n", 1, "only the script itself is there"),
        ("import subprocess\nsubprocess.run(['kubectl', 'get'])\n", 2, "'kubectl' is not in the"),
        ("import os\nos.fork()\n", 2, "what runs on in the background"),
        ("import time\ntime.sleep(900)\n", 2, "waits longer than the deadline"),
        ("print(\n", 1, "not Python: "),
    ],
)
def test_what_a_python_script_cannot_do_here_is_work_with_its_line(remarks, text, line, begin):
    verdict, found = judged(remarks, text, "test.triggered.py")

    assert verdict == "needs work"
    assert [(at, message[: len(begin)]) for at, message, _ in found] == [(line, begin)]


def test_a_module_beside_the_script_is_not_there(remarks):
    files = script("import lib\n", "test.triggered.py") | script("x = 1\n", "lib.py")

    _, found = remarks(files, "generic-executor/test.triggered.py", "--from", "0.8")

    assert found[0][1].startswith("'lib.py' is not there (it lies beside the script)")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test.triggered.sh", '#!/bin/bash\necho "$TENANT $DATA_LIST_0_ID"\n'),
        (
            "test.triggered.py",
            "import os\nprint(os.environ['TENANT'], os.environ['DATA_LIST[0]_ID'])\n",
        ),
    ],
)
def test_inherited_variables_and_list_names_are_mended(mended, run, name, text):
    new = mended(script(text, name), "--from", "0.8")

    data = WHERE | {"list": [{"id": "7"}]}
    said, _ = run(TEST, new, environment={"TENANT": "abc"}, data=data)

    assert said == ["abc 7\n"]


def test_the_deadline_of_a_script_that_sleeps_long_is_mended(mended):
    new = mended(script("#!/bin/bash\nsleep 900\n"), "--from", "0.8")

    assert (new / "generic-executor/test.triggered.sh").read_text() == (
        "#!/bin/bash\n# genexec: timeout=1500\nsleep 900\n"
    )


def test_files_that_run_together_now_are_named(remarks):
    files = script("a\n") | script("b\n", "test.triggered.py") | script("c\n", "all.events.sh")

    _, found = remarks(files, "generic-executor/test.triggered.py", "--from", "0.8")

    messages = [message for _, message, _ in found]
    assert messages[0] == "0.8 ran test.triggered.sh only; here this file runs after it"
    assert messages[1].startswith("all.events.sh runs after it, too")


def test_files_on_levels_that_never_meet_have_no_company(remarks):
    files = script("true\n") | {
        "a/dev/generic-executor/test.triggered.py": "print()\n",
        "b/dev/generic-executor/deployment.triggered.sh": "true\n",
    }

    path = "b/dev/generic-executor/deployment.triggered.sh"
    assert remarks(files, path, "--from", "0.8") == ("runs unchanged", [])


@pytest.mark.parametrize(
    ("name", "becomes", "begin"),
    [
        ("events.problem.sh", "problem.open.sh", "this event is answered by problem.open.sh here"),
        ("log.error.sh", "sh.keptn.log.error.sh", "this event is answered by sh.keptn.log.error"),
        ("status.changed.sh", "status.changed.sh", "the task belongs into the name here"),
        ("github.push.sh", "github.push.sh", "0.8 took the last two parts of any type"),
        ("sh.keptn.event.test.triggered.sh", "sh.keptn.event.test.triggered.sh", "no event has"),
    ],
)
def test_names_that_are_made_otherwise_here_are_work(mended, remarks, name, becomes, begin):
    new = mended(script("true\n", name), "--from", "0.8")

    assert judged(remarks, "true\n", name)[1][0][1].startswith(begin)
    assert [path.name for path in (new / "generic-executor").iterdir()] == [becomes]


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ('echo \'{"error": "x"}\'\n', 'an object with "error" as output passed in 0.8'),
        ('echo \'{"result": "fail"}\'\n', '"result" in the output was data only'),
        ('echo "{\\"type\\": \\"sh.keptn.event.x.finished\\"}"\n', 'an object with "type" became'),
    ],
)
def test_words_of_the_output_that_mean_more_here_are_said(remarks, text, begin):
    verdict, found = judged(remarks, text)

    assert (verdict, found[0][0], found[0][1][: len(begin)]) == ("runs differently", 1, begin)


def test_a_request_says_what_is_sent_otherwise(remarks):
    text = (
        "POST https://x.example/$SERVICE\nReferer: http://a:80/b\n\n"
        '{"a": "${data.project}",\n# x\n\n "b": 1}\n'
    )

    verdict, found = judged(remarks, text, "test.triggered.http")

    assert verdict == "runs differently"
    assert [(line, message.partition(";")[0]) for line, message, _ in found] == [
        (2, "the header Referer was cut at its second colon"),
        (5, "lines with # were left out of the body"),
        (6, "the body ended at this empty line"),
        (1, "$SERVICE stayed as it is"),
    ]


def test_a_second_request_is_left_out_of_what_is_written(mended, check):
    text = "GET https://x.example/\n\n### second\nGET https://y.example/\n"

    new = mended(script(text, "test.triggered.http"), "--from", "0.8")

    written = new / "generic-executor/test.triggered.http"
    assert (written.read_text(), check(new)) == ("GET https://x.example/\n\n", 0)


def test_a_request_to_the_machine_itself_needs_a_setting(remarks):
    verdict, found = judged(remarks, "GET http://localhost:8081/event\n", "test.triggered.http")

    assert verdict == "needs work"
    assert found[0][1] == "requests to localhost are refused unless GENEXEC_HTTP_ALLOW names it"


def test_lines_are_added_behind_a_docstring_and_future_imports(mended, run):
    text = (
        '"""What for."""\nfrom __future__ import annotations\nimport os\n'
        "print(__doc__, os.environ['TENANT'])\n"
    )

    new = mended(script(text, "test.triggered.py"), "--from", "0.8")

    assert run(TEST, new, environment={"TENANT": "abc"})[0] == ["What for. abc\n"]


def test_lines_are_added_before_a_first_statement_that_is_no_docstring(mended, run):
    text = "print(__import__('os').environ['TENANT'])\n"

    new = mended(script(text, "test.triggered.py"), "--from", "0.8")

    assert run(TEST, new, environment={"TENANT": "abc"})[0] == ["abc\n"]


def test_a_line_of_endless_length_is_said_not_to_be_looked_at(remarks):
    verdict, found = judged(remarks, "echo\n" + "cat " * 20_000 + "\nkubectl get pods\n")

    assert verdict == "needs work"
    assert [(line, message[:17]) for line, message, _ in found] == [
        (2, "longer than 2000 "),
        (3, "'kubectl' is not "),
    ]
