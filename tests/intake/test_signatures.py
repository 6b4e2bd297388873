"""What counts as a signature: the right bytes, the right secret, the right moment."""

import base64
import hashlib
import hmac

import pytest

from service.intake.asgi import Request
from service.intake.signatures import (
    Algorithm,
    Encoding,
    Signature,
    github,
    places_in,
    standard_webhooks,
)

SECRET = b"a secret of the tests"
NOW = 1_800_000_000.0


def request(**headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(method="POST", path="/", headers=pairs, peer="192.0.2.1")


def mac(content, secret=SECRET, algorithm="sha256"):
    return hmac.digest(secret, content, algorithm)


def holds(signature, body, **headers):
    return signature.holds(request(**headers), body, now=NOW, tolerance=300.0)


def webhook(body, *, at=NOW, secret=SECRET, id_="msg_1"):
    stamp = str(int(at))
    signed = f"{id_}.{stamp}.".encode() + body
    return {
        "webhook_id": id_,
        "webhook_timestamp": stamp,
        "webhook_signature": "v1," + base64.b64encode(mac(signed, secret)).decode(),
    }


def test_the_example_in_the_documentation_of_github_holds():
    signature = github((b"It's a Secret to Everybody",))
    shown = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert holds(signature, b"Hello, World!", x_hub_signature_256=shown)


def test_the_example_in_the_specification_of_standard_webhooks_holds():
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    shown = {
        "webhook_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook_timestamp": "1614265330",
        "webhook_signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    held = standard_webhooks((key,)).holds(
        request(**shown), b'{"test": 2432232314}', now=1614265330.5, tolerance=300.0
    )

    assert held


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "sha256=",
        mac(b"body").hex(),
        "sha256=" + mac(b"body").hex()[:-2],
        "sha256=" + mac(b"body").hex() + "00",
        "sha256=" + mac(b"other").hex(),
        "sha256=" + mac(b"body", b"another secret").hex(),
        "sha1=" + mac(b"body", algorithm="sha1").hex(),
        "sha512=" + mac(b"body", algorithm="sha512").hex(),
        "sha256=" + base64.b64encode(mac(b"body")).decode(),
        "sha256=zz",
        "sha256=\N{LATIN SMALL LETTER E WITH ACUTE}",
    ],
)
def test_what_is_missing_wrong_truncated_or_of_another_kind_does_not_hold(shown):
    assert not holds(github((SECRET,)), b"body", x_hub_signature_256=shown)


def test_the_signature_is_over_the_bytes_as_they_came():
    shown = "sha256=" + mac(b'{"a": 1}').hex()

    assert holds(github((SECRET,)), b'{"a": 1}', x_hub_signature_256=shown)
    assert not holds(github((SECRET,)), b'{"a":1}', x_hub_signature_256=shown)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)]
)
def test_a_signed_time_is_good_for_the_tolerance(seconds, expected):
    shown = webhook(b"body", at=NOW + seconds)

    assert holds(standard_webhooks((SECRET,)), b"body", **shown) is expected


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_timestamp": str(int(NOW) + 1)},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "-1"},
        {"webhook_timestamp": "9" * 5000},
        {"webhook_timestamp": "\N{ARABIC-INDIC DIGIT ONE}"},
        {"webhook_id": "msg_2"},
        {"webhook_id": ""},
    ],
)
def test_time_and_id_are_part_of_what_is_signed(change):
    assert not holds(standard_webhooks((SECRET,)), b"body", **(webhook(b"body") | change))


def test_a_time_that_stands_twice_does_not_hold():
    headers = [*request(**webhook(b"body")).headers, (b"webhook-timestamp", b"1")]
    shown = Request(method="POST", path="/", headers=headers, peer="")

    assert not standard_webhooks((SECRET,)).holds(shown, b"body", now=NOW, tolerance=300.0)


def test_one_valid_signature_of_several_is_enough():
    right = webhook(b"body")
    wrong = webhook(b"body", secret=b"another secret")["webhook_signature"]
    several = {"webhook_signature": f"v1a,xyz {wrong} {right['webhook_signature']}"}

    assert holds(standard_webhooks((SECRET,)), b"body", **(right | several))


@pytest.mark.parametrize("between", [",", ", ", " "])
def test_several_signatures_of_a_kind_of_ones_own_stand_apart(between):
    signature = Signature(header=b"x-signature", prefix="v=", secrets=(SECRET,))
    shown = between.join(["v=" + "0" * 64, "v=" + mac(b"body").hex()])

    assert holds(signature, b"body", x_signature=shown)


def test_only_the_first_sixteen_signatures_are_looked_at():
    right = "sha256=" + mac(b"body").hex()

    assert holds(github((SECRET,)), b"body", x_hub_signature_256="sha256=00 " * 15 + right)
    assert not holds(github((SECRET,)), b"body", x_hub_signature_256="sha256=00 " * 16 + right)


def test_each_of_several_secrets_is_good():
    signature = github((b"the old secret of tests", SECRET))

    assert holds(signature, b"body", x_hub_signature_256="sha256=" + mac(b"body").hex())


def test_a_kind_of_ones_own_names_algorithm_encoding_and_content():
    signature = Signature(
        header=b"x-slack-signature",
        algorithm=Algorithm.SHA512,
        encoding=Encoding.BASE64,
        prefix="v0=",
        content="v0:{x-slack-request-timestamp}:{body}",
        timestamp=b"x-slack-request-timestamp",
        secrets=(SECRET,),
    )
    signed = mac(b"v0:1800000000:body", algorithm="sha512")
    shown = {
        "x_slack_request_timestamp": "1800000000",
        "x_slack_signature": "v0=" + base64.b64encode(signed).decode(),
    }

    assert holds(signature, b"body", **shown)
    assert signature.covers(b"x-slack-request-timestamp")
    assert not signature.covers(b"ce-type")


def test_no_secret_is_printed():
    assert SECRET.decode() not in repr(github((SECRET,)))


@pytest.mark.parametrize("content", ["{body", "{a b}{body}", "}{body}", "{}{body}"])
def test_braces_hold_names(content):
    with pytest.raises(ValueError, match="braces"):
        places_in(content)


def test_no_signature_holds_without_secrets():
    empty = hashlib.sha256(b"body").hexdigest()

    assert not holds(github(()), b"body", x_hub_signature_256=f"sha256={empty}")
