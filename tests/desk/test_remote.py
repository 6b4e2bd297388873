"""What can be wrong with a service far away."""

import asyncio
import json
import socket
import threading
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.api.records import summary_record
from service.desk import Asker, Wish
from service.errors import (
    BadSettings,
    EngineUnavailable,
    EventForgotten,
    NeverAgain,
    NotPermitted,
    UnknownRun,
)
from service.keptn_events import Belonging
from service.remote.desk import RemoteDesk
from service.runs import Run, Summary
from service.states import State

ALICE = Asker(name="alice")


class Impostor(ThreadingHTTPServer):
    """Answers everything with one answer, and keeps what it was shown."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.headers = 200, b"{}", {}
        self.bodies = []
        self.shown = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.shown.append((self.path, self.headers.get("Authorization")))
        if self.server.bodies:
            self.server.body = self.server.bodies.pop(0)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_GET  # noqa: N815  # as http.server calls it

    def log_message(self, *_):
        pass


@pytest.fixture
def impostor():
    server = Impostor()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(question, url, **options):
    async def asked():
        with closing(RemoteDesk(url, **options)) as desk:
            return await question(desk)

    return asyncio.run(asked())


def test_a_service_that_is_not_there_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"

    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        ask(lambda desk: desk.status(), url)


def test_a_service_that_does_not_answer_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineUnavailable):
            ask(lambda desk: desk.status(), url, read_timeout=0.3)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad-request", NeverAgain),
        (401, "not-authenticated", NotPermitted),
        (403, "not-allowed", NotPermitted),
        (404, "unknown-run", UnknownRun),
        (410, "event-forgotten", EventForgotten),
        (429, "queue-full", EngineUnavailable),
        (500, "internal-error", EngineUnavailable),
        (503, "source-unavailable", EngineUnavailable),
    ],
)
def test_refusals_are_told_in_our_words_and_the_words_of_the_service(impostor, status, code, kind):
    impostor.status = status
    impostor.body = json.dumps({"code": code, "message": "the sentence"}).encode()

    with pytest.raises(kind, match="the sentence"):
        ask(lambda desk: desk.rerun("1jkq", ALICE), impostor.url)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"\xff", b"[" * 100_000])
def test_something_else_that_answers_there_is_unavailable(impostor, body):
    impostor.body = body

    with pytest.raises(EngineUnavailable, match="generic-executor-service"):
        ask(lambda desk: desk.status(), impostor.url)


@pytest.mark.parametrize("body", [b"{}", b'{"run": 5}', b'{"run": null}'])
@pytest.mark.parametrize(
    "question",
    [
        lambda desk: desk.rerun("last", ALICE),
        lambda desk: desk.cancel("last", ALICE),
        lambda desk: desk.run(Wish(type="a", place=Belonging()), ALICE),
    ],
    ids=["rerun", "cancel", "run"],
)
def test_an_answer_without_what_was_asked_for_is_none_of_ours(impostor, question, body):
    impostor.body = body

    with pytest.raises(EngineUnavailable, match="generic-executor-service"):
        ask(question, impostor.url)


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed_because_it_would_take_the_token_along(impostor, status):
    impostor.status, impostor.headers = status, {"Location": "/elsewhere"}

    with pytest.raises(NeverAgain):
        ask(lambda desk: desk.status(), impostor.url, token="secret")
    assert [path for path, _ in impostor.shown] == ["/api/v1/status"]


def test_an_answer_without_end_is_given_up(impostor):
    impostor.body = b" " * (9 * 1024 * 1024)

    with pytest.raises(EngineUnavailable, match="more than"):
        ask(lambda desk: desk.status(), impostor.url)


def test_a_token_file_is_read_again_at_every_use(impostor, tmp_path):
    file = tmp_path / "token"

    async def scene(desk):
        for token in ("first", "second"):
            file.write_text(f"{token}\n")
            await desk.status()

    ask(scene, impostor.url, token_file=file)

    assert [shown for _, shown in impostor.shown] == ["Bearer first", "Bearer second"]


def test_a_token_file_that_is_not_there_is_named(impostor, tmp_path):
    with pytest.raises(BadSettings, match="no-such-token"):
        ask(lambda desk: desk.status(), impostor.url, token_file=tmp_path / "no-such-token")


def test_a_password_for_this_host_in_the_home_directory_is_not_shown(
    impostor, tmp_path, monkeypatch
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    ask(lambda desk: desk.status(), impostor.url)

    assert impostor.shown == [("/api/v1/status", None)]


@pytest.mark.parametrize("run", ["", "../status", "a/b", "x?y", "last run"])
def test_what_cannot_be_a_run_is_not_asked_for(impostor, run):
    with pytest.raises(UnknownRun):
        ask(lambda desk: desk.found(run), impostor.url)
    assert impostor.shown == []


def test_a_desk_that_is_closed_says_so(impostor):
    async def scene(desk):
        desk.close()
        await desk.runs(limit=1, place=Belonging())

    with pytest.raises(EngineUnavailable, match="closed"):
        ask(scene, impostor.url)


@pytest.fixture
def page():
    """Make a page of runs, as the API answers with it."""

    def make(ids, following):
        run = Run(
            id="", seq=0, event_id="e", source="s", type="t", context="", project="p", stage="",
            service="", state=State.PASSED, accepted_at=datetime(2026, 11, 21, tzinfo=UTC),
        )  # fmt: skip
        summary = Summary(run=run, asked_by="s", asked_url="", scripts=("t.sh",))
        runs = [{**summary_record(summary), "id": str(one)} for one in ids]
        return json.dumps({"runs": runs, "next": following}).encode()

    return make


def test_more_runs_than_a_page_holds_are_fetched_page_by_page(impostor, page):
    impostor.bodies = [page(range(500), 41), page([], 17), page(range(500, 520), 3)]

    found = ask(lambda desk: desk.summaries(limit=520, state=None, project="p"), impostor.url)

    assert [one.run.id for one in found] == [str(number) for number in range(520)]
    assert [path for path, _ in impostor.shown] == [
        "/api/v1/runs?limit=500&project=p",
        "/api/v1/runs?limit=20&project=p&before=41",
        "/api/v1/runs?limit=20&project=p&before=17",
    ]


def test_pages_without_end_are_given_up(impostor, page):
    impostor.body = page([], 41)

    found = ask(lambda desk: desk.summaries(limit=9, state=None, project=None), impostor.url)

    assert (found, len(impostor.shown)) == ([], 20)


@pytest.mark.parametrize("body", [b"{}", b'{"runs": [{"id": 1}], "candidates": 3, "listed": 1}'])
@pytest.mark.parametrize(
    "question",
    [
        lambda desk: desk.summaries(limit=9, state=None, project=None),
        lambda desk: desk.runs(limit=9, place=Belonging()),
        lambda desk: desk.detail("last"),
        lambda desk: desk.found("last"),
        lambda desk: desk.scripts(Belonging()),
        lambda desk: desk.script("a.sh", Belonging()),
    ],
)
def test_an_answer_of_another_shape_is_no_fault_of_ours(impostor, body, question):
    impostor.body = body

    with pytest.raises(EngineUnavailable, match="not generic-executor-service"):
        ask(question, impostor.url)
