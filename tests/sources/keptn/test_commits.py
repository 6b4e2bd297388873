"""At which commit is read, what is remembered, and how few requests that takes."""

import asyncio

import pytest

from service.errors import SourceUnavailable

FILE = "generic-executor/test.triggered.sh"
SERVICE_FILE = f"carts/{FILE}"


@pytest.fixture
def scene(use_keptn):
    """Run a coroutine function on a source."""

    def run(story, path="", **options):
        async def opened():
            async with use_keptn(path, **options) as source:
                return await story(source)

        return asyncio.run(opened())

    return run


@pytest.fixture
def read(scene, ask):
    """Return commit and content by level, and the listing."""

    def look(*names, options=None, **question):
        async def story(source):
            listing = await source.look_up(ask(*names, **question))
            content = {
                found.place.level: (found.commit, await source.read(found))
                for found in listing.found.values()
            }
            return content, listing

        return scene(story, **(options or {}))

    return look


@pytest.mark.parametrize("version", ["0.8", "0.13", "0.16", "1.4"])
def test_the_commit_that_keptn_names_is_recorded(keptn, read, version):
    keptn.set(version=version)
    project = keptn.commit({FILE: b"project"})
    stage = keptn.commit({FILE: b"stage", SERVICE_FILE: b"service"}, branch="dev")

    content, _ = read()

    assert content == {
        "service": (stage, b"service"),
        "stage": (stage, b"stage"),
        "project": (project, b"project"),
    }


@pytest.mark.parametrize("version", ["0.6", "0.7"])
def test_where_keptn_names_no_commit_none_is_recorded(keptn, read, version):
    keptn.set(version=version)
    keptn.commit({FILE: b"project"})

    content, listing = read()

    assert content == {"project": ("", b"project")}
    assert set(listing.commits.values()) == {""}


def test_lists_without_a_commit_are_good_enough(keptn, read):
    keptn.set(version="0.16", versions_in_lists=False)
    commit = keptn.commit({FILE: b"project"})

    content, _ = read()

    assert content == {"project": (commit, b"project")}


@pytest.mark.parametrize("version", ["0.16", "1.4"])
@pytest.mark.parametrize("short", [7, 40])
def test_stage_and_service_are_read_at_the_commit_of_the_event(keptn, read, version, short):
    keptn.set(version=version)
    keptn.commit({FILE: b"old project"})
    pin = keptn.commit({FILE: b"old stage", SERVICE_FILE: b"old service"}, branch="dev")
    project = keptn.commit({FILE: b"new project"})
    keptn.commit({FILE: b"new stage", SERVICE_FILE: b"new service"}, branch="dev")

    content, listing = read(at=pin[:short])

    assert content == {
        "service": (pin[:short], b"old service"),
        "stage": (pin[:short], b"old stage"),
        "project": (project, b"new project"),
    }
    assert (listing.problem, listing.note) == ("", "")


def test_a_file_that_was_added_later_is_not_there_at_the_commit(keptn, read):
    pin = keptn.commit({"carts/x": b"x"}, branch="dev")
    keptn.commit({FILE: b"new", SERVICE_FILE: b"new"}, branch="dev")

    assert read(at=pin)[0] == {}


def test_a_file_that_was_removed_later_is_there_at_the_commit(keptn, read):
    pin = keptn.commit({FILE: b"old", "carts/x": b"x"}, branch="dev")
    keptn.commit({FILE: None}, branch="dev")

    assert read(at=pin)[0] == {"stage": (pin, b"old")}


@pytest.mark.parametrize("version", ["0.16", "1.4"])
def test_an_unknown_commit_is_a_problem_and_the_newest_files_tell_whose_event_it_is(
    keptn, read, version
):
    keptn.set(version=version)
    stage = keptn.commit({FILE: b"stage", "carts/x": b"x"}, branch="dev")

    content, listing = read(at="0" * 40)

    assert content == {"stage": (stage, b"stage")}
    assert listing.problem == f"commit {'0' * 40} is not known to Keptn"


def test_what_is_no_commit_id_is_a_problem_and_not_asked_for(keptn, read, paths):
    keptn.commit({FILE: b"stage"}, branch="dev")

    _, listing = read(at="main")

    assert listing.problem == "gitcommitid 'main' is not a commit id"
    assert [path for path in paths() if "gitCommitID=main" in path] == []


def test_a_keptn_that_fails_is_not_taken_for_an_unknown_commit(keptn, read):
    pin = keptn.commit({FILE: b"old"}, branch="dev")
    keptn.commit({FILE: b"new"}, branch="dev")
    keptn.set(status=500, body="{}", only=pin, times=1)

    with pytest.raises(SourceUnavailable, match="answered 500"):
        read(at=pin)


def test_an_old_keptn_reads_the_newest_commit_and_that_is_noted(keptn, read):
    keptn.set(version="0.13")
    pin = keptn.commit({FILE: b"old", "carts/x": b"x"}, branch="dev")
    newest = keptn.commit({FILE: b"new"}, branch="dev")

    content, listing = read(at=pin)

    assert content == {"stage": (newest, b"new")}
    assert listing.note == (f"this Keptn cannot read at a commit; read at {newest}, not at {pin}")


def test_one_look_up_is_a_few_requests_and_the_next_one_none(keptn, scene, ask, paths):
    keptn.commit({FILE: b"project"})
    keptn.commit({SERVICE_FILE: b"service"}, branch="dev")

    async def story(source):
        for _ in range(3):
            listing = await source.look_up(ask())
            for found in listing.found.values():
                await source.read(found)

    scene(story)

    lists = [path for path in paths() if "pageSize" in path]
    assert (len(lists), len(paths())) == (3, 6)


