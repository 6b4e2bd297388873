"""Every Keptn from 0.6 to 1.4, reached directly, by a distributor and by the public API."""

import asyncio

import pytest

from service.errors import SourceUnavailable

WAYS = [
    *((version, "direct", "") for version in ("0.6", "0.7", "0.8", "0.13", "0.16", "1.4")),
    *((version, "distributor", "") for version in ("0.8", "0.13", "0.16", "1.4")),
    *((version, "gateway", "/api") for version in ("0.8", "0.13", "0.16", "1.4")),
]


@pytest.fixture
def reached(keptn):
    """Make it a Keptn of a version, reached in a way; return the path below the host."""

    def make(version, access, path):
        keptn.set(version=version, access=access)
        return path

    return make


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_scripts_of_every_level_are_found(keptn, reached, look_up, shown, way):
    path = reached(*way)
    keptn.commit({"generic-executor/a.sh": b"project"})
    keptn.commit(
        {"generic-executor/b.sh": b"stage", "carts/genericexecutor/c.sh": b"service"}, branch="dev"
    )

    listing = look_up("a.sh", "b.sh", "c.sh", "d.sh", path=path)

    assert sorted(set(shown(listing))) == [
        "*:generic-executor/a.sh",
        "dev:carts/genericexecutor/c.sh",
        "dev:generic-executor/a.sh",
        "dev:generic-executor/b.sh",
    ]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_script_is_read_as_it_is(keptn, reached, use_keptn, ask, way):
    path = reached(*way)
    content = bytes(range(256)) + b"\r\n"
    keptn.commit({"generic-executor/test.triggered.sh": content})

    async def scene():
        async with use_keptn(path) as source:
            (found,) = (await source.look_up(ask(stage=""))).found.values()
            return await source.read(found)

    assert asyncio.run(scene()) == content


PLACE = "/v1/project/sockshop/resource/generic-executor"


@pytest.mark.parametrize(
    ("way", "asked"),
    [
        (("0.7", "direct", ""), f"{PLACE}%2Fa.sh"),
        (("0.8", "direct", ""), f"{PLACE}%252Fa.sh"),
        (("0.13", "gateway", "/api"), f"/api/configuration-service{PLACE}%252Fa.sh"),
        (("1.4", "gateway", "/api"), f"/api/resource-service{PLACE}%252Fa.sh"),
    ],
)
def test_the_name_of_a_file_leaves_encoded(reached, look_up, paths, way, asked):
    path = reached(*way)

    look_up("a.sh", "x.git.sh", path=path, stage="")

    assert asked.replace("a.sh", "x.git.sh") in [one.partition("?")[0] for one in paths()]


@pytest.mark.parametrize("name", ["a b.sh", "a+b.sh", "a%2Fb.sh", "ä€.sh", "a&b?c=d#e.sh"])
def test_a_name_with_any_character_arrives_as_it_is(keptn, look_up, name):
    keptn.commit({f"generic-executor/{name}": b"x"})

    listing = look_up(name, stage="")

    assert [found.name for found in listing.found.values()] == [name]


@pytest.mark.parametrize("name", ["../a.sh", "~a.sh", "a..b.sh"])
def test_a_name_that_keptn_refuses_is_not_asked_for(keptn, look_up, paths, name):
    keptn.set(version="0.8")

    assert look_up(name, stage="").found == {}
    assert [path for path in paths() if "pageSize" not in path] == []


def test_the_way_is_looked_for_once(keptn, use_keptn, ask):
    keptn.set(version="0.16", access="distributor")
    keptn.commit({"shipyard.yaml": b"x"}, project="other")

    async def scene():
        async with use_keptn() as source:
            await source.look_up(ask())
            await source.look_up(ask(project="other"))

    asyncio.run(scene())

    searched = [one["path"] for one in keptn.asked() if "hipyard.yaml" in one["path"]]
    assert searched == [
        f"{base}/project/sockshop/resource/%2573hipyard.yaml"
        for base in ("/v1", "/resource-service/v1", "/configuration-service/v1")
    ]


def test_the_way_is_looked_for_again_when_keptn_was_upgraded(keptn, use_keptn, ask, shown):
    keptn.set(version="0.16", access="gateway")
    keptn.commit({"generic-executor/test.triggered.sh": b"x"})

    async def scene():
        async with use_keptn("/api", interval=0.001) as source:
            before = await source.look_up(ask(stage=""))
            keptn.set(version="1.4")
            return before, await source.look_up(ask(stage=""))

    before, after = asyncio.run(scene())

    assert shown(before) == shown(after) == ["*:generic-executor/test.triggered.sh"]


def test_the_way_is_looked_for_again_when_keptn_was_away(keptn, use_keptn, ask, clock, shown):
    keptn.set(version="0.8")
    keptn.commit({"generic-executor/test.triggered.sh": b"x"})

    async def scene():
        async with use_keptn() as source:
            await source.look_up(ask(stage=""))
            keptn.set(version="0.7", cut=True, times=1)
            clock.ahead += 100
            with pytest.raises(SourceUnavailable, match="cannot be reached"):
                await source.look_up(ask(stage=""))
            clock.ahead += 100
            return await source.look_up(ask(stage=""))

    assert shown(asyncio.run(scene())) == ["*:generic-executor/test.triggered.sh"]


def test_files_in_folders_cannot_be_read_through_the_public_api_of_0_7(keptn, look_up, script):
    keptn.set(version="0.7", access="gateway")
    keptn.commit({script: b"x"})

    with pytest.raises(SourceUnavailable, match="does not know the way to a file"):
        look_up(path="/api")


def test_where_no_keptn_is_the_error_names_what_was_tried(keptn, look_up):
    keptn.set(access="gateway")

    with pytest.raises(
        SourceUnavailable,
        match=r"no resource API of Keptn at .*/v1 gave 404 with a web page.* is below /api",
    ):
        look_up()


def test_a_project_without_the_file_that_shows_the_way_is_an_error(keptn, look_up):
    keptn.commit({"shipyard.yaml": None})

    with pytest.raises(SourceUnavailable, match=r"sockshop has no shipyard\.yaml"):
        look_up()
