"""Who may send, and what: rows AU-1 to AU-5, AU-8, AU-9 and UI-4 against the real server."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

JSON = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
CI = {"Authorization": "Bearer token-of-the-ci-system"}
PERSON = {"Authorization": "Bearer token-of-a-person"}
SECRET = b"a secret that two sides share"
KEY = b"0123456789abcdef01234567"

SENDERS = f"""
- name: ci
  tokens: [an-older-token-of-ci, token-of-the-ci-system]
  types: [sh.keptn.event.*.triggered]
  projects: [sockshop]
- name: person
  tokens: ["sha256:{hashlib.sha256(b"token-of-a-person").hexdigest()}"]
  scopes: [read, operate]
- name: github
  github_secret: {SECRET.decode()}
  scopes: [send, operate]
- name: gitlab
  gitlab_token: token-that-gitlab-shows
  scopes: [operate]
- name: hooks
  standard_webhooks_secret: whsec_{base64.b64encode(KEY).decode()}
- name: distributor
  addresses: [127.0.0.9, "::1"]
- name: slack
  signature:
    header: X-Slack-Signature
    prefix: v0=
    content: "v0:{{X-Slack-Request-Timestamp}}:{{body}}"
    timestamp_header: X-Slack-Request-Timestamp
    secret: {SECRET.decode()}
