"""kubectl, gh and flux, as far as the GitOps example goes: this program, by whichever name.

It reads a world of files that a test has made, writes down how it was called, and refuses
options the real program does not have. Tests copy it, with a first line, into a `PATH`.
"""

import argparse
import difflib
import json
import os
import sys
from pathlib import Path

BIN = Path(sys.argv[0]).resolve().parent
PROGRAM, WORLD, CALLS = Path(sys.argv[0]).name, BIN.parent / "world", BIN.parent / "calls"


def kubectl(arguments):
    parser = argparse.ArgumentParser(prog="kubectl")
    get = parser.add_subparsers(required=True).add_parser("get")
    get.add_argument("kind")
    get.add_argument("--namespace", required=True)
    get.add_argument("--output", choices=["json"], required=True)
    get.add_argument("name")
    asked = parser.parse_args(arguments)
    kind = asked.kind.partition(".")[0].removesuffix("s")
    found = WORLD / asked.kind / asked.namespace / f"{asked.name}.json"
    if not found.is_file():
        sys.exit(f'Error from server (NotFound): {kind} "{asked.name}" not found')
    print(found.read_text())


def gh(arguments):
    parser = argparse.ArgumentParser(prog="gh")
    pull = parser.add_subparsers(required=True).add_parser("pr").add_subparsers(dest="verb")
    view, comment, review = (pull.add_parser(verb) for verb in ("view", "comment", "review"))
    view.add_argument("--json", required=True)
    comment.add_argument("--body-file", choices=["-"], required=True)
    review.add_argument("--approve", action="store_true", required=True)
    review.add_argument("--body")
    for verb in (view, comment, review):
        verb.add_argument("--repo", required=True)
        verb.add_argument("pull")
    asked = parser.parse_args(arguments)
    found = WORLD / "pulls" / asked.repo / f"{asked.pull.replace('/', '_')}.json"
    if not found.is_file():
        sys.exit(f"GraphQL: Could not resolve to a PullRequest with the number of {asked.pull}.")
    seen = json.loads(found.read_text())
    if asked.verb == "review" and seen["author"]["login"] == "me":
        sys.exit("failed to create review: GraphQL: Can not approve your own pull request")
    if asked.verb == "view":
        print(json.dumps({field: seen[field] for field in asked.json.split(",")}))


def flux(arguments):
    """Compare the files of a folder with those of the cluster, each being one object."""
    parser = argparse.ArgumentParser(prog="flux")
    diff = parser.add_subparsers(required=True).add_parser("diff")
    diff = diff.add_subparsers(required=True).add_parser("kustomization")
    diff.add_argument("--namespace", required=True)
    diff.add_argument("--path", type=Path, required=True)
    diff.add_argument("--progress-bar", choices=["false"], required=True)
    diff.add_argument("name")
    asked = parser.parse_args(arguments)
    if (WORLD / "no-cluster").exists():
        print("✗ connection refused", file=sys.stderr)
        sys.exit(1)
    wanted = {path.name: path.read_text() for path in asked.path.glob("*.yaml")}
    live = {path.name: path.read_text() for path in (WORLD / "live").glob("*.yaml")}
    changed = False
    for name in sorted(wanted):
        if name not in live:
            print(f"\x1b[32m► ConfigMap/default/{Path(name).stem} created\x1b[0m")
            changed = True
        elif wanted[name] != live[name]:
            print(f"► ConfigMap/default/{Path(name).stem} drifted\n")
            lines = difflib.unified_diff(live[name].split("\n"), wanted[name].split("\n"), n=0)
            print("\n".join(line for line in lines if line[:2] not in ("--", "++", "@@")))
            changed = True
    for name in sorted(live.keys() - wanted):
        print(f"► ConfigMap/default/{Path(name).stem} deleted")
    if changed:
        print("✗ identified at least one change", file=sys.stderr)
        sys.exit(1)


call = {
    "program": PROGRAM,
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "input": sys.stdin.read(),
}
(CALLS / f"{len(list(CALLS.iterdir())):03}.json").write_text(json.dumps(call))
{"kubectl": kubectl, "gh": gh, "flux": flux}[PROGRAM](sys.argv[1:])
