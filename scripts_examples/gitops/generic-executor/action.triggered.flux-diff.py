#!/usr/bin/env python3
# genexec: timeout=5m
"""action.triggered.flux-diff: say what a pull request would change in the cluster.

Three actions are this one file: `flux-comment` and `flux-approve` are links to it, because a
script is alone when it runs, and all three begin alike: Kustomization, repository, pull
request. What they take and what they need stands in the README.md one folder above.

Nothing that a person typed becomes an option or text of a shell: every value matches a
pattern, programs are started without a shell, and names stand behind `--`.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
PULL_REQUEST = r"#?[1-9][0-9]{0,9}|https://[\w.-]+/[\w.-]+/[\w.-]+/pull/[1-9][0-9]{0,9}"
BRANCH = r"(?!.*(?:\.\.|//))[A-Za-z0-9_][\w./+-]{0,199}"
FOLDER = r"[A-Za-z0-9_./][\w./@+-]{0,199}"
COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"
ADDRESS = r"(?:https?|ssh)://(?:[^@/]+@)?([\w.-]+)(?::\d+)?/(\w[\w.-]*/\w[\w.-]*?)(?:\.git)?/?"
CHANGE = re.compile(r"^► (.+) (created|drifted|deleted)$", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST_REPORT, LONGEST_COMMENT = 8_000, 50_000  # characters of a diff; GitHub takes 65,536
MOST_OBJECTS = 100

# What each program gets to know: the token is not for the cluster, nor the cluster for GitHub.
SURROUNDING = {n: os.environ[n] for n in ("PATH", "HOME", "TMPDIR", "LANG") if n in os.environ}
SURROUNDING |= {"NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0", "GH_PROMPT_DISABLED": "1"}
FOR_GITHUB = ("GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GIT_CONFIG_GLOBAL")
FOR_CLUSTER = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
KNOWS = {"gh": FOR_GITHUB, "git": FOR_GITHUB, "kubectl": FOR_CLUSTER, "flux": FOR_CLUSTER}


class Refused(Exception):
    """It cannot be done, for the reason given."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A pull request to the repository that a Kustomization of the cluster comes from."""

    kustomization: str
    namespace: str
    folder: str
    repository: str
    """Host, owner and name."""
    number: int
    title: str
    author: str
    state: str
    url: str
    head: str
    """The newest commit of the pull request."""


@dataclass(frozen=True, kw_only=True)
class Diff:
    commit: str
    text: str
    changes: tuple[tuple[str, str], ...]
    """Objects, each with `created`, `drifted` or `deleted`."""


def typed(name: str, pattern: str, default: str = "") -> str:
    """Return what was typed as `name=…`."""
    given = os.environ.get(f"VALUE_{name.upper()}", "") or default
    if not given:
        raise Refused(f"{name} is missing: write {name}=…")
    if not re.fullmatch(pattern, given, re.ASCII):
        raise Refused(f"{given[:80]!r} cannot be a {name}")
    return given


