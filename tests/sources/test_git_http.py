"""Git over HTTP: tokens, redirects, silence, and what never shows."""

import asyncio
import logging
import subprocess
import threading
import time
from pathlib import Path

import pytest

from service.errors import SourceUnavailable
from service.sources.credentials import Credentials

A = {"generic-executor/a.sh": "over http"}
TOKEN = "very-secret-token-4711"


@pytest.fixture
def served(make_remote, make_server):
    """A repository behind HTTP; returns the server and its address."""

    def make(*, token="", user="git"):
        remote = make_remote(A)
        server = make_server()
        server.token, server.user = token, user
        return server, f"{server.address}/{remote.path.name}"

    return make


@pytest.fixture
def content(use, ask):
    def read(address, **options):
        async def scene():
            async with use(address, **options) as source:
                (found,) = (await source.look_up(ask("a.sh"))).found.values()
                return (await source.read(found)).decode()

        return asyncio.run(scene())

    return read


def test_a_repository_is_fetched_over_http(served, content):
    _, address = served()

    assert content(address) == "over http"


@pytest.mark.parametrize("user", ["git", "x-access-token"])
def test_a_token_opens_a_closed_repository(served, content, user):
    server, address = served(token=TOKEN, user=user)

    credentials = Credentials(user="" if user == "git" else user, token=TOKEN)

    assert content(address, credentials=credentials) == "over http"
    assert server.asked[0] == (
        f"/{address.rpartition('/')[2]}/info/refs?service=git-upload-pack",
        "",
    )


def test_a_token_is_read_from_its_file_at_every_use(served, use, tmp_path):
    _, address = served(token=TOKEN)
    file = tmp_path / "token"
    file.write_text("an old one\n")

    async def scene():
        async with use(address, credentials=Credentials(token_file=file)) as source:
            with pytest.raises(SourceUnavailable, match="Authentication failed"):
                await source.refresh("sockshop")
            file.write_text(f"{TOKEN}\n")
            return await source.refresh("sockshop")

    assert asyncio.run(scene()).startswith("main is new")


@pytest.mark.parametrize(
    ("token", "why"),
    [("", "could not read Username"), ("wrong-token", "Authentication failed")],
)
def test_a_closed_repository_is_an_error_and_no_absence(served, content, token, why):
    _, address = served(token=TOKEN)

    with pytest.raises(SourceUnavailable, match=why):
        content(address, credentials=Credentials(token=token))


def test_a_token_file_that_cannot_be_read_is_an_error(served, content, tmp_path):
    _, address = served()

    with pytest.raises(SourceUnavailable, match="file of the Git token cannot be read: No such"):
        content(address, credentials=Credentials(token_file=tmp_path / "none"))


def test_a_token_of_two_lines_is_not_passed_on(served, content):
    _, address = served(token=TOKEN)

    with pytest.raises(SourceUnavailable, match="more than one line"):
        content(address, credentials=Credentials(token=f"{TOKEN}\nhost=elsewhere"))


def test_the_token_shows_nowhere(served, use, ask, caplog, mirrors):
    """While Git runs, its arguments and its environment are looked at all the time."""
    server, address = served(token="another-one")
    credentials = Credentials(token=TOKEN)
    caplog.set_level(logging.DEBUG)
    seen, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    seen.append((process / "cmdline").read_bytes())
                    if b"git" in seen[-1]:
                        seen.append((process / "environ").read_bytes())
                except OSError:
                    continue

    async def scene():
        async with use(address, credentials=credentials) as source:
            with pytest.raises(SourceUnavailable) as caught:
                await source.refresh("sockshop")
            server.token = TOKEN
            await source.refresh("sockshop")
            return str(caught.value), source.troubles()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        error, troubles = asyncio.run(scene())
    finally:
        stop.set()
        watcher.join()

    assert any(b"fetch" in line for line in seen)
    assert not any(TOKEN.encode() in line for line in seen)
    stored = b"".join(path.read_bytes() for path in mirrors.rglob("*") if path.is_file())
    assert TOKEN.encode() not in stored
    assert TOKEN not in error + repr(troubles) + caplog.text + repr(credentials)


