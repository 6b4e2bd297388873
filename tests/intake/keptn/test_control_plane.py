"""Registration and open events, at a scripted Keptn."""

import asyncio

import pytest

from service.errors import KeptnRefused, KeptnUnavailable
from service.intake.keptn.control_plane import ControlPlane
from service.intake.keptn.polling import Polling
from service.intake.keptn.registration import Integration, Registration
from service.intake.keptn.subscriptions import Subscription

TEST = "sh.keptn.event.test.triggered"
DEPLOY = "sh.keptn.event.deployment.triggered"
SHA = "ea4caa30233315068a5d2e3e7bb480851379c1e9"
ME = Integration(
    name="int", namespace="ns", node="n1", pod="p", version="1", location="control-plane"
)
PATIENCE = 10.0


async def until(true):
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.02)


def asking(keptn, story, *, path="/api", **options):
    """Run *story* with a control plane."""

    async def told():
        return await story(ControlPlane(keptn.url + path, **options))

    return asyncio.run(told())


def registered(keptn, story, **options):
    """Run *story* while we are registered; return what we were told of subscriptions."""
    changes, ids = [], []

    async def whole(control_plane):
        registration = Registration(
            control_plane,
            ME,
            wishes=(Subscription(topic=TEST, projects=("sockshop",)),),
            now=lambda: "2026-11-21T12:00:00Z",
            told=ids.append,
            changed=changes.append,
            ping=0.05,
            **options,
        )
        task = asyncio.create_task(registration.run())
        try:
            await until(lambda: ids and not registration.trouble)
            await story(changes)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await registration.close()
        return changes, ids

    return asking(keptn, whole)


def topics(subscriptions):
    return [one.topic for one in subscriptions]


def test_we_are_registered_under_the_id_keptn_makes_of_our_names(keptn):
    async def story(changes):
        await until(lambda: changes)
        (one,) = keptn.state()["integrations"].values()
        assert one["subscriptions"][0]["event"] == TEST
        assert one["subscriptions"][0]["filter"] == {
            "projects": ["sockshop"], "stages": [], "services": [],
        }  # fmt: skip

    _, ids = registered(keptn, story)

    assert set(ids) == {SHA}
    assert keptn.state()["deleted"] == [SHA]


def test_whoever_is_not_to_sign_off_stays_registered(keptn):
    async def story(changes):
        await until(lambda: changes)

    registered(keptn, story, sign_off=False)

    assert list(keptn.state()["integrations"]) == [SHA]


def test_a_registration_that_expired_is_made_again(keptn):
    async def story(changes):
        await until(lambda: changes)
        keptn.set(forgets=1)
        await until(lambda: calls(keptn, "POST /api/controlPlane/v1/uniform") == 2)

    registered(keptn, story)


def calls(keptn, beginning):
    return sum(one.startswith(beginning) for one in keptn.state()["calls"])


@pytest.mark.parametrize("wanted", [[], [DEPLOY], [DEPLOY, TEST]], ids=str)
def test_what_people_subscribe_us_to_wins_also_when_it_is_nothing(keptn, wanted):
    lists = {"projects": [], "stages": [], "services": []}

    async def story(changes):
        keptn.subscribe(SHA, *({"event": topic, "filter": lists} for topic in wanted))
        await until(lambda: changes and topics(changes[-1]) == wanted)

    changes, _ = registered(keptn, story)
    assert topics(changes[-1]) == wanted


def test_keptn_0_8_4_is_registered_at_again_and_our_wishes_count(keptn):
    keptn.set(version="0.8")

    async def story(changes):
        await until(lambda: calls(keptn, "POST /api/controlPlane/v1/uniform") >= 3)
        (one,) = keptn.state()["integrations"].values()
        assert one["subscription"]["topics"] == [TEST]
        assert one["subscription"]["filter"] == {"project": "sockshop", "stage": "", "service": ""}

    changes, _ = registered(keptn, story)
    assert changes == []


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"status": 401}, KeptnRefused, "GENEXEC_KEPTN_TOKEN_FILE"),
        ({"status": 429}, KeptnUnavailable, "answers 429"),
        ({"status": 503, "body": "<html>TOKEN"}, KeptnUnavailable, "<html>"),
        ({"status": 200, "body": "<html>"}, KeptnUnavailable, "not answer with JSON"),
        ({"cut": True}, KeptnUnavailable, "cannot be reached"),
        ({"hang": True}, KeptnUnavailable, "did not answer in 0.5 s"),
        ({"drip": True}, KeptnUnavailable, "did not answer in 0.5 s|cannot be reached"),
        ({"location": "http://127.0.0.1:9"}, KeptnRefused, "answers 302"),
    ],
    ids=str,
)
def test_an_api_that_does_not_answer_says_so_in_time_and_without_the_token(
    keptn, tmp_path, fault, error, said
):
    (tmp_path / "token").write_text("geheim\n")
    keptn.set(**fault)

    async def story(control_plane):
        with pytest.raises(error, match=said) as caught:
            await control_plane.ping(SHA)
        assert "geheim" not in str(caught.value)

    asking(keptn, story, token_file=tmp_path / "token", seconds=0.5)


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff"])
def test_a_token_that_cannot_be_sent_is_named(keptn, tmp_path, content):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    async def story(control_plane):
        with pytest.raises((KeptnRefused, KeptnUnavailable), match="token"):
            await control_plane.ping(SHA)

    asking(keptn, story, token_file=file)