def run(*command: str, text: str = "", at: str = ".", fine: tuple[int, ...] = (0,)) -> str:
    """Return what a program printed."""
    known = {name: os.environ.get(f"ENV_{name}", "") for name in KNOWS[command[0]]}
    if "KUBECONFIG" in known and os.environ.get("KUBECONFIG"):
        known["KUBECONFIG"] = os.environ["KUBECONFIG"]  # came with the command
    done = subprocess.run(
        command, env=SURROUNDING | {name: v for name, v in known.items() if v}, cwd=at,
        input=text, capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if done.returncode not in fine or (done.returncode and not done.stdout.strip()):
        why = COLOUR.sub("", done.stderr).strip()[-1000:] or f"exit code {done.returncode}"
        raise Refused(f"{command[0]} could not do it: {why}")
    return done.stdout


def find_proposal() -> Proposal:
    """Find the repository of the Kustomization, and the pull request there."""
    name, namespace = typed("kustomization", NAME), typed("namespace", NAME, "flux-system")
    wanted = typed("pr", f"{PULL_REQUEST}|{BRANCH}").removeprefix("#")
    folder = typed("path", FOLDER, ".")
    spec = specified("kustomizations.kustomize.toolkit.fluxcd.io", namespace, name)
    repository = repository_of(spec["sourceRef"], namespace, name)
    if wanted.startswith("https://"):
        place, _, number = wanted.removeprefix("https://").rpartition("/pull/")
        if place.lower() != repository.lower():
            raise Refused(f"{wanted} is no pull request to {repository}")
        wanted = number
    fields = "--json=number,title,author,state,url,headRefOid"
    seen = json.loads(run("gh", "pr", "view", f"--repo={repository}", fields, "--", wanted))
    return Proposal(
        kustomization=name, namespace=namespace, repository=repository,
        folder=folder if os.environ.get("VALUE_PATH") else spec.get("path") or ".",
        number=int(seen["number"]), title=one_line(seen["title"]),
        author=one_line(seen["author"]["login"]), state=seen["state"], url=seen["url"],
        head=seen["headRefOid"],
    )  # fmt: skip


def repository_of(source: dict[str, str], namespace: str, name: str) -> str:
    """Return host, owner and name of the repository; it must be where the token belongs."""
    if source["kind"] != "GitRepository":
        raise Refused(f"{namespace}/{name} comes from a {source['kind']}, not from Git")
    place = source.get("namespace") or namespace
    url = specified("gitrepositories.source.toolkit.fluxcd.io", place, source["name"])["url"]
    address = re.fullmatch(ADDRESS, url, re.ASCII)
    host = os.environ.get("ENV_GH_HOST") or "github.com"
    if address is None or address[1] != host:
        raise Refused(f"{namespace}/{name} comes from {url!r}, which is not on {host}")
    return f"{host}/{address[2]}"


def specified(kind: str, namespace: str, name: str) -> dict[str, Any]:
    """Return the `spec` of an object in the cluster."""
    asked = ("get", kind, f"--namespace={namespace}", "--output=json", "--", name)
    return json.loads(run("kubectl", *asked))["spec"]


def one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def compare(proposal: Proposal) -> Diff:
    """Fetch the pull request and hold it against the cluster."""
    ask_gh = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
    fetch = ("fetch", "--quiet", "--depth=1", "--no-tags", "--")
    where = (f"https://{proposal.repository}.git", f"refs/pull/{proposal.number}/head")
    run("git", "init", "--quiet", "--", "clone")
    run("git", *ask_gh, *fetch, *where, at="clone")
    run("git", "checkout", "--quiet", "--detach", "FETCH_HEAD", at="clone")
    commit = run("git", "rev-parse", "HEAD", at="clone").strip()
    clone = Path("clone").resolve()
    folder = (clone / proposal.folder.lstrip("/")).resolve()
    if not (folder.is_relative_to(clone) and folder.is_dir()):  # neither .. nor links lead out
        raise Refused(f"pull request #{proposal.number} has no folder {proposal.folder!r}")
    asked = ("diff", "kustomization", f"--namespace={proposal.namespace}", "--progress-bar=false")
    path = f"--path=./{folder.relative_to(clone)}"
    # 1 means changes, but also trouble: then nothing is printed. Deletions alone are 0.
    out = run("flux", *asked, path, "--", proposal.kustomization, at="clone", fine=(0, 1))
    text = COLOUR.sub("", out).strip("\n")
    return Diff(commit=commit, text=text, changes=tuple(CHANGE.findall(text)))


def show_diff(proposal: Proposal) -> dict[str, object]:
    diff = compare(proposal)
    print(f"Pull request:   #{proposal.number} {proposal.title}")
    print(f"                by {proposal.author}, {proposal.state.lower()}, {proposal.url}")
    print(f"Repository:     {proposal.repository}")
    print(f"Commit:         {diff.commit}")
    print(f"Kustomization:  {proposal.namespace}/{proposal.kustomization} from {proposal.folder}")
    print(f"Changes:        {changes_of(diff)}")
    if diff.text:
        print(f"\n{cut(diff.text, LONGEST_REPORT)}")
    following = next_commands(proposal, diff) if proposal.state == "OPEN" else {}
    for purpose, command in following.items():
        print(f"\n{purpose}:\n  {command}")
    changes = [{"object": name, "change": change} for name, change in diff.changes[:MOST_OBJECTS]]
    return result_of(diff) | {"changes": changes, "next": list(following.values())}


def post_comment(proposal: Proposal) -> dict[str, object]:
    must_be_seen(proposal.head, proposal)
    diff = compare(proposal)
    must_be_seen(diff.commit, proposal)
    ticks = max(map(len, re.findall("`+", diff.text)), default=0)
    fence = "`" * max(3, ticks + 1)  # nothing in the diff ends the block
    kept = cut(diff.text, LONGEST_COMMENT) or "no changes"
    body = (
        f"#### Kustomization `{proposal.namespace}/{proposal.kustomization}`\n\n"
        f"What commit {diff.commit} would change in the cluster:\n\n{fence}\n{kept}\n{fence}\n"
    )
    asked = ("pr", "comment", f"--repo={proposal.repository}", "--body-file=-")
    run("gh", *asked, "--", str(proposal.number), text=body)
    print(f"Posted under pull request #{proposal.number} {proposal.title}\n{proposal.url}")
    print(f"Changes: {changes_of(diff)}")
    return result_of(diff)


def approve(proposal: Proposal) -> dict[str, object]:
    must_be_seen(proposal.head, proposal)
    run_id = os.environ.get("GENEXEC_RUN_ID", "by hand")
    body = f"Approved after a look at what commit {proposal.head} would change (run {run_id})."
    asked = ("pr", "review", f"--repo={proposal.repository}", "--approve", f"--body={body}")
    run("gh", *asked, "--", str(proposal.number))
    print(f"Approved pull request #{proposal.number} {proposal.title}\n{proposal.url}")
    print(f"Commit: {proposal.head}")
    return {"commit": proposal.head}


def must_be_seen(commit: str, proposal: Proposal) -> None:
    """Refuse a commit that is not the one a person has looked at."""
    if commit != typed("commit", COMMIT):
        raise Refused(f"pull request #{proposal.number} is at {commit} now: look at it again")


def changes_of(diff: Diff) -> str:
    if not diff.text:
        return "none, the cluster is like this already"
    most = "".join(f"\n  {change} {name}" for name, change in diff.changes[:MOST_OBJECTS])
    return f"{len(diff.changes)}{most}" + "\n  …" * (len(diff.changes) > MOST_OBJECTS)


def result_of(diff: Diff) -> dict[str, object]:
    return {"commit": diff.commit, "changed": len(diff.changes)}


def cut(text: str, longest: int) -> str:
    """Return whole lines from the beginning, and say how many are missing."""
    if len(text) <= longest:
        return text
    kept = text[:longest].rpartition("\n")[0] or text[:longest]
    return f"{kept}\n… and {len(text[len(kept) :].splitlines()) - 1} more lines"


def next_commands(proposal: Proposal, diff: Diff) -> dict[str, str]:
    """Return what to type in the chat; the commit says what was looked at."""
    place = "/".join(os.environ.get(n, "") for n in ("PROJECT", "STAGE", "SERVICE")).rstrip("/")
    values = f"kustomization={proposal.kustomization} namespace={proposal.namespace}"
    values += f" path={proposal.folder}" * bool(os.environ.get("VALUE_PATH"))
    values += f" pr={proposal.number} commit={diff.commit}"
    return {
        "Post this under the pull request": f"script action flux-comment {place} {values}",
        "Approve the pull request": f"script action flux-approve {place} {values}",
    }


ACTIONS: dict[str, Callable[[Proposal], dict[str, object]]] = {
    "flux-diff": show_diff,
    "flux-comment": post_comment,
    "flux-approve": approve,
}


def main() -> dict[str, object]:
    action = os.environ["ACTION"]
    if missing := [program for program in KNOWS if shutil.which(program) is None]:
        raise Refused(f"not installed: {', '.join(missing)}")
    if action != "flux-diff":
        typed("commit", COMMIT)
    proposal = find_proposal()
    return {
        "repository": proposal.repository,
        "pullRequest": proposal.number,
        "url": proposal.url,
        "kustomization": f"{proposal.namespace}/{proposal.kustomization}",
    } | ACTIONS[action](proposal)


try:
    returned = main()
except Refused as refusal:
    print(refusal)
    returned = {"error": str(refusal)}
if file := os.environ.get("GENEXEC_RESULT_FILE"):
    Path(file).write_text(json.dumps(returned), encoding="utf-8")
else:
    print(json.dumps(returned))  # run by hand
