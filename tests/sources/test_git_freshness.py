"""New commits, remotes that are down, and how many fetches that takes."""

import asyncio
import os
import resource
import time
from datetime import UTC, datetime

import pytest

from service.errors import SourceUnavailable

A = {"generic-executor/a.sh": "first"}


async def content_of(source, question):
    (found,) = (await source.look_up(question)).found.values()
    return (await source.read(found)).decode()


async def eventually(condition, *, within=10.0):
    deadline = time.monotonic() + within
    while not await condition():
        assert time.monotonic() < deadline, "in vain"
        await asyncio.sleep(0.02)


def test_a_refresh_says_what_is_new(make_remote, use, ask):
    remote = make_remote(A)
    first = remote.git("rev-parse", "main")[:7]

    async def scene():
        async with use(remote.address) as source:
            words = [await source.refresh("sockshop"), await source.refresh("sockshop")]
            second = remote.commit({"generic-executor/a.sh": "second"})[:7]
            dev = remote.commit(A, branch="dev")[:7]
            words.append(await source.refresh("sockshop"))
            remote.delete("dev")
            words.append(await source.refresh("sockshop"))
            return words, second, dev, await content_of(source, ask("a.sh"))

    words, second, dev, content = asyncio.run(scene())

    assert words == [
        f"main is new at {first}",
        "nothing new",
        f"dev is new at {dev}; main is now {second} (was {first})",
        "dev is gone",
    ]
    assert content == "second"


def test_new_commits_are_found_without_being_asked_for(make_remote, use, ask):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address, interval=0.1) as source:
            before = await content_of(source, ask("a.sh"))
            remote.commit({"generic-executor/a.sh": "second"})

            async def changed():
                return await content_of(source, ask("a.sh")) == "second"

            await eventually(changed)
            return before

    assert asyncio.run(scene()) == "first"


def test_a_rewritten_history_is_followed_and_old_finds_stay_readable(make_remote, use, ask):
    remote = make_remote(A)
    remote.commit({"generic-executor/a.sh": "to be rewritten"})

    async def scene():
        async with use(remote.address) as source:
            (old,) = (await source.look_up(ask("a.sh"))).found.values()
            remote.commit({"generic-executor/a.sh": "rewritten"}, anew=True)
            await source.refresh("sockshop")
            (new,) = (await source.look_up(ask("a.sh"))).found.values()
            return await source.read(old), await source.read(new)

    assert asyncio.run(scene()) == (b"to be rewritten", b"rewritten")


def test_a_deleted_branch_counts_as_absent(make_remote, use, ask):
    remote = make_remote(A, branches={"dev": A})

    async def scene():
        async with use(remote.address) as source:
            before = await source.look_up(ask("a.sh"))
            remote.delete("dev")
            await source.refresh("sockshop")
            return before, await source.look_up(ask("a.sh"))

    before, after = asyncio.run(scene())

    assert (len(before.found), len(after.found)) == (2, 1)
    assert {place.branch for place in after.commits} == {None}


def test_a_branch_may_become_a_folder_of_branches(make_remote, use, ask):
    remote = make_remote(A, branches={"dev": A})

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            remote.delete("dev")
            remote.commit(A, branch="dev/one")
            return await source.refresh("sockshop")

    assert "dev is gone" in asyncio.run(scene())


def test_twenty_look_ups_at_once_make_one_fetch(make_remote, make_server, use, ask):
    remote = make_remote(A)
    server = make_server()

    async def scene():
        async with use(f"{server.address}/{remote.path.name}", default_branch="main") as source:
            return await asyncio.gather(*(source.look_up(ask("a.sh")) for _ in range(20)))

    listings = asyncio.run(scene())

    assert {len(listing.found) for listing in listings} == {1}
    assert len([path for path, _ in server.asked if "info/refs" in path]) == 1


def test_a_look_up_does_not_wait_for_a_fetch_that_is_recent_enough(make_remote, use, ask, clock):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address, interval=5) as source:
            await source.look_up(ask("a.sh"))
            remote.commit({"generic-executor/a.sh": "second"})
            clock.ahead += 9
            early = await content_of(source, ask("a.sh"))
            clock.ahead += 2
            return early, await content_of(source, ask("a.sh"))

    assert asyncio.run(scene()) == ("first", "second")


def test_two_sources_share_a_directory_of_mirrors(make_remote, use, ask):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as one, use(remote.address) as other:
            return await asyncio.gather(
                *(content_of(source, ask("a.sh")) for source in (one, other))
            )

    assert asyncio.run(scene()) == ["first", "first"]


