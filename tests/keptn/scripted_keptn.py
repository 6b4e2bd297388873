"""A Keptn that does as it is told, as a program: `python scripted_keptn.py --port 0`.

It prints its address and serves until it is ended or its standard input is closed. A test
speaks to it by HTTP at `/_control`:

    POST {"reset": {}}                                     forget everything
    POST {"commit": {"project": p, "branch": b, "files": {path: base64 or null}}}
    POST {"set": {"version": "0.8", "access": "gateway", "token": "t", …}}
    POST {"begin": {"stages": [[stage, sequence, [task, …]], …]}}    start a sequence
    POST {"remedy": {"action": a}}                         ask for an action, as 0.7 does
    POST {"subscribe": {"id": i, "subscriptions": […]}}    what people do in the Bridge
    GET                                                    what was asked so far
    GET …/state                                            registrations, log, events, sequences

Faults for `set`: `status` with `body` (answer with it), `hang`, `drip`, `cut` (close without
an answer), `location` (redirect); they hold for paths with `only` in them, and for `times`
requests (0 is for all). Branch `main` is the project, every other branch a stage.
"""

import argparse
import base64
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scripted_control_plane import ControlPlane
from scripted_resources import ResourceApi, Store

CONTROL = "/_control"
FAULTS = {"status": 0, "body": "", "hang": False, "drip": False, "cut": False, "location": ""}
FAULTS |= {"only": "", "times": 0}
PATIENCE = 20.0


class Keptn:
    """The state; one lock around everything that changes it."""

    def __init__(self):
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self.reset()

    def reset(self):
        self.store = Store()
        self.resources = ResourceApi(self.store)
        self.control_plane = ControlPlane()
        self.token = ""
        self.faults = dict(FAULTS)
        self.asked = []

    def ordered(self, orders):
        """Do what the test wants; return what it may want to know."""
        with self.lock:
            if "reset" in orders:
                self.ended.set()
                if self.control_plane.link is not None:
                    self.control_plane.link.close()
                self.ended = threading.Event()
                self.reset()
            for name, value in orders.get("set", {}).items():
                plane = self.control_plane
                if name in FAULTS:
                    self.faults[name] = value
                    continue
                if name == "version" and hasattr(plane, name):
                    plane.version = value
                owners = (self if name == "token" else self.resources, plane, plane.shipyard)
                where = next((one for one in owners if hasattr(one, name)), self.resources)
                if name == "nats":
                    plane.use_nats(value)
                elif hasattr(where, name):
                    setattr(where, name, value)
                else:
                    raise ValueError(f"there is nothing named {name}")
            plane = self.control_plane
            if "begin" in orders:
                return {"context": plane.shipyard.begin(**orders["begin"])}
            if "remedy" in orders:
                return {"context": plane.remediation.begin(**orders["remedy"])}
            if "subscribe" in orders:
                wish = orders["subscribe"]
                plane.integrations[wish["id"]]["subscriptions"] = wish["subscriptions"]
            if "commit" not in orders:
                return {}
            files = {
                path: None if content is None else base64.b64decode(content)
                for path, content in orders["commit"].pop("files").items()
            }
            return {"commit": self.store.commit(**orders["commit"], files=files)}

    def fault(self, path):
        """Return the faults that this request meets."""
        with self.lock:
            hit = any(self.faults[name] for name in ("status", "hang", "drip", "cut", "location"))
            if not hit or self.faults["only"] not in path:
                return FAULTS
            faults = dict(self.faults)
            if self.faults["times"]:
                self.faults["times"] -= 1
                if not self.faults["times"]:
                    self.faults = dict(FAULTS)
            return faults


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_GET(self):
        keptn = self.server.keptn
        if self.path.startswith(CONTROL):
            with keptn.lock:
                state = self.path.endswith("/state")
                told = json.dumps(keptn.control_plane.state() if state else keptn.asked)
            self._send(200, "application/json", told.encode())
            return
        self._serve(b"")

    def _serve(self, content):
        keptn = self.server.keptn
        token = self.headers.get("x-token", "")
        with keptn.lock:
            ended = keptn.ended
            keptn.asked.append({"path": self.path, "token": token, "host": self.headers["host"]})
        faults = keptn.fault(self.path)
        if faults["hang"]:
            ended.wait(PATIENCE)
        if faults["hang"] or faults["cut"]:
            self.close_connection = True
        elif faults["drip"]:
            self._drip(ended)
        elif faults["location"]:
            self.send_response(302)
            self.send_header("Location", faults["location"] + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif faults["status"]:
            body = faults["body"].replace("TOKEN", token).encode()
            self._send(faults["status"], "text/plain", body)
        elif keptn.token and token != keptn.token:
            self._send(401, "application/json", b'{"code":401,"message":"incorrect api key auth"}')
        else:
            with keptn.lock:
                told = keptn.control_plane.answer(self.command, self.path, content)
                answer = keptn.resources.answer(self.path) if told is None else None
            if told is not None:
                answer = told[0], "application/json", json.dumps(told[1]).encode()
            self._send(*answer)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != CONTROL:
            self._serve(body)
            return
        answer = self.server.keptn.ordered(json.loads(body))
        self._send(200, "application/json", json.dumps(answer).encode())

    def do_PUT(self):
        self.do_POST()

    def do_DELETE(self):
        self.do_POST()

    def _drip(self, ended):
        """Send a header that never ends, slowly."""
        self.close_connection = True
        deadline = time.monotonic() + PATIENCE
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while time.monotonic() < deadline and not ended.wait(0.05):
            self.wfile.write(b"x")

    def _send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.keptn = Keptn()

    def handle_error(self, *_):
        """Whoever asked went away; nobody waits for the rest."""


def main():
    parser = argparse.ArgumentParser(description="a Keptn that does as it is told")
    parser.add_argument("--port", type=int, default=0)
    server = Server(parser.parse_args().port)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    serving.start()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
