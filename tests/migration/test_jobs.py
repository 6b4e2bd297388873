"""Configurations of job-executor-service: what is said, and that the written scripts work."""

import json

import pytest

TEST = "sh.keptn.event.test.triggered"
DEPLOYMENT = "sh.keptn.event.deployment.triggered"
WHERE = {"project": "sockshop", "stage": "dev", "service": "carts"}
HELLO = """\
    apiVersion: v2
    actions:
      - name: "Hello World"
        events:
          - name: "sh.keptn.event.deployment.triggered"
        tasks:
          - name: "Greet the world"
            image: "alpine"
            cmd:
              - echo
            args:
              - "Hallo Welt"
    """
VARIABLES = """\
    apiVersion: v2
    actions:
      - name: "Env vars"
        events:
          - name: "sh.keptn.event.deployment.triggered"
        tasks:
          - name: "Print Labels"
            image: "alpine"
            cmd: [sh]
            args: ["-c", "env|grep -E '^(LABELS|KEPTN)_'|sort"]
          - name: "Print json path from event"
            image: "alpine"
            env:
              - name: "E2E-jsonPathLabel"
                value: "$.data.labels.jsonPathLabel"
                valueFrom: event
              - name: "E2E-jsonPathArray"
                value: "$.data.additionalData.jsonPathArray[1]"
                valueFrom: event
              - name: "E2E-EVENT"
                value: "$.data.additionalData"
                valueFrom: event
                as: json
              - name: "E2E-MAP"
                value: "$['data']['additionalData']"
                valueFrom: event
              - name: "E2E-YAML"
                value: "$.data.labels"
                valueFrom: event
                as: yaml
            cmd: [bash]
            args: ["-c", "env|grep E2E|sort"]
          - name: "Print from string literal"
            image: "alpine"
            env:
              - name: E2E_DATA_DIR
                valueFrom: string
                value: /tmp/$(whoami) 'x'
            cmd: [echo]
            args: ["$(E2E_DATA_DIR)", "--dir=$(E2E_DATA_DIR)/$(KEPTN_STAGE)", "$$(HOST)", "$(NONE)"]
    """
LOCUST = """\
    apiVersion: v2
    actions:
      - name: "Run tests using locust"
        events:
          - name: "sh.keptn.event.test.triggered"
            jsonpath:
              property: "$.data.test.teststrategy"
              match: "locust"
        tasks:
          - name: "Run locust"
            files: [locust/basic.py]
            image: "locustio/locust"
            cmd: ["locust"]
            args: ["-f", "/keptn/locust/basic.py", "--host", "$(HOST)"]
            maxPollDuration: 1200
            env:
              - name: HOST
                value: "$.data.deployment.deploymentURIsPublic[0]"
                valueFrom: event
    """


def one_action(*, event=f'name: "{DEPLOYMENT}"', more="", **task):
    """Write a configuration with one action and one task that says hello."""
    task = {"cmd": ["echo", "hello"], "image": "alpine", "name": "t"} | task
    return (
        f"apiVersion: v2\nactions:\n- name: a\n  events:\n  - {event}\n{more}"
        f"  tasks:\n  - {json.dumps(task)}\n"
    )


def test_the_project_configuration_becomes_a_script_that_does_the_same(mended, run, check):
    new = mended({"job/config.yaml": HELLO})

    said, sent = run(DEPLOYMENT, new)

    assert (said, check(new)) == (["Hallo Welt\n"], 0)
    assert [event["type"].rpartition(".")[2] for event in sent] == ["started", "finished"]
    assert (sent[-1]["data"]["result"], sent[-1]["data"]["message"]) == ("pass", "Hallo Welt")


def test_writing_leaves_no_work_so_the_exit_code_is_zero(migrate, write, tmp_path):
    old = write({"job/config.yaml": HELLO})

    assert migrate(old)[0] == 1
    assert migrate(old, "--write", tmp_path / "new")[0] == 0


def test_variables_come_from_labels_paths_and_literals_as_they_did(mended, run):
    new = mended({"job/config.yaml": VARIABLES})

    labels = {"jsonPathLabel": "a b", "build-id": "7"}
    said, _ = run(
        DEPLOYMENT,
        new,
        data=WHERE | {"labels": labels, "additionalData": {"jsonPathArray": ["x", "y"]}},
    )

    assert said[0].splitlines() == [
        "KEPTN_PROJECT=sockshop",
        "KEPTN_SERVICE=carts",
        "KEPTN_STAGE=dev",
        "LABELS_BUILD_ID=7",
        "LABELS_JSONPATHLABEL=a b",
        'E2E-EVENT={"jsonPathArray": ["x", "y"]}',
        'E2E-MAP={"jsonPathArray": ["x", "y"]}',
        "E2E-YAML=jsonPathLabel: a b",
        "E2E-jsonPathArray=y",
        "E2E-jsonPathLabel=a b",
        "/tmp/$(whoami) 'x' --dir=/tmp/$(whoami) 'x'/dev $(HOST) $(NONE)",
    ]


