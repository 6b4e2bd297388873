"""Which events are meant for us."""

import pytest

from service.intake.keptn.subscriptions import Subscription, read_subscriptions, topic_matches
from service.keptn_events import Belonging

TEST = "sh.keptn.event.test.triggered"


@pytest.mark.parametrize(
    ("topic", "type_", "matches"),
    [
        (TEST, TEST, True),
        (TEST, "sh.keptn.event.test.started", False),
        ("sh.keptn.event.*.triggered", TEST, True),
        ("sh.keptn.event.*.triggered", "sh.keptn.event.dev.delivery.triggered", False),
        ("sh.keptn.>", TEST, True),
        ("sh.keptn.>", "sh.keptn", False),
        (">", "push", True),
        ("sh.keptn.event.test", TEST, False),
    ],
)
def test_topics_match_as_subjects_do_at_nats(topic, type_, matches):
    assert topic_matches(topic, type_) is matches


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (Belonging(project="shop", stage="dev", service="carts"), True),
        (Belonging(project="shop", stage="hardening", service="carts"), True),
        (Belonging(project="other", stage="dev", service="carts"), False),
        (Belonging(project="shop", stage="prod", service="carts"), False),
        (Belonging(project="shop"), False),
    ],
)
def test_all_lists_must_agree_and_each_names_alternatives(place, wanted):
    subscription = Subscription(topic=TEST, projects=("shop",), stages=("dev", "hardening"))
    assert subscription.wants(TEST, place) is wanted


def test_a_subscription_is_written_with_all_three_lists():
    assert Subscription(topic=TEST, projects=("shop",)).document() == {
        "event": TEST,
        "filter": {"projects": ["shop"], "stages": [], "services": []},
    }


def test_what_is_written_is_read_again():
    one = Subscription(topic=TEST, projects=("a", "b"), services=("c",))
    assert read_subscriptions({"subscriptions": [one.document()]}) == (one,)


def test_the_form_of_keptn_0_8_4_is_read():
    old = {
        "subscription": {
            "topics": [TEST, "sh.keptn.event.deployment.triggered"],
            "filter": {"project": "a,b", "stage": "", "service": ""},
        }
    }
    assert read_subscriptions(old) == (
        Subscription(topic=TEST, projects=("a", "b")),
        Subscription(topic="sh.keptn.event.deployment.triggered", projects=("a", "b")),
    )


@pytest.mark.parametrize("broken", [None, "x", {}, {"event": 5}, {"event": "a..b"}, {"event": ""}])
def test_what_is_no_subscription_is_left_out(broken):
    good = Subscription(topic=TEST)
    assert read_subscriptions({"subscriptions": [broken, good.document()]}) == (good,)