def test_a_redirect_is_not_followed(served, make_server, content):
    server, address = served()
    other = make_server()
    server.redirect_to = other.address

    with pytest.raises(SourceUnavailable, match="302"):
        content(address)
    assert other.asked == []


def test_a_repository_that_is_not_there_is_an_error(served, content):
    server, _ = served()

    with pytest.raises(SourceUnavailable, match="could not be fetched"):
        content(f"{server.address}/nothing.git")


def test_a_remote_that_refuses_connections_is_an_error(served, content):
    with pytest.raises(SourceUnavailable, match=r"(?i)connect"):
        content("http://127.0.0.1:9/scripts.git")


def test_a_silent_remote_is_given_up_and_leaves_no_process(silent_server, use, ask, git_processes):
    async def scene():
        async with use(f"{silent_server}/scripts.git", timeout=0.5) as source:
            began = time.monotonic()
            with pytest.raises(SourceUnavailable, match=r"no complete answer within 0\.5 s"):
                await source.look_up(ask("a.sh"))
            return time.monotonic() - began, git_processes(silent_server)

    seconds, living = asyncio.run(scene())

    assert 0.4 < seconds < 5
    assert living == []


def test_other_projects_are_served_while_one_remote_is_silent(served, use, ask):
    server, _ = served()
    stuck = threading.Event()
    normal = server.RequestHandlerClass

    class Stuck(normal):
        def do_GET(self):  # noqa: N802  # as http.server calls it
            if self.path.startswith("/stuck.git"):
                stuck.wait(20)
            else:
                normal.do_GET(self)

    server.RequestHandlerClass = Stuck

    async def scene():
        async with use(f"{server.address}/{{project}}.git", timeout=10) as source:
            waiting = asyncio.create_task(source.look_up(ask("a.sh", project="stuck")))
            listing = await source.look_up(ask("a.sh", project="remote"))
            still = not waiting.done()
            stuck.set()
            await asyncio.gather(waiting, return_exceptions=True)
            return len(listing.found), still

    assert asyncio.run(scene()) == (1, True)


def test_closing_ends_a_fetch_that_hangs(silent_server, use, git_processes):
    async def scene():
        async with use(f"{silent_server}/scripts.git", timeout=60) as source:
            fetching = asyncio.create_task(source.refresh("sockshop"))
            deadline = time.monotonic() + 10
            while not git_processes(silent_server):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
        with pytest.raises(SourceUnavailable, match="shutting down"):
            await fetching

    began = time.monotonic()
    asyncio.run(scene())

    assert time.monotonic() - began < 10
    assert git_processes(silent_server) == []


def test_a_known_mirror_answers_at_once_while_the_remote_is_silent(served, use, ask, clock):
    server, address = served()
    open_again = threading.Event()

    class Silent(server.RequestHandlerClass):
        def do_GET(self):  # noqa: N802  # as http.server calls it
            open_again.wait(20)

    async def scene():
        async with use(address, interval=5) as source:
            await source.look_up(ask("a.sh"))
            source._commands._timeout = 0.3
            server.RequestHandlerClass = Silent
            with pytest.raises(SourceUnavailable):
                await source.refresh("sockshop")
            clock.ahead += 60
            running = asyncio.create_task(source.refresh("sockshop"))
            await asyncio.sleep(0)
            began = time.monotonic()
            listing = await source.look_up(ask("a.sh"))
            seconds = time.monotonic() - began
            await asyncio.gather(running, return_exceptions=True)
            open_again.set()
            return listing, seconds

    listing, seconds = asyncio.run(scene())

    assert (len(listing.found), listing.fresh) == (1, False)
    assert seconds < 0.3


def test_nothing_of_the_credentials_prints():
    credentials = Credentials(
        user="someone", token=TOKEN, token_file=Path("/t"), ssh_key_file=Path("/k")
    )

    assert repr(credentials) == "Credentials()"


def test_ssh_is_called_without_configuration_and_with_known_hosts_only():
    credentials = Credentials(
        ssh_key_file=Path("/keys/the key"), known_hosts_file=Path("/keys/known hosts")
    )

    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {credentials.ssh_command(timeout=30)}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert words[:5] == ["ssh", "-F", "/dev/null", "-i", "/keys/the key"]
    assert 'UserKnownHostsFile="/keys/known hosts"' in words
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} <= set(words)
