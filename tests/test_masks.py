"""Secret values are recognised in the clothes they travel in."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.masks import SHORTEST, Masks, secret_values

SECRET = 'p?ss/wörd+"1\\~'
# Three stars replace a value; a secret that has stars of its own could reappear from them.
SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="*"), min_size=SHORTEST, max_size=30
)
BYTES = st.binary(max_size=8)
TEXTS = st.text(max_size=20)

quickly = settings(max_examples=100, deadline=None)


def encoded_part(prefix, secret, encoded):
    """Return the characters of base64 that hold bits of the secret and of nothing else."""
    start, end = 8 * len(prefix), 8 * (len(prefix) + len(secret.encode()))
    return encoded[-(-start // 6) : end // 6]


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_masked_in_each_of_its_forms(form):
    masked = Masks([SECRET]).text(f"before {form} after")

    assert form not in masked
    assert masked.startswith("before ***")
    assert masked.endswith(" after")


@pytest.mark.parametrize("form", ["a&lt;b&amp;c&gt;d", "a\\u003cb\\u0026c\\u003ed"])
def test_a_secret_is_masked_in_its_html_safe_forms(form):
    assert Masks(["a<b&c>d"]).text(form) == "***"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("length", range(6, 13))
def test_base64_is_masked_at_every_alignment(encode, shift, length):
    secret = "s>c?e~\xff1!2@3"[:length]
    prefix = b"user:x"[:shift]
    encoded = encode(prefix + secret.encode() + b":rest").decode()

    masked = Masks([secret]).text(f"Authorization: Basic {encoded}")

    assert "***" in masked
    assert encoded_part(prefix, secret, encoded) not in masked


@quickly
@given(SECRETS, TEXTS, TEXTS)
@example("aaaaaa", "aaa", "aaaa")
@example("abaaba", "aba", "aba")
def test_a_masked_text_never_contains_the_secret(secret, before, after):
    forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    text = before + after.join(sorted(forms)) + after

    masked = Masks([secret]).text(text)

    assert not [form for form in forms if form in masked]


@quickly
@given(SECRETS, BYTES, BYTES)
def test_a_masked_text_never_contains_the_secret_in_base64(secret, before, after):
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(before + secret.encode() + after).decode()

        masked = Masks([secret]).text(encoded)

        assert encoded_part(before, secret, encoded) not in masked


@quickly
@given(SECRETS, BYTES, BYTES)
def test_bytes_are_masked_like_texts(secret, before, after):
    masked = Masks([secret]).bytes(before + secret.encode() + after)

    assert secret.encode() not in masked


@quickly
@given(SECRETS, st.text(st.characters(codec="ascii"), max_size=30))
def test_a_text_without_a_secret_stays_as_it_is(secret, text):
    masked = Masks([secret + "\N{SNOWMAN}"]).text(text)

    assert masked == text


def test_of_two_secrets_the_longer_one_is_masked_whole():
    assert Masks(["secret", "secret-longer"]).text("secret-longer, secret") == "***, ***"


def test_several_lines_are_one_secret():
    assert Masks(["line 1\nline 2"]).text("<line 1\nline 2>") == "<***>"


def test_characters_with_a_meaning_in_patterns_are_ordinary_here():
    assert Masks([".*.*.*"]).text("anything .*.*.*") == "anything ***"


def test_bytes_that_are_no_text_are_kept():
    assert Masks(["secret-1"]).bytes(b"\xff secret-1 \xfe\0") == b"\xff *** \xfe\0"


@pytest.mark.parametrize("value", ["", "a", "12345"])
def test_a_short_value_is_no_secret(value):
    assert Masks([value]).text("a 12345 b") == "a 12345 b"


def test_without_secrets_nothing_changes():
    assert Masks().text("text") == "text"
    assert Masks().bytes(b"\xff") == b"\xff"


@pytest.mark.parametrize(("values", "shown"), [(["secret-1"], "Masks(some)"), ([], "Masks(none)")])
def test_masks_do_not_print_what_they_hide(values, shown):
    assert repr(Masks(values)) == shown


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("API_TOKEN", True),
        ("api_token", True),
        ("TOKENS", False),
        ("DB_PASSWORD_1", True),
        ("USER", False),
    ],
)
def test_a_secret_is_known_by_the_name_of_its_variable(name, secret):
    found = secret_values({name: "value"}, ["*_token", "*PASSWORD*"])

    assert found == (["value"] if secret else [])


@quickly
@given(st.lists(SECRETS, min_size=1, max_size=3), st.lists(BYTES, max_size=30), st.data())
def test_content_in_pieces_is_masked_as_the_whole_would_be(secrets, noise, data):
    hidden = [data.draw(st.sampled_from(secrets)).encode() for _ in noise]
    whole = b"".join(part for pair in zip(noise, hidden, strict=True) for part in pair)
    borders = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    masks = Masks(secrets)
    mask = masks.flowing()

    seen = b""
    for start, end in zip([0, *borders], [*borders, len(whole)], strict=True):
        seen += mask.add(whole[start:end])

    assert masks.bytes(whole).startswith(seen)
    assert len(masks.bytes(whole)) - len(seen) <= 400  # what is held back is short


def test_only_what_may_begin_a_secret_is_held_back():
    mask = Masks(["secret-value"]).flowing()

    assert mask.add(b"no secrets, but secret-") == b"no secrets, but "
    assert mask.add(b"service") == b"secret-service"
    assert mask.add(b", secret-value") == b", ***"