def test_a_value_the_event_lacks_fails_and_is_named(mended, run):
    variable = {"name": "HOST", "value": "$.data.deployment.url", "valueFrom": "event"}
    new = mended({"job/config.yaml": one_action(env=[variable])})

    said, sent = run(DEPLOYMENT, new)

    assert said == ["the event has no data.deployment\n"]
    assert sent[-1]["data"]["result"] == "fail"


def test_a_variable_that_sh_does_not_hand_on_is_said(remarks):
    variable = {"name": "E2E-x", "value": "1", "valueFrom": "string"}
    files = {"job/config.yaml": one_action(cmd=["sh", "-c", "env"], env=[variable])}

    verdict, found = remarks(files, "job/config.yaml", "--from", "job-executor")

    assert verdict == "needs work"
    assert any(m.startswith("'E2E-x' is no name for a shell") for _, m, _ in found)


def test_tasks_stop_at_the_first_failure(mended, run):
    tasks = [
        {"name": str(n), "image": "alpine", "cmd": [cmd, "x"]}
        for n, cmd in enumerate(["echo", "false", "echo"])
    ]
    text = one_action().partition("  tasks:")[0] + f"  tasks: {json.dumps(tasks)}\n"

    said, sent = run(DEPLOYMENT, mended({"job/config.yaml": text}))

    assert (said, sent[-1]["data"]["result"]) == (["x\n"], "fail")


@pytest.mark.parametrize(("strategy", "output"), [("locust", "hello\n"), ("other", "")])
def test_jsonpath_becomes_a_guard(mended, run, strategy, output):
    event = f'name: {TEST}\n    jsonpath: {{property: "$.data.test.teststrategy", match: locust}}'
    new = mended({"job/config.yaml": one_action(event=event)})

    said, sent = run(TEST, new, data=WHERE | {"test": {"teststrategy": strategy}})

    assert said == [output]
    assert set(sent[-1]["data"]["test"]) >= {"start", "end"}


def test_an_action_asked_for_by_name_gets_a_script_of_its_own(mended, run):
    event = (
        "name: sh.keptn.event.action.triggered\n"
        '    jsonpath: {property: "$.data.action.action", match: scale}'
    )
    new = mended({"job/config.yaml": one_action(event=event)})

    said, _ = run(
        "sh.keptn.event.action.triggered", new, data=WHERE | {"action": {"action": "scale"}}
    )

    assert (new / "generic-executor/action.triggered.scale.sh").exists()
    assert said == ["hello\n"]


def test_what_the_image_lacks_is_work_and_fails_with_its_name(mended, run, remarks):
    new = mended({"job/config.yaml": LOCUST})

    deployment = {"deploymentURIsPublic": ["http://c"]}
    said, _ = run(
        TEST, new, data=WHERE | {"test": {"teststrategy": "locust"}, "deployment": deployment}
    )
    verdict, found = remarks({"job/config.yaml": LOCUST}, "job/config.yaml")

    assert said == ["cannot be done: /keptn/locust/basic.py is not there\n"]
    assert "# genexec: timeout=1200\n" in (new / "generic-executor/test.triggered.sh").read_text()
    assert verdict == "needs work"
    assert [(line, message.partition(":")[0]) for line, message, mended in found if line == 10] == [
        (10, "'locust' of the image locustio/locust is not in the service's image"),
        (10, "files locust/basic.py are not in the run's directory"),
    ]


def test_an_image_without_a_command_is_work(mended, run, remarks):
    files = {"job/config.yaml": one_action(cmd=[], image="mine:1")}

    said, _ = run(DEPLOYMENT, mended(files))
    verdict, found = remarks(files, "job/config.yaml")

    assert said == ["cannot be done: the image mine:1 starts a program of its own\n"]
    assert verdict == "needs work"
    assert any(m.startswith("the image mine:1 starts a program of its own") for _, m, _ in found)


def test_keys_of_a_secret_come_from_the_container(mended, run, remarks):
    secret = {"name": "locust-secret", "valueFrom": "secret"}
    files = {"job/config.yaml": one_action(cmd=["echo", "$(FILE)"], env=[secret])}

    said, _ = run(DEPLOYMENT, mended(files), environment={"FILE": "basic.py"})
    _, found = remarks(files, "job/config.yaml")

    assert said == ["basic.py\n"]
    assert any(message.startswith("the keys of Secret locust-secret") for _, message, _ in found)


def test_a_pattern_becomes_one_script_per_type_of_the_shipyard(mended, remarks):
    shipyard = (
        "spec: {stages: [{name: dev, sequences: [{name: d, tasks: [{name: test}, {name: b}]}]}]}\n"
    )
    text = one_action(event='name: "sh.keptn.event.(test|x).*triggered"')
    files = {"job/config.yaml": text, "shipyard.yaml": shipyard}

    new = mended(files)
    _, found = remarks(files, "job/config.yaml")

    assert [path.name for path in (new / "generic-executor").iterdir()] == ["test.triggered.sh"]
    assert (
        5,
        "a pattern; one script per type in shipyard.yaml: test.triggered.sh",
        False,
    ) in found