def test_a_new_token_is_used_at_once(keptn, tmp_path):
    file = tmp_path / "token"
    file.write_text("old")
    keptn.set(token="new")

    async def story(control_plane):
        with pytest.raises(KeptnRefused):
            await control_plane.ping(SHA)
        file.write_text("new\n")
        assert await control_plane.ping(SHA) is None

    asking(keptn, story, token_file=file)


def test_inside_the_cluster_the_controller_itself_is_asked(keptn):
    async def story(control_plane):
        assert await control_plane.ping(SHA) is None

    asking(keptn, story, path="")
    assert keptn.state()["calls"] == [f"PUT /v1/uniform/registration/{SHA}/ping"]


async def read(events):
    return [event["id"] async for event in events]


@pytest.mark.parametrize("faulty", [False, True], ids=["pages", "the first page again and again"])
def test_each_open_event_is_seen_once(keptn, faulty):
    for _ in range(5):
        keptn.begin(["dev", "delivery", ["test"]])
    keptn.set(page=2, repeats_first_page=faulty)

    async def story(control_plane):
        return await read(control_plane.open_events(TEST))

    assert sorted(asking(keptn, story)) == sorted(keptn.state()["open"])


def test_a_project_that_is_not_known_has_no_events(keptn):
    async def story(control_plane):
        return await read(control_plane.open_events(TEST, project="other"))

    assert asking(keptn, story) == []


def polling(keptn, reception, story, *subscriptions):
    async def whole(control_plane):
        looking = Polling(
            control_plane, interval=0.05, reception=reception, subscriptions=subscriptions
        )
        task = asyncio.create_task(looking.run())
        try:
            await story(looking)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asking(keptn, whole)


def test_open_events_are_taken_once_however_often_they_are_seen(keptn, reception, inbox, called):
    keptn.begin(["dev", "delivery", ["test"]])

    async def story(looking):
        await until(lambda: inbox.arrivals)
        await until(lambda: calls(keptn, "GET") > 4)

    polling(keptn, reception, story, Subscription(topic=TEST, projects=("sockshop", "other")))
    assert [one.event.id for one in inbox.arrivals] == keptn.state()["open"]
    assert called == [1]


def test_after_a_failure_the_other_subscriptions_are_still_asked_for(keptn, reception, inbox):
    keptn.begin(["dev", "delivery", ["test"]])
    keptn.set(status=400, only=DEPLOY)

    async def story(looking):
        await until(lambda: inbox.arrivals and "answers 400" in looking.trouble)

    polling(keptn, reception, story, Subscription(topic=DEPLOY), Subscription(topic=TEST))
    assert len(inbox.arrivals) == 1


def test_an_api_that_comes_back_is_no_trouble_any_more(keptn, reception, inbox, caplog):
    keptn.begin(["dev", "delivery", ["test"]])
    keptn.set(status=503)

    async def story(looking):
        await until(lambda: "answers 503" in looking.trouble)
        keptn.set(status=0)
        await until(lambda: inbox.arrivals and not looking.trouble)

    polling(keptn, reception, story, Subscription(topic=TEST))
    assert sum("cannot be asked for" in line for line in caplog.messages) == 1


def test_patterns_and_other_kinds_are_told_to_bring_nothing(keptn, reception, caplog):
    async def story(looking):
        await asyncio.sleep(0)

    polling(keptn, reception, story, Subscription(topic="sh.keptn.>"))
    assert "nothing comes for sh.keptn.>" in caplog.text


def test_what_the_bridge_is_told_stands_in_the_log(keptn):
    entry = {"integrationid": SHA, "message": "m", "task": "test"}

    async def story(control_plane):
        await control_plane.log(entry)

    asking(keptn, story)
    assert keptn.state()["logs"] == [entry]
