"""`make demo`: the main job, end to end, on real input, in about ten seconds.

Makes a Git repository of the example scripts, starts the service and a small sink, sends two
events and prints what came of them. Everything is below .demo/, on loopback, and ended.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
STATE = DEMO / "state"
GENEXEC = Path(sys.executable).parent / "genexec"
OUTAGE = "test-events/a.action.triggered.poweroutageaction.http"
DEPLOYED = "test-events/a.deployment.finished.http"
PATIENCE = 20.0


class Sink:
    """Stands for Keptn, or whoever waits for answers: keeps what is posted to it."""

    def __init__(self) -> None:
        self.events: list[dict] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                sink.events.append(json.loads(body))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Keep the screen clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, type_: str) -> dict:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in tuple(self.events):
                if event["type"] == type_:
                    return event
            time.sleep(0.05)
        sys.exit(f"no {type_} arrived within {PATIENCE:.0f} s; see {DEMO / 'service.log'}")


def main() -> None:
    shutil.rmtree(DEMO, ignore_errors=True)
    STATE.mkdir(parents=True)
    heading("1. A Git repository of scripts, with three levels")
    commit = make_repository(DEMO / "scripts")
    print("   Made from scripts_examples/. A script bears the name of the event it answers; it can")
    print("   stand on the level of a service, a stage or a project. The most specific one wins:")
    for path in sorted((DEMO / "scripts").rglob("action.triggered.poweroutage*")):
        print(f"     {path.relative_to(DEMO / 'scripts')}")
    sink = Sink()
    heading("2. The service")
    command = [
        GENEXEC, "serve", "--port", "0", "--state-dir", STATE,
        "--scripts", f"file://{DEMO / 'scripts'}", "--sink", sink.url,
    ]  # fmt: skip
    show_command(command)
    with service(command) as address:
        print(f"   listens on {address}, posts its answers to a small sink on {sink.url}")
        heading("3. An alert: the power is out, and Keptn asks for the action 'poweroutageaction'")
        print("   An event is a small JSON document: its type, what it belongs to, and data.")
        run = send(OUTAGE, address)
        finished = sink.wait_for("sh.keptn.event.action.finished")
        report(address, run)
        print("   The answer that the sink received:\n")
        print(indented(json.dumps(finished, indent=2)))
        heading("4. A deployment is finished: its script tests it and says so in an event")
        run = send(DEPLOYED, address)
        follow_up = sink.wait_for("sh.keptn.events.tests-finished")
        report(address, run)
        print("   The follow-up event that the sink received:\n")
        print(indented(json.dumps(follow_up, indent=2)))
    heading("5. Look for yourself")
    print(f"   The scripts were read at commit {commit[:12]}. One look at a run:\n")
    print(f"     .venv/bin/genexec runs --state-dir {STATE.relative_to(ROOT)}")
    print(f"     .venv/bin/genexec show last --state-dir {STATE.relative_to(ROOT)}")
    print(f"     .venv/bin/genexec explain {OUTAGE} --scripts .demo/scripts --variables\n")
    print("   Your own scripts: put hello.sh into a folder generic-executor/ and send an event of")
    print("   the type 'hello'. README.md goes on from here.")


def make_repository(folder: Path) -> str:
    """Return the commit that holds the example scripts."""
    shutil.copytree(ROOT / "scripts_examples", folder)
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{who}_NAME": "demo", f"GIT_{who}_EMAIL": "demo@example.invalid"}
    git = ["git", "-C", str(folder)]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Scripts"]):
        subprocess.run([*git, *arguments], check=True, env=os.environ | identity)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


@contextmanager
def service(command: list) -> Iterator[str]:
    """Run the service as long as the block lasts; yields its address."""
    log = DEMO / "service.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GENEXEC_")}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [str(word) for word in command], stderr=stderr, env=environment, cwd=ROOT
        )
    try:
        yield wait_until_ready(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def wait_until_ready(process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            address = (STATE / "address").read_text().strip()
            if requests.get(f"{address}/readyz", timeout=2).ok:
                return address
        except (OSError, requests.RequestException):
            pass
        time.sleep(0.05)
    sys.exit(f"the service did not start:\n{log.read_text()}")


def send(file: str, address: str) -> str:
    """Send an event as a user would; return the id of its run."""
    command = [str(GENEXEC), "send", file, "--to", f"{address}/"]
    show_command(command)
    said = subprocess.run(
        [*command, "--json"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    answer = json.loads(said.stdout)
    print(f"   answer: {answer['status']} {json.dumps(answer['answer'])}")
    return answer["answer"]["runs"][0]


def report(address: str, run: str) -> None:
    """Print which script ran, from where, with what result."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        record = requests.get(f"{address}/api/v1/runs/{run}", timeout=5).json()
        if record["ended_at"]:
            break
        time.sleep(0.05)
    for attempt in record["attempts"]:
        print(f"   ran {attempt['path']}")
        print(
            f"       from the {attempt['level']} level at commit {attempt['commit'][:12]}: "
            f"{attempt['state']}"
        )


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def show_command(command: list) -> None:
    words = [str(word).replace(f"file://{ROOT}", "file://$PWD") for word in command]
    words = [word.replace(f"{ROOT}/", "") for word in words]
    print(f"   $ {' '.join(words)}")


def indented(text: str) -> str:
    return "\n".join(f"     {line}" for line in text.splitlines())


if __name__ == "__main__":
    main()