"""


@pytest.fixture(scope="module")
def senders_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("senders") / "senders.yaml"
    file.write_text(SENDERS)
    return file


@pytest.fixture(scope="module")
def guarded(start_server, senders_file):
    """A web process that asks who is there."""
    return start_server(senders=str(senders_file))


def github(body):
    return JSON | {"X-Hub-Signature-256": f"sha256={hmac.digest(SECRET, body, 'sha256').hex()}"}


def webhook(body, *, late=0.0, key=KEY, more=""):
    stamp = str(int(time.time() - late))
    signed = hmac.digest(key, f"msg_1.{stamp}.".encode() + body, "sha256")
    shown = f"{more}v1,{base64.b64encode(signed).decode()}"
    return JSON | {
        "Webhook-Id": "msg_1", "Webhook-Timestamp": stamp, "Webhook-Signature": shown,
    }  # fmt: skip


def text(document):
    return json.dumps(document).encode()


def test_a_sender_with_its_token_is_taken_and_remembered(guarded, document, wait_for):
    answer = guarded.post(document(), JSON | CI)

    (entry,) = guarded.accepted(document()["id"])
    assert (answer.status, entry["sender"]) == (202, "ci")
    wait_for(lambda: "ci" in [record["sender"] for record in guarded.log()])


def test_each_of_several_tokens_is_good(guarded, document):
    older = {"Authorization": "bearer  an-older-token-of-ci"}

    assert guarded.post(document(), JSON | older).status == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer token-of-nobody"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic token-of-the-ci-system"},
        {"Authorization": "token-of-the-ci-system"},
        {"Authorization": "Bearer token-of-the-ci-syste"},
        {"Authorization": "Bearer token-of-the-ci-system2"},
        {"Authorization": "Bearer " + hashlib.sha256(b"token-of-a-person").hexdigest()},
        {"Authorization": "Bearer \xff\xfe" + "x" * 5000},
        {"X-Gitlab-Token": "token-of-the-ci-system"},
        {"X-Gitlab-Token": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
        {"Webhook-Signature": "v1,AAAA"},
    ],
)
def test_without_valid_credentials_nothing_is_taken(guarded, document, headers):
    answer = guarded.post(document(), JSON | headers)

    assert (answer.status, answer.json["code"]) == (401, "not-authenticated")
    assert set(answer.json) == {"code", "message", "reference"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert guarded.accepted(document()["id"]) == []


def test_two_headers_that_contradict_each_other_prove_nothing(guarded, document):
    body = text(document())
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
    both = b"Authorization: Bearer x\r\nAuthorization: Bearer token-of-the-ci-system\r\n\r\n"

    assert guarded.exchange(head + both + body).startswith(b"HTTP/1.1 401 ")


def test_strangers_are_refused_before_their_body_comes(guarded):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
    start = time.monotonic()

    with guarded.connect(head + b"Expect: 100-continue\r\n\r\n") as connection:
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert time.monotonic() - start < 1


def test_a_type_that_is_not_allowed_is_refused_by_name(guarded, document):
    answer = guarded.post(document(type="com.example.push"), JSON | CI)

    assert (answer.status, answer.json["code"]) == (403, "not-allowed")
    assert answer.json["message"] == ("sender 'ci' may not send events of type 'com.example.push'")


def test_a_project_that_is_not_allowed_is_refused_by_name(guarded, document):
    answer = guarded.post(document(data={"project": "other"}), JSON | CI)

    assert answer.status == 403
    assert answer.json["message"] == "sender 'ci' may not send events for project 'other'"
    assert guarded.post(document(data={}), JSON | CI).json["message"] == (
        "sender 'ci' may not send events without a project"
    )


def test_a_batch_is_refused_as_a_whole_when_one_event_is_not_allowed(guarded, document):
    batch = [document(id="in-good-company"), document(id="bad", data={"project": "other"})]

    answer = guarded.post(batch, BATCH | CI)

    assert answer.status == 403
    assert answer.json["message"] == (
        "event 1 of the batch: sender 'ci' may not send events for project 'other'"
    )
    assert guarded.accepted("in-good-company") == []


def test_who_may_only_read_may_not_send(guarded, document):
    answer = guarded.post(document(), JSON | PERSON)

    assert answer.status == 403
    assert answer.json["message"] == (
        "sender 'person' may not send events: it lacks the scope send"
    )


def test_a_body_signed_as_github_does_is_taken(guarded, document):
    body = text(document())

    assert guarded.post(body, github(body)).status == 202
    assert guarded.accepted(document()["id"])[0]["sender"] == "github"


def test_a_signature_over_the_same_document_written_otherwise_is_refused(guarded, document):
    other = json.dumps(document(), indent=1).encode()

    assert guarded.post(text(document()), github(other)).status == 401


def test_attributes_in_headers_that_are_not_signed_are_refused(guarded):
    """Whoever saw a signed body could send it on as another event."""
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "test", "ce-type": "x"}
    headers = github(b"{}") | {"Content-Type": "application/json"} | binary

    answer = guarded.post(b"{}", headers)

    assert (answer.status, answer.json["code"]) == (403, "not-signed")
    assert "'ce-specversion'" in answer.json["message"]


@pytest.mark.parametrize(("late", "status"), [(301, 401), (-302, 401), (298, 202), (-298, 202)])
def test_a_signed_time_may_be_five_minutes_off(guarded, document, late, status):
    body = text(document())

    assert guarded.post(body, webhook(body, late=late)).status == status


def test_during_a_rotation_of_keys_one_valid_signature_is_enough(guarded, document):
    body = text(document())
    old = webhook(body, key=b"x" * 24)["Webhook-Signature"]

    assert guarded.post(body, webhook(body, more=f"{old} ")).status == 202


def test_the_same_signed_request_again_is_a_duplicate(guarded, document):
    body = text(document())
    headers = webhook(body)
    guarded.post(body, headers)

    assert guarded.post(body, headers).json["duplicates"] == 1


def test_a_signature_of_a_senders_own_kind_is_taken(guarded, document):
    body, stamp = text(document()), str(int(time.time()))
    signed = hmac.digest(SECRET, f"v0:{stamp}:".encode() + body, "sha256").hex()
    headers = {"X-Slack-Signature": f"v0={signed}", "X-Slack-Request-Timestamp": stamp}

    assert guarded.post(body, JSON | headers).status == 202
    assert guarded.accepted(document()["id"])[0]["sender"] == "slack"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/runs"),
        ("GET", "/api/v1/status"),
        ("GET", "/metrics"),
        ("GET", "/ui/"),
        ("GET", "/nowhere"),
        ("HEAD", "/api/v1/runs"),
        ("GET", "/healthz/"),
        ("GET", "/healthz/../api/v1/runs"),
        ("GET", "//healthz"),
        ("OPTIONS", "/"),
        ("GET", "/"),
        ("POST", "/api/v1/refresh/sockshop"),
    ],
)
def test_nothing_is_shown_to_strangers(guarded, method, path):
    assert guarded.request(method, path).status == 401


def test_liveness_and_readiness_are_open(guarded):
    assert guarded.request("GET", "/healthz").status == 200
    assert guarded.request("GET", "/readyz").status == 200


def test_reading_and_operating_need_their_scopes(guarded):
    refresh = "/api/v1/refresh/sockshop"

    assert guarded.request("GET", "/api/v1/runs", headers=PERSON).status == 200
    assert guarded.request("POST", refresh, headers=PERSON).status == 200
    assert guarded.request("GET", "/api/v1/runs", headers=CI).status == 403
    assert guarded.request("POST", refresh, headers=CI).json["message"] == (
        "sender 'ci' may not operate the service: it lacks the scope operate"
    )


def test_web_hooks_of_git_servers_have_scripts_looked_for(guarded):
    body = b'{"ref": "refs/heads/main"}'
    headers = github(body) | {"Content-Type": "application/json"}
    path = "/api/v1/refresh/sockshop"

    assert guarded.request("POST", path, body, headers).status == 200
    gitlab = {"X-Gitlab-Token": "token-that-gitlab-shows"}
    assert guarded.request("POST", path, body, gitlab).status == 200
    assert guarded.request("POST", path, body + b" ", headers).status == 401


@pytest.mark.parametrize("content_type", ["text/plain", "application/cloudevents+json"])
def test_a_page_from_elsewhere_is_refused_whatever_it_shows(guarded, document, content_type):
    foreign = {"Origin": "https://evil.example", "Content-Type": content_type}

    assert guarded.post(document(), CI | foreign).json["code"] == "foreign-origin"
    refresh = guarded.request("POST", "/api/v1/refresh/sockshop", headers=PERSON | foreign)
    assert (refresh.status, refresh.json["code"]) == (403, "foreign-origin")


def test_a_page_from_elsewhere_is_refused_where_nobody_is_asked_who_they_are(server, document):
    foreign = {"Origin": "https://evil.example"}

    assert server.post(document(), JSON | foreign).status == 403
    rebound = {"Host": f"evil.example:{server.port}"}
    assert server.request("GET", "/api/v1/runs", headers=rebound).json["code"] == "unknown-host"
    assert server.request("GET", "/healthz", headers=rebound).status == 200
    assert server.post(document(), JSON | rebound).status == 202


def test_a_thousand_wrong_tokens_stop_their_peer_and_nobody_else(start_server, senders_file):
    guarded = start_server(senders=str(senders_file))
    guess = {"Authorization": "Bearer guess"}

    guesses = [attempt(guarded, "127.0.0.2", guess) for _ in range(1000)]

    assert {status for status, _ in guesses[:100]} == {401}
    assert guesses[-1] == (429, "10")
    assert attempt(guarded, "127.0.0.3", guess) == (401, None)
    assert attempt(guarded, "127.0.0.3", PERSON) == (200, None)
    assert attempt(guarded, "127.0.0.2", PERSON) == (200, None)
    assert len(guarded.log()) < 300


def attempt(server, peer, headers, method="GET"):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10, source_address=(peer, 0))
    try:
        path = "/" if method == "POST" else "/api/v1/runs"
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Retry-After"]
    finally:
        connection.close()


def test_a_sender_is_known_by_its_address_where_the_file_says_so(guarded):
    assert attempt(guarded, "127.0.0.9", JSON, "POST") == (400, None)
    assert attempt(guarded, "127.0.0.8", JSON, "POST") == (401, None)
    assert attempt(guarded, "127.0.0.9", {}) == (403, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer guess"},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"Origin": "http://127.0.0.1"},
    ],
)
def test_an_address_does_not_make_up_for_what_a_request_shows(guarded, headers):
    assert attempt(guarded, "127.0.0.9", JSON | headers, "POST")[0] in (401, 403)


def test_a_changed_file_is_in_force_after_a_second(start_server, tmp_path, document, wait_for):
    file = tmp_path / "senders.yaml"
    file.write_text("- {name: a, tokens: [token-of-the-first-one]}\n")
    guarded = start_server(senders=str(file))
    first = {"Authorization": "Bearer token-of-the-first-one"}
    second = {"Authorization": "Bearer token-of-the-second"}
    assert guarded.post(document(), JSON | first).status == 202

    file.write_text("- {name: a, tokens: [token-of-the-second]}\n")

    wait_for(lambda: guarded.post(document(), JSON | second).status == 202)
    assert guarded.post(document(), JSON | first).status == 401


def test_a_broken_file_ends_the_process_at_start(start_server, tmp_path):
    (tmp_path / "senders.yaml").write_text("- {name: a}\n")
    guarded = start_server(senders=str(tmp_path / "senders.yaml"))

    assert guarded.process.wait(10) == 3


def test_no_secret_is_in_the_log(guarded):
    log = guarded.log_file.read_text()

    for secret in ("token-of", "older-token", "token-that", SECRET.decode(), "0123456789abcdef"):
        assert secret not in log


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("token-of-the-ci-system\n", (0, "202 Accepted")),
        ("token-of-nobody-at-all\n", (65, "401 Unauthorized")),
        ("two tokens\n", (2, "must hold one token")),
        ("", (2, "must hold one token")),
        ("\N{EURO SIGN}", (2, "cannot be read as text")),
    ],
)
def test_genexec_send_shows_the_token_of_a_file(guarded, document, tmp_path, expected, content):
    (tmp_path / "token").write_text(content)
    (tmp_path / "event.json").write_text(json.dumps(document()))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    address = f"http://127.0.0.1:{guarded.port}/"

    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "send", tmp_path / "event.json", "--to", address],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "GENEXEC_TOKEN_FILE": str(tmp_path / "token"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    code, said = expected
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "two tokens" not in done.stdout + done.stderr
