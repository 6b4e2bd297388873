"""The process: its end, its replacement, and what it does not react to."""

import json
import os
import signal
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

EVENT = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"


def test_a_request_in_flight_is_answered_after_term(start_server, document, wait_for):
    server = start_server(accept_seconds=0.8)
    answers = []
    sender = threading.Thread(target=lambda: answers.append(server.post(document())))
    sender.start()
    wait_for(lambda: _connections(server) > 0)
    time.sleep(0.1)

    code, seconds = server.terminate()
    sender.join(5)

    assert (code, answers[0].status) == (0, 202)
    assert len(server.accepted()) == 1
    assert seconds < 2.5


def test_idle_and_half_sent_requests_do_not_hold_the_end(start_server):
    server = start_server()
    idle = HTTPConnection("127.0.0.1", server.port)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    held = [server.connect(), server.connect(EVENT)]

    code, seconds = server.terminate()

    assert code == 0
    assert seconds < 1.5
    assert [connection.recv(100) for connection in held] == [b"", b""]
    for connection in (idle, *held):
        connection.close()


def test_a_body_that_does_not_come_holds_the_end_for_two_seconds_only(start_server):
    server = start_server(grace=10)
    held = server.connect(EVENT + b"Content-Length: 9\r\n\r\nx")
    time.sleep(0.1)

    code, seconds = server.terminate()

    assert code == 0
    assert 1.5 < seconds < 4
    assert held.recv(100).startswith(b"HTTP/1.1 503 ")
    held.close()


def test_a_request_that_outlasts_the_grace_is_cut(start_server, document, wait_for):
    server = start_server(accept_seconds=30, grace=1)
    body = json.dumps(document()).encode()
    held = server.connect(EVENT + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    wait_for(lambda: _connections(server) > 0)

    code, seconds = server.terminate()

    assert code == 0
    assert seconds < 2.5
    held.close()


def test_an_application_that_cannot_be_made_ends_the_process(start_server):
    server = start_server(accept="nonsense")

    assert server.process.wait(10) == 3


def test_a_worker_that_dies_is_replaced(start_server, document, wait_for):
    server = start_server()
    wait_for(server.worker)
    first = server.worker()

    os.kill(first, signal.SIGKILL)

    wait_for(lambda: server.worker() not in (0, first))
    assert server.post(document()).status == 202
    assert "Perhaps out of memory?" in json.dumps(server.log())


def test_the_worker_goes_when_its_parent_is_killed(start_server, wait_for):
    server = start_server()
    wait_for(server.worker)
    worker = server.worker()

    server.process.kill()
    server.process.wait()

    wait_for(lambda: not _runs(worker))


def test_signals_that_would_start_a_second_worker_are_ignored(start_server, document, wait_for):
    server = start_server()
    wait_for(server.worker)
    worker = server.worker()

    for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGUSR2, signal.SIGUSR1):
        os.kill(server.process.pid, number)
        time.sleep(0.05)

    assert server.post(document()).status == 202
    assert server.worker() == worker
    assert server.terminate()[0] == 0


def test_an_orderly_life_leaves_no_record_of_the_server(start_server, document):
    server = start_server()
    server.post(document())
    server.terminate()

    messages = [record["message"] for record in server.log()]
    assert messages == ["woken for 1", "sh.keptn.event.test.triggered accepted, runs next"]


def _runs(pid):
    """Say whether a process is there and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _connections(server):
    """Count established connections of the server, as the kernel lists them."""
    port = f":{server.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return sum(1 for line in lines if line.split()[1].endswith(port) and " 01 " in line)
