"""Mirrors that are damaged, and processes that die or hang."""

import asyncio
import os
import signal
import time

import pytest

from service.errors import SourceUnavailable
from service.sources.git import GitSource
from service.sources.objects import Objects

A = {"generic-executor/a.sh": "the script"}


def loose(mirror, id_):
    return mirror / "objects" / id_[:2] / id_[2:]


def overwrite(path, content):
    path.chmod(0o600)
    path.write_bytes(content)


def truncate_packs(mirror, remote):
    for pack in mirror.glob("objects/pack/*.pack"):
        overwrite(pack, pack.read_bytes()[: pack.stat().st_size // 2])


def delete_blob(mirror, remote):
    loose(mirror, remote.git("rev-parse", "main:generic-executor/a.sh")).unlink()


def empty_tree(mirror, remote):
    overwrite(loose(mirror, remote.git("rev-parse", "main:generic-executor")), b"")


def swap_blob(mirror, remote):
    """A valid object under a wrong name: only its own hash tells."""
    other = loose(mirror, remote.git("rev-parse", "main:other")).read_bytes()
    overwrite(loose(mirror, remote.git("rev-parse", "main:generic-executor/a.sh")), other)


def delete_commit(mirror, remote):
    loose(mirror, remote.git("rev-parse", "main")).unlink()


def empty_ref(mirror, remote):
    overwrite(mirror / "refs" / "heads" / "main", b"")


def break_config(mirror, remote):
    overwrite(mirror / "config", b"[core\n\xff")


def delete_head(mirror, remote):
    (mirror / "HEAD").unlink()


@pytest.fixture
def damaged(make_remote, use, mirrors, ask):
    """Damage the mirror between two lives of a source; return what the second one says."""

    def scene(damage, *, packed=False, down=False, files=A):
        remote = make_remote(files | {"other": "another content"})
        if packed:
            remote.commit({f"file{number}": f"{number}" * 50 for number in range(200)})

        async def life(*, read):
            async with use(remote.address) as source:
                (found,) = (await source.look_up(ask("a.sh"))).found.values()
                return await source.read(found) if read else b""

        asyncio.run(life(read=False))
        (mirror,) = mirrors.glob("*.git")
        damage(mirror, remote)
        if down:
            remote.away()
        return asyncio.run(life(read=True))

    return scene


DAMAGES = [
    delete_blob, empty_tree, swap_blob, delete_commit, empty_ref, break_config, delete_head
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mirror_is_made_anew_and_the_question_answered(damaged, damage):
    assert damaged(damage) == b"the script"


def test_a_truncated_pack_is_noticed(damaged):
    assert damaged(truncate_packs, packed=True) == b"the script"


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_never_taken_for_absence_while_the_remote_is_down(damaged, damage):
    with pytest.raises(SourceUnavailable, match="damaged"):
        damaged(damage, down=True)


def test_damage_is_repaired_in_the_middle_of_a_life(make_remote, use, ask, mirrors):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            (mirror,) = mirrors.glob("*.git")
            delete_blob(mirror, remote)
            return await asyncio.gather(*(source.read(found) for _ in range(5)))

    assert asyncio.run(scene()) == [b"the script"] * 5


def test_a_mirror_that_vanished_is_made_anew(make_remote, use, ask, mirrors, tmp_path):
    remote = make_remote(A)

    async def scene():
        async with use(remote.address) as source:
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            (mirror,) = mirrors.glob("*.git")
            mirror.rename(tmp_path / "gone")
            await source.refresh("sockshop")
            return await source.read(found)

    assert asyncio.run(scene()) == b"the script"


def reader_of(source: GitSource):
    (repository,) = source._repositories.values()
    return repository._objects


async def open_reader(source, ask):
    await source.look_up(ask("a.sh"))
    return reader_of(source)


def test_a_reader_that_was_killed_is_replaced(make_remote, use, ask):
    async def scene():
        async with use(make_remote(A).address) as source:
            objects: Objects = await open_reader(source, ask)
            os.kill(objects._talk.process.pid, signal.SIGKILL)
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            return await source.read(found)

    assert asyncio.run(scene()) == b"the script"


def test_a_reader_that_hangs_is_replaced(make_remote, use, ask):
    async def scene():
        async with use(make_remote(A).address) as source:
            objects: Objects = await open_reader(source, ask)
            objects._patience = 0.3
            os.kill(objects._talk.process.pid, signal.SIGSTOP)
            began = time.monotonic()
            (found,) = (await source.look_up(ask("a.sh"))).found.values()
            return await source.read(found), time.monotonic() - began

    content, seconds = asyncio.run(scene())

    assert content == b"the script"
    assert 0.2 < seconds < 5


def test_a_question_given_up_half_way_does_not_mix_up_the_next_answers(make_remote, use, ask):
    remote = make_remote(A)
    id_ = remote.git("rev-parse", "main:generic-executor/a.sh")

    async def scene():
        async with use(remote.address) as source:
            objects: Objects = await open_reader(source, ask)
            for _ in range(20):
                task = asyncio.create_task(objects.header("main"))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return await objects.content(id_, "blob", limit=100)

    assert asyncio.run(scene()) == b"the script"