def test_a_remote_that_is_down_at_the_start_is_no_reason_not_to_start(make_remote, use, ask):
    remote = make_remote(A)
    back = remote.away()

    async def scene():
        async with use(remote.address, interval=0.1) as source:
            with pytest.raises(SourceUnavailable, match="could not be fetched") as caught:
                await source.look_up(ask("a.sh"))
            troubles = source.troubles()
            back()

            async def healthy():
                return not source.troubles()

            await eventually(healthy)
            return str(caught.value), troubles, await content_of(source, ask("a.sh"))

    error, troubles, content = asyncio.run(scene())

    assert troubles == (f"{remote.address}: {error}",)
    assert content == "first"


def test_a_place_without_a_repository_is_named_and_not_only_that_nothing_came(use, ask, tmp_path):
    async def scene():
        async with use(f"file://{tmp_path}") as source:
            await source.look_up(ask("a.sh"))

    with pytest.raises(SourceUnavailable) as caught:
        asyncio.run(scene())

    assert f"'{tmp_path}' does not appear to be a git repository" in str(caught.value)


def test_a_remote_that_goes_down_leaves_what_the_mirror_knows(make_remote, use, ask):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            back = remote.away()
            with pytest.raises(SourceUnavailable):
                await source.refresh("sockshop")
            down = await source.look_up(ask("a.sh"))
            back()
            await source.refresh("sockshop")
            return down, await source.look_up(ask("a.sh"))

    down, up = asyncio.run(scene())

    assert (down.fresh, len(down.found)) == (False, 1)
    assert down.note.startswith(f"mirror of {datetime.now(UTC):%Y-%m-%dT}")
    assert "the Git remote could not be fetched" in down.note
    assert (up.fresh, up.note, len(up.found)) == (True, "", 1)


def test_a_new_start_serves_from_the_mirror_while_the_remote_is_down(make_remote, use, ask):
    remote = make_remote(A, default="trunk")

    async def once():
        async with use(remote.address) as source:
            return await source.look_up(ask("a.sh"))

    before = asyncio.run(once())
    remote.away()
    after = asyncio.run(once())

    assert (before.found, after.found) == (before.found, before.found)
    assert (before.fresh, after.fresh) == (True, False)


def test_a_mirror_that_is_too_old_is_not_used(make_remote, use, ask, clock):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address, max_staleness=300) as source:
            await source.look_up(ask("a.sh"))
            remote.away()
            clock.ahead += 250
            within = await source.look_up(ask("a.sh"))
            clock.ahead += 100
            with pytest.raises(SourceUnavailable, match="is older than allowed"):
                await source.look_up(ask("a.sh"))
            return within

    assert asyncio.run(scene()).fresh is False


def test_an_unknown_commit_is_not_final_while_the_remote_is_down(make_remote, use, ask, clock):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            remote.away()
            clock.ahead += 2
            return await source.look_up(ask("a.sh", at="deadbeef"))

    listing = asyncio.run(scene())

    assert (listing.fresh, listing.problem) == (False, "commit deadbeef is not in the mirror")


def test_a_repository_that_nobody_uses_is_let_go(make_remote, use, ask, clock, git_processes):
    remote = make_remote(A)
    mirrors = remote.path.with_name("mirrors")

    async def scene():
        async with use(remote.address, interval=0.1) as source:
            await source.look_up(ask("a.sh"))
            clock.ahead += 4000

            async def gone():
                return not source._repositories

            await eventually(gone)
            living = git_processes(mirrors)
            return living, await content_of(source, ask("a.sh"))

    assert asyncio.run(scene()) == ([], "first")


def test_a_full_disk_leaves_the_mirror_as_it_was(make_remote, use, ask):
    """The file-size limit stands in for the disk: Git cannot write the new objects."""
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            await source.look_up(ask("a.sh"))
            remote.commit({"big": os.urandom(300_000)})
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
            try:
                with pytest.raises(SourceUnavailable):
                    await source.refresh("sockshop")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            full = await source.look_up(ask("a.sh"))
            return full, await source.refresh("sockshop")

    full, words = asyncio.run(scene())

    assert (full.fresh, len(full.found)) == (False, 1)
    assert words.startswith("main is now")


@pytest.mark.parametrize("leftover", ["packed-refs.lock", "refs/heads/main.lock", "HEAD.lock"])
def test_locks_left_by_a_killed_fetch_are_removed(make_remote, use, mirrors, leftover):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            await source.refresh("sockshop")
            (mirror,) = mirrors.glob("*.git")
            (mirror / leftover).parent.mkdir(parents=True, exist_ok=True)
            (mirror / leftover).touch()
            remote.commit({"generic-executor/a.sh": "second"})
            return await source.refresh("sockshop")

    assert asyncio.run(scene()).startswith("main is now")