def test_a_pattern_without_a_shipyard_is_work(remarks):
    text = one_action(event='name: "sh.keptn.event.*.triggered"')

    verdict, found = remarks({"job/config.yaml": text}, "job/config.yaml")

    assert verdict == "needs work"
    assert found[1][1].startswith("no script can be named after 'sh.keptn.event.*.triggered'")


def test_two_actions_for_one_event_become_one_script(mended, run):
    text = one_action(cmd=["false"]) + one_action(cmd=["echo", "two"]).partition("actions:\n")[2]

    said, sent = run(DEPLOYMENT, mended({"job/config.yaml": text}))

    assert (said, sent[-1]["data"]["result"]) == (["two\n"], "fail")


def test_names_with_line_breaks_stay_in_their_comments(mended, run):
    text = one_action(name="x\nexit 3\n# genexec: repeatable", image="a\ntouch /tmp/x")

    assert run(DEPLOYMENT, mended({"job/config.yaml": text}))[0] == ["hello\n"]


@pytest.mark.parametrize(
    ("more", "event", "begin"),
    [
        ("  silent: true\n", DEPLOYMENT, "'silent' kept quiet about a task"),
        ("", "sh.keptn.event.test.finished", "only .triggered events of tasks are answered"),
    ],
)
def test_silence_is_decided_by_the_event_here(remarks, more, event, begin):
    text = one_action(more=more, event=f"name: {event}")

    _, found = remarks({"job/config.yaml": text}, "job/config.yaml")

    assert any(message.startswith(begin) for _, message, _ in found)


def test_what_only_kubernetes_understands_is_said_once(remarks):
    text = one_action(namespace="x", resources={"limits": {"cpu": 1}}, serviceAccount="y")

    _, found = remarks({"job/config.yaml": text}, "job/config.yaml")

    (said,) = [message for _, message, _ in found if "Kubernetes Jobs" in message]
    assert said.startswith("namespace, resources, serviceAccount: for Kubernetes Jobs only")


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("apiVersion: v1\n", 1, "apiVersion must be v2, not 'v1'"),
        ("apiVersion: v2\nactoins: []\n", 2, "unknown key 'actoins' in the file"),
        ("apiVersion: v2\nactions:\n- nmae: x\n", 3, "unknown key 'nmae' in an action"),
        ("apiVersion: v2\nactions: {a: 1}\n", 2, "actions must be a list"),
        ("apiVersion: v2\nactions: [\n", 3, "not YAML"),
        ("apiVersion: v2\napiVersion: v2\n", 2, "the key 'apiVersion' stands twice"),
        ("apiVersion: v2\nactions: &a [*a]\n", 0, "aliases"),
        ("", 0, "the file is empty"),
        ("[" * 3000, 1, "not YAML"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_named_with_its_line(
    migrate, write, text, line, sentence
):
    code, said = migrate(write({"job/config.yaml": text}))

    where = f"line {line}: " if line else ""
    assert code == 65
    assert f"  {where}needs work: cannot be read: {sentence}" in said


def test_each_level_has_its_scripts_and_the_hidden_one_is_named(migrate, commit, run, tmp_path):
    address = commit(
        {
            "main": {"shipyard.yaml": "spec: {}\n", "job/config.yaml": HELLO},
            "dev": {
                "job/config.yaml": HELLO.replace("Hallo Welt", "Hallo dev"),
                "carts/job/config.yaml": HELLO.replace("Hallo Welt", "Hallo carts"),
            },
        }
    )

    code, said = migrate(address, "--write", tmp_path / "new")

    assert code == 0
    assert "layout branches\n" in said
    assert "runs differently: hid dev:job/config.yaml whole" in said
    for stage, service, output in [
        ("dev", "carts", "Hallo carts\n"),
        ("dev", "orders", "Hallo dev\n"),
        ("prod", "carts", "Hallo Welt\n"),
    ]:
        data = {"project": "sockshop", "stage": stage, "service": service}
        event = {"data": data, "id": f"{stage}-{service}"}
        assert run(DEPLOYMENT, tmp_path / "new", layout="branches", **event)[0] == [output]


def test_a_script_that_is_there_already_is_not_overwritten(mended, remarks):
    files = {
        "job/config.yaml": HELLO,
        "generic-executor/deployment.triggered.sh": "echo mine\n",
    }

    new = mended(files)
    _, found = remarks(files, "job/config.yaml")

    assert (new / "generic-executor/deployment.triggered.sh").read_text() == "echo mine\n"
    assert any(m.endswith("which exists: put both into one script") for _, m, _ in found)


def test_another_default_branch_is_named_for_the_next_step(migrate, commit, tmp_path):
    address = commit({"master": {"shipyard.yaml": "spec: {}\n", "job/config.yaml": HELLO}})

    _, said = migrate(address, "--write", tmp_path / "new")

    assert said.endswith(
        f"GENEXEC_GIT_BRANCH=master genexec check {tmp_path}/new --layout branches\n"
    )