def test_twenty_look_ups_at_once_ask_once(keptn, scene, ask, paths):
    keptn.commit({FILE: b"project"})

    async def story(source):
        return await asyncio.gather(*(source.look_up(ask(stage="")) for _ in range(20)))

    listings = scene(story)

    assert [len(listing.found) for listing in listings] == [1] * 20
    assert len(paths()) == 2


def test_the_commit_of_the_newest_files_needs_no_further_requests(keptn, scene, ask, paths):
    keptn.commit({FILE: b"project"})
    newest = keptn.commit({SERVICE_FILE: b"service"}, branch="dev")

    async def story(source):
        await source.look_up(ask())
        asked = len(paths())
        await source.look_up(ask(at=newest))
        return len(paths()) - asked

    assert scene(story) == 0


def test_a_stage_that_has_just_been_made_is_seen_by_an_event_of_its_commit(
    keptn, scene, ask, clock
):
    async def story(source):
        before = await source.look_up(ask())
        pin = keptn.commit({SERVICE_FILE: b"service"}, branch="dev")
        clock.ahead += 2
        return before.found, await source.look_up(ask(at=pin)), pin

    before, after, pin = scene(story)

    assert before == {}
    assert [found.commit for found in after.found.values()] == [pin]


def test_an_old_keptn_fetches_from_its_git_remote_once_per_level(keptn, scene, ask, paths):
    keptn.set(version="0.8")
    keptn.commit({SERVICE_FILE: b"service"}, branch="dev")

    scene(lambda source: source.look_up(ask("a.sh", "b.sh")))

    files = [path.partition("/resource/") for path in paths() if "/resource/" in path]
    fetching = [level for level, _, name in files if "disableUpstreamSync=true" not in name]
    assert len(files) == 12
    assert [level.rpartition("/")[2] for level in fetching] == ["carts", "dev", "sockshop"]


def test_unchanged_files_are_not_read_again(keptn, scene, ask, clock, paths):
    keptn.commit({FILE: b"project"})

    async def story(source):
        await source.look_up(ask(stage=""))
        clock.ahead += 100
        await source.look_up(ask(stage=""))

    scene(story)

    assert len([path for path in paths() if "pageSize" in path]) == 2
    assert len([path for path in paths() if "generic-executor" in path]) == 1


@pytest.mark.parametrize("version", ["0.7", "0.8", "1.4"])
def test_a_new_commit_is_seen_after_the_interval(keptn, scene, ask, clock, version):
    keptn.set(version=version)
    keptn.commit({FILE: b"one"})

    async def story(source):
        async def content():
            (found,) = (await source.look_up(ask(stage=""))).found.values()
            return await source.read(found)

        read = [await content()]
        keptn.commit({FILE: b"two"})
        read.append(await content())
        clock.ahead += 100
        read.append(await content())
        return read

    assert scene(story) == [b"one", b"one", b"two"]


@pytest.mark.parametrize("version", ["0.7", "0.8", "1.4"])
def test_a_refresh_lets_a_new_commit_be_seen_at_once(keptn, scene, ask, version):
    keptn.set(version=version)
    keptn.commit({FILE: b"one"})

    async def story(source):
        await source.look_up(ask(stage=""))
        newest = keptn.commit({FILE: b"two"})
        said = await source.refresh("sockshop")
        (found,) = (await source.look_up(ask(stage=""))).found.values()
        return newest, said, await source.read(found)

    newest, said, content = scene(story)

    at = "" if version == "0.7" else f", it is at {newest[:7]}"
    assert (said, content) == (f"project sockshop is asked for anew{at}", b"two")


def test_a_refresh_of_a_project_that_cannot_be_asked_for_fails(keptn, scene):
    keptn.set(status=503)

    with pytest.raises(SourceUnavailable, match="answered 503"):
        scene(lambda source: source.refresh("sockshop"))


def test_what_runs_is_what_was_looked_up(keptn, scene, ask):
    first = keptn.commit({FILE: b"one"})

    async def story(source):
        (found,) = (await source.look_up(ask(stage=""))).found.values()
        keptn.commit({FILE: b"two"})
        return found.commit, await source.read(found)

    assert scene(story) == (first, b"one")


def test_after_a_restart_the_recorded_commit_is_read(keptn, scene, ask):
    keptn.commit({SERVICE_FILE: b"one"}, branch="dev")

    async def first(source):
        return list((await source.look_up(ask())).found.values())

    (found,) = scene(first)
    keptn.commit({SERVICE_FILE: b"two"}, branch="dev")

    assert scene(lambda source: source.read(found)) == b"one"


def test_after_a_restart_a_file_that_has_changed_is_an_error(keptn, scene, ask):
    keptn.set(version="0.7")
    keptn.commit({FILE: b"one"})

    async def first(source):
        return list((await source.look_up(ask(stage=""))).found.values())

    (found,) = scene(first)
    keptn.commit({FILE: b"two"})

    with pytest.raises(SourceUnavailable, match="was changed after it was looked up"):
        scene(lambda source: source.read(found))


def test_a_failure_is_told_until_keptn_is_back_and_not_caused_again_at_once(
    keptn, scene, ask, clock, paths
):
    keptn.commit({FILE: b"x"})

    async def story(source):
        keptn.set(status=503, only="pageSize")
        for _ in range(3):
            with pytest.raises(SourceUnavailable, match="answered 503"):
                await source.look_up(ask(stage=""))
        asked, troubles = len(paths()), source.troubles()
        keptn.set(status=0)
        clock.ahead += 100
        listing = await source.look_up(ask(stage=""))
        return asked, troubles, len(listing.found), source.troubles()

    asked, (trouble,), found, after = scene(story)

    assert (asked, found, after) == (1, 1, ())
    assert trouble.endswith(", project sockshop: Keptn answered 503: an empty body")
