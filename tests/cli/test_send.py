"""`genexec send` against a real server."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.cli import main

EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "test",
    "type": "com.example.hello",
    "shkeptncontext": "c-1",
    "data": {"greeting": "grüezi"},
}
STRUCTURED = f"""POST http://elsewhere.example/not-used
Content-Type: application/cloudevents+json
X-Extra: 1

{json.dumps(EVENT)}
"""


class Receiver:
    """Takes requests and answers as it is told."""

    def __init__(self):
        self.requests = []
        self.status, self.body, self.headers = 202, b'{"runs": ["run-1"]}', {}


@pytest.fixture
def receiver():
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append((self.path, headers, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(receiver.body)))
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/"
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def send(capsys, receiver):
    """Run `genexec send`; return its exit code, what it said and what it complained about."""

    def run(*words, to=None):
        with pytest.raises(SystemExit) as ended:
            main(["send", *words, "--to", to or receiver.url])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def event_file(tmp_path):
    def write(content, name="event.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_a_json_file_is_posted_as_it_is_and_the_answer_printed(send, receiver, event_file):
    code, said, complained = send(event_file(EVENT))

    assert (code, said, complained) == (0, '202 Accepted\n{"runs": ["run-1"]}\n', "")
    [(path, headers, body)] = receiver.requests
    assert path == "/"
    assert headers["content-type"] == "application/cloudevents+json"
    assert body == json.dumps(EVENT).encode()


def test_a_http_file_is_posted_with_its_headers_to_the_service(send, receiver, event_file):
    code, _, _ = send(event_file(STRUCTURED, "event.http"))

    assert code == 0
    [(path, headers, body)] = receiver.requests
    assert (path, headers["x-extra"]) == ("/", "1")
    assert headers["content-type"] == "application/cloudevents+json"
    assert json.loads(body) == EVENT


def test_an_array_is_posted_as_a_batch(send, receiver, event_file):
    send(event_file([EVENT, EVENT]))

    [(_, headers, body)] = receiver.requests
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert len(json.loads(body)) == 2


def test_in_binary_mode_attributes_are_headers(send, receiver, event_file):
    more = {"time": "2026-11-21T12:00:00Z", "datacontenttype": "application/json"}
    send(event_file(EVENT | more), "--binary")

    [(_, headers, body)] = receiver.requests
    attributes = {name: value for name, value in headers.items() if name.startswith("ce-")}
    assert attributes == {
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "test",
        "ce-type": "com.example.hello",
        "ce-shkeptncontext": "c-1",
        "ce-time": "2026-11-21T12:00:00Z",
    }
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == EVENT["data"]


def test_binary_mode_says_nothing_the_event_does_not_say(send, receiver, event_file):
    """Else the same file sent twice is the same id with other content: 422."""
    send(event_file(EVENT), "--binary")

    assert "ce-time" not in receiver.requests[0][1]


def test_a_new_id_is_the_only_difference(send, receiver, event_file):
    send(event_file(EVENT), "--new-id")
    send(event_file(EVENT), "--new-id")

    sent = [json.loads(body) for _, _, body in receiver.requests]
    assert [event | {"id": "e-1"} for event in sent] == [EVENT, EVENT]
    assert len({event["id"] for event in sent} | {"e-1"}) == 3


def test_a_new_id_in_binary_mode(send, receiver, event_file):
    send(event_file(STRUCTURED, "event.http"), "--binary", "--new-id")

    [(_, headers, _)] = receiver.requests
    assert len(headers["ce-id"]) == 36


def test_a_program_gets_json(send, event_file):
    code, said, _ = send(event_file(EVENT), "--json")

    assert (code, json.loads(said)) == (0, {"status": 202, "answer": {"runs": ["run-1"]}})


def test_an_answer_that_is_no_json_is_a_text_for_a_program(send, receiver, event_file):
    receiver.body = b"hello"

    _, said, _ = send(event_file(EVENT), "--json")

    assert json.loads(said)["answer"] == "hello"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, 0),
        (202, 0),
        (400, 65),
        (401, 65),
        (404, 65),
        (413, 65),
        (415, 65),
        (422, 65),
        (429, 75),
        (500, 65),
        (503, 75),
    ],
)
def test_the_exit_code_tells_whether_to_send_it_again(send, receiver, event_file, status, code):
    receiver.status = status

    ended, said, _ = send(event_file(EVENT))

    assert ended == code
    assert said.startswith(f"{status} ")


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_is_not_followed_and_not_taken_for_done(send, receiver, event_file, status):
    receiver.status, receiver.headers = status, {"location": receiver.url + "again"}

    code, _, _ = send(event_file(EVENT))

    assert len(receiver.requests) == 1
    assert code == 65


def test_a_service_that_is_not_there_is_told(send, event_file):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        code, said, complained = send(event_file(EVENT), to=url)

    assert (code, said) == (69, "")
    assert complained.startswith(f"genexec: {url} cannot be reached: ")
    assert "Connection refused" in complained
    assert len(complained.splitlines()) == 1


@pytest.mark.parametrize(
    "url", ["nowhere", "http://", "ftp://x/", "http://[::1", "http://a..b/", "http://h:99999/"]
)
def test_an_address_that_is_none_is_told(send, event_file, url):
    code, _, complained = send(event_file(EVENT), to=url)

    assert code == 2
    assert f"--to {url!r} is no address of a service" in complained


def test_the_address_may_come_from_the_environment(capsys, receiver, event_file, monkeypatch):
    monkeypatch.setenv("GENEXEC_URL", receiver.url + "events")

    with pytest.raises(SystemExit):
        main(["send", event_file(EVENT)])

    assert receiver.requests[0][0] == "/events"
    assert capsys.readouterr().err == ""


def test_several_events_have_no_binary_form(send, receiver, event_file):
    code, _, complained = send(event_file([EVENT, EVENT | {"id": "2"}]), "--binary")

    assert code == 65
    assert "holds 2 events; --binary and --new-id take one" in complained
    assert receiver.requests == []


def test_an_old_event_has_no_binary_form(send, event_file):
    code, _, complained = send(event_file(EVENT | {"specversion": "0.2"}), "--binary")

    assert code == 65
    assert "binary mode is for CloudEvents 1.0" in complained


@pytest.mark.parametrize("words", [["--binary"], ["--new-id"]])
def test_what_is_no_event_cannot_be_changed(send, event_file, words):
    code, _, complained = send(event_file({"hello": "world"}), *words)

    assert code == 65
    assert "'source'" in complained or "'type'" in complained or "'id'" in complained


def test_what_is_no_event_is_sent_as_it_is(send, receiver, event_file):
    """To see how the service refuses it."""
    send(event_file("{"))

    assert receiver.requests[0][2] == b"{"


def test_a_file_that_is_not_there_is_a_mistake_on_the_command_line(send, tmp_path):
    code, _, complained = send(str(tmp_path / "missing.json"))

    assert code == 2
    assert "missing.json" in complained


@pytest.mark.parametrize(
    "change",
    [
        {"extension": 5},
        {"extension": None},
        {"datacontenttype": "text/plain", "data": "hello"},
        {"datacontenttype": "text/plain", "data_base64": "aGVsbG8=", "data": ...},
        {"subject": "grüezi €"},
    ],
    ids=str,
)
def test_any_event_the_service_takes_can_be_sent_in_binary_mode(send, event_file, change):
    event = {name: value for name, value in (EVENT | change).items() if value is not ...}

    code, said, _ = send(event_file(event), "--binary")

    assert (code, said.split()[0]) == (0, "202")


def test_a_boolean_attribute_is_written_as_cloudevents_do(send, receiver, event_file):
    send(event_file(EVENT | {"urgent": True}), "--binary")

    assert receiver.requests[0][1]["ce-urgent"] == "true"


@pytest.mark.parametrize("change", [{"my_extension": "x"}, {"MyX": "x"}, {"time": "yesterday"}])
def test_an_event_without_a_binary_form_is_told(send, event_file, change):
    code, _, complained = send(event_file(EVENT | change), "--binary")

    assert code == 65
    assert "event.json" in complained


def test_a_header_of_a_http_file_may_have_any_letter(send, event_file):
    text = STRUCTURED.replace("X-Extra: 1", "X-Extra: €")

    code, _, _ = send(event_file(text, "event.http"))

    assert code == 0
