"""The GitOps example: what a pull request changes in the cluster, seen and answered in chat."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.botkube.commands import understand
from service.keptn_events import Belonging

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "scripts_examples"
SCRIPT = EXAMPLES / "gitops/generic-executor/action.triggered.flux-diff.py"

SCALED = {"kustomize/podinfo.yaml": "replicas: 3\n", "kustomize/cache.yaml": "size: 1\n"}
ASKED = {"kustomization": "podinfo", "pr": "12"}
UNSEEN = "0" * 40


@pytest.fixture
def run_by_hand(tmp_path, service_environment):
    """Run the script without the service; return what it printed."""

    def run(action, /, *, environment=None, **values):
        variables = {f"ENV_{name}": value for name, value in service_environment.items()}
        variables |= {f"VALUE_{name.upper()}": value for name, value in values.items()}
        variables |= {"ACTION": action, "PATH": service_environment["GENEXEC_SCRIPT_PATH"]}
        done = subprocess.run(
            [sys.executable, str(SCRIPT)], env=variables | (environment or {}), cwd=tmp_path,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    return run


def test_the_report_says_what_would_change(world, ask):
    commit = world.has_pull_request(files=SCALED)

    said = ask("flux-diff", **ASKED)

    values = f"gitops kustomization=podinfo namespace=flux-system pr=12 commit={commit}"
    assert said.output == (
        "Pull request:   #12 Scale podinfo\n"
        "                by alice, open, https://github.com/acme/fleet/pull/12\n"
        "Repository:     github.com/acme/fleet\n"
        f"Commit:         {commit}\n"
        "Kustomization:  flux-system/podinfo from ./kustomize\n"
        "Changes:        2\n"
        "  created ConfigMap/default/cache\n"
        "  drifted ConfigMap/default/podinfo\n"
        "\n"
        "► ConfigMap/default/cache created\n"
        "► ConfigMap/default/podinfo drifted\n"
        "\n"
        "-replicas: 1\n"
        "+replicas: 3\n"
        "\n"
        "Post this under the pull request:\n"
        f"  script action flux-comment {values}\n"
        "\n"
        "Approve the pull request:\n"
        f"  script action flux-approve {values}\n"
    )
    assert (said.state, said.message) == ("passed", said.output.rstrip())


def test_the_result_is_data_of_the_answer(world, ask):
    commit = world.has_pull_request(files=SCALED)

    result = ask("flux-diff", **ASKED).result

    assert [command.split()[2] for command in result.pop("next")] == [
        "flux-comment",
        "flux-approve",
    ]
    assert result == {
        "repository": "github.com/acme/fleet",
        "pullRequest": 12,
        "url": "https://github.com/acme/fleet/pull/12",
        "kustomization": "flux-system/podinfo",
        "commit": commit,
        "changed": 2,
        "changes": [
            {"object": "ConfigMap/default/cache", "change": "created"},
            {"object": "ConfigMap/default/podinfo", "change": "drifted"},
        ],
    }


def test_the_commands_of_the_report_comment_and_approve(world, ask, calls):
    commit = world.has_pull_request(files=SCALED)
    report = ask("flux-diff", **ASKED).output
    typed = re.findall(r"^  script action (\S+) gitops (.+)$", report, re.MULTILINE)

    answers = [ask(action, **dict(pair.split("=") for pair in kv.split())) for action, kv in typed]

    assert [said.state for said in answers] == ["passed", "passed"]
    comment, review = [call for call in calls("gh") if call["arguments"][1] != "view"]
    assert comment["arguments"] == [
        *("pr", "comment", "--repo=github.com/acme/fleet", "--body-file=-", "--", "12")
    ]
    assert f"commit {commit} would change" in comment["input"]
    assert "-replicas: 1\n+replicas: 3\n```\n" in comment["input"]
    assert review["arguments"][:4] == ["pr", "review", "--repo=github.com/acme/fleet", "--approve"]
    assert review["arguments"][-2:] == ["--", "12"]
    assert f"commit {commit} would change" in review["arguments"][4]


def test_the_chat_understands_the_commands_of_the_report(world, ask):
    commit = world.has_pull_request(files=SCALED)

    commands = [
        understand(line.split()[1:], Belonging())
        for line in ask("flux-diff", **ASKED).result["next"]
    ]

    assert [(one.verb, one.subject) for one in commands] == [
        ("action", "flux-comment"),
        ("action", "flux-approve"),
    ]
    for one in commands:
        assert one.place == Belonging(project="gitops")
        assert one.values == ASKED | {"namespace": "flux-system", "commit": commit}


def test_a_pull_request_that_changes_nothing_is_reported_as_such(world, ask):
    world.has_pull_request(files={"kustomize/podinfo.yaml": "replicas: 1\n"})

    said = ask("flux-diff", **ASKED)

    assert "Changes:        none, the cluster is like this already\n" in said.output
    assert (said.state, said.result["changed"], said.result["changes"]) == ("passed", 0, [])


def test_an_object_that_would_be_deleted_is_a_change(world, ask):
    world.has_live("cache", "size: 1\n")
    world.has_pull_request(files={"kustomize/podinfo.yaml": "replicas: 1\n"})

    said = ask("flux-diff", **ASKED)

    assert said.result["changes"] == [{"object": "ConfigMap/default/cache", "change": "deleted"}]
    assert "► ConfigMap/default/cache deleted\n" in said.output


def test_a_long_diff_is_cut_between_lines(world, ask):
    lines = "".join(f"line {number}: {'x' * 40}\n" for number in range(2000))
    world.has_pull_request(files={"kustomize/podinfo.yaml": lines})

    said = ask("flux-diff", **ASKED)

    shown = [line for line in said.output.split("\n") if line.startswith("+")]
    assert 100 < len(shown) < 200
    assert shown[-1] == f"+line {len(shown) - 1}: {'x' * 40}"
    assert f"\n… and {2000 - len(shown)} more lines\n" in said.output
    assert "script action flux-approve" in said.output


def test_nothing_in_a_diff_ends_the_code_block_of_the_comment(world, ask, calls):
    text = "note: |\n  ```\n  @everyone ````` out\n"
    commit = world.has_pull_request(files={"kustomize/podinfo.yaml": text})

    ask("flux-comment", **ASKED, commit=commit)

    body = calls("gh")[-1]["input"]
    assert body.count("\n``````\n") == 2
    assert body.endswith("@everyone ````` out\n``````\n")


@pytest.mark.parametrize(
    "pr", ["12", "#12", "https://github.com/acme/fleet/pull/12", "feature/scale"]
)
def test_a_pull_request_is_named_by_number_address_or_branch(pr, world, ask):
    world.has_pull_request(files=SCALED)

    said = ask("flux-diff", kustomization="podinfo", pr=pr)

    assert said.output.startswith("Pull request:   #12 Scale podinfo\n")


def test_another_folder_is_compared_when_it_is_named(world, ask):
    world.has_pull_request(files={"next/cache.yaml": "size: 1\n"})

    said = ask("flux-diff", **ASKED, path="next")

    assert "  created ConfigMap/default/cache\n" in said.output
    assert said.output.count(" path=next ") == 2


def test_a_pull_request_that_is_merged_is_not_offered_for_approval(world, ask):
    world.has_pull_request(files=SCALED, state="MERGED")

    said = ask("flux-diff", **ASKED)

    assert "by alice, merged, " in said.output
    assert (said.result["next"], "flux-approve" in said.output) == ([], False)


def test_an_unknown_pull_request_is_an_error(world, ask):
    said = ask("flux-diff", **ASKED)

    assert (said.state, said.message) == (
        "errored",
        "gh could not do it: GraphQL: Could not resolve to a PullRequest with the number of 12.",
    )


def test_an_unknown_kustomization_is_an_error(world, ask, calls):
    said = ask("flux-diff", kustomization="podinf", pr="12")

    assert (said.state, said.message) == (
        "errored",
        'kubectl could not do it: Error from server (NotFound): kustomization "podinf" not found',
    )
    assert [call["program"] for call in calls()] == ["kubectl"]


def test_a_cluster_that_is_away_is_not_taken_for_changes(world, ask):
    world.is_away()
    world.has_pull_request(files=SCALED)

    said = ask("flux-diff", **ASKED)

    assert (said.state, said.message) == (
        "errored",
        "flux could not do it: ✗ connection refused",
    )


def test_an_approval_that_github_refuses_is_an_error(world, ask):
    commit = world.has_pull_request(files=SCALED, author={"login": "me"})

    said = ask("flux-approve", **ASKED, commit=commit)

    assert said.state == "errored"
    assert said.message.endswith("Can not approve your own pull request")


@pytest.mark.parametrize("action", ["flux-comment", "flux-approve"])
def test_what_nobody_has_looked_at_is_neither_posted_nor_approved(action, world, ask, calls):
    world.has_pull_request(files=SCALED)

    said = ask(action, **ASKED, commit=UNSEEN)

    assert said.state == "errored"
    assert said.message.endswith(": look at it again")
    assert [call["arguments"][1] for call in calls("gh")] == ["view"]


@pytest.mark.parametrize("action", ["flux-comment", "flux-approve"])
def test_without_a_commit_nothing_is_posted_or_approved(action, world, ask, calls):
    world.has_pull_request(files=SCALED)

    said = ask(action, **ASKED)

    assert (said.state, said.message) == ("errored", "commit is missing: write commit=…")
    assert calls() == []


HOSTILE = [
    "--help",
    "-n",
    "; rm -rf x",
    "$(touch x)",
    "../x",
    "a\nb",
    "12\n",
    "a b",
    "ä",
    "x" * 300,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_that_is_no_name_reaches_no_program(text, world, ask, calls):
    commit = world.has_pull_request(files=SCALED)

    said = ask("flux-approve", kustomization="podinfo", pr=text, commit=commit)

    assert (said.state, said.message) == ("errored", f"{text[:80]!r} cannot be a pr")
    assert calls() == []


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["kustomization", "namespace", "commit"])
def test_every_value_is_looked_at(name, text, run_by_hand, calls):
    said = run_by_hand("flux-approve", **ASKED | {"commit": UNSEEN, name: text})

    assert said.startswith(f"{text[:80]!r} cannot be a {name}\n")
    assert calls() == []


@pytest.mark.parametrize("text", ["--help", "; rm -rf x", "a\nb", "a b"])
def test_a_path_that_is_none_reaches_no_program(text, world, ask, calls):
    world.has_pull_request(files=SCALED)

    said = ask("flux-diff", **ASKED, path=text)

    assert (said.state, said.message) == ("errored", f"{text[:80]!r} cannot be a path")
    assert calls() == []


@pytest.mark.parametrize("path", ["../..", "/etc", "kustomize/../../..", "out", "kustomize/none"])
def test_a_path_never_leads_out_of_the_pull_request(path, world, ask, calls):
    world.has_pull_request(files=SCALED | {"out": "-> /etc"})

    said = ask("flux-diff", **ASKED, path=path)

    assert (said.state, said.message) == (
        "errored",
        f"pull request #12 has no folder {path!r}",
    )
    assert calls("flux") == []


def test_a_pull_request_to_another_repository_is_refused(world, ask, calls):
    said = ask("flux-diff", kustomization="podinfo", pr="https://github.com/acme/other/pull/12")

    assert said.state == "errored"
    assert said.message.endswith("/acme/other/pull/12 is no pull request to github.com/acme/fleet")
    assert calls("gh") == []


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/acme/fleet",
        "https://github.com.example.com/acme/fleet",
        "https://github.com@example.com/acme/fleet",
        "https://github.com/../fleet",
        "file:///etc/acme",
    ],
)
def test_the_token_goes_to_github_only(url, world, ask, calls):
    world.has_object("gitrepositories.source.toolkit.fluxcd.io", "fleet", {"url": url})

    said = ask("flux-diff", **ASKED)

    assert (said.state, said.message) == (
        "errored",
        f"flux-system/podinfo comes from {url!r}, which is not on github.com",
    )
    assert calls("gh") == []


def test_a_kustomization_that_is_not_from_git_is_refused(world, ask):
    source = {"kind": "OCIRepository", "name": "fleet"}
    world.has_object("kustomizations.kustomize.toolkit.fluxcd.io", "podinfo", {"sourceRef": source})

    said = ask("flux-diff", **ASKED)

    assert (said.state, said.message) == (
        "errored",
        "flux-system/podinfo comes from a OCIRepository, not from Git",
    )


def test_each_program_knows_its_own_secrets_only(world, ask, calls):
    commit = world.has_pull_request(files=SCALED)

    ask("flux-comment", **ASKED, commit=commit)

    secrets = {"GH_TOKEN", "KUBECONFIG"}
    assert {call["program"]: secrets & call["environment"].keys() for call in calls()} == {
        "kubectl": {"KUBECONFIG"},
        "gh": {"GH_TOKEN"},
        "flux": {"KUBECONFIG"},
    }
    assert not [
        call for call in calls() if "ghp_" in json.dumps([call["arguments"], call["input"]])
    ]


def test_a_kubeconfig_that_came_with_the_command_wins(world, run_by_hand, calls):
    world.has_pull_request(files=SCALED)

    run_by_hand("flux-diff", **ASKED, environment={"KUBECONFIG": "/run/given"})

    known = {call["program"]: call["environment"].get("KUBECONFIG") for call in calls()}
    assert known == {"kubectl": "/run/given", "gh": None, "flux": "/run/given"}


def test_the_links_work_in_a_git_repository(world, ask, calls, tmp_path):
    commit = world.has_pull_request(files=SCALED)
    folder = tmp_path / "scripts"
    shutil.copytree(EXAMPLES, folder, symlinks=True)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Scripts"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)

    said = ask(
        "flux-comment", **ASKED, commit=commit, environment={"GENEXEC_SCRIPTS": f"file://{folder}"}
    )

    assert said.output.startswith("Posted under pull request #12 Scale podinfo\n")
    assert calls("gh")[-1]["arguments"][1] == "comment"


def test_genexec_run_shows_the_report(world, service_environment):
    world.has_pull_request(files=SCALED)
    event = ROOT / "test-events/b.action.triggered.flux-diff.http"

    ran = subprocess.run(
        [sys.executable, "-m", "service.cli", "run", str(event)], env=service_environment,
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "  | Pull request:   #12 Scale podinfo\n" in ran.stdout


def test_programs_that_are_missing_are_named(world, ask, tmp_path):
    (tmp_path / "bin/flux").unlink()
    (tmp_path / "bin/gh").unlink()

    said = ask("flux-diff", **ASKED)

    assert (said.state, said.message) == ("errored", "not installed: gh, flux")
