"""The senders file: refused whole with everything that is wrong, followed when it changes."""

import os
from hashlib import sha256

import pytest

from service.errors import BadSettings
from service.intake.asgi import Request
from service.intake.senders import Scope
from service.intake.senders_file import SendersFile, check_senders

TOKEN = "token-of-the-first-one"
OTHER = "token-of-the-other-one"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "senders.yaml"


@pytest.fixture
def clock():
    """A clock of seconds that the test moves on."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


def bearer(token):
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return Request(method="POST", path="/", headers=headers, peer="")


def named(senders, token=TOKEN):
    sender = senders.current().at_sight(bearer(token))
    return sender.name if sender else None


def problems(file, text):
    file.write_text(text)
    with pytest.raises(BadSettings) as error:
        check_senders(file)
    prefix = f"GENEXEC_SENDERS_FILE {file}: "
    lines = str(error.value).splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


def test_a_sender_has_what_the_file_says(file):
    file.write_text(
        f"- name: ci\n  tokens: [{TOKEN}]\n  types: [com.example.**]\n  projects: [sockshop]\n"
        f"- name: people\n  tokens: ['sha256:{sha256(OTHER.encode()).hexdigest()}']\n"
        "  scopes: [read, operate]\n"
    )
    roll = SendersFile(file, monotonic=lambda: 0.0).current()

    ci, people = roll.at_sight(bearer(TOKEN)), roll.at_sight(bearer(OTHER))
    assert (ci.name, ci.scopes) == ("ci", {Scope.SEND})
    assert (ci.may_send("com.example.a"), ci.may_send("org.example")) == (True, False)
    assert (ci.may_touch("sockshop"), ci.may_touch("other")) == (True, False)
    assert (people.name, people.scopes) == ("people", {Scope.READ, Scope.OPERATE})
    assert roll.names == ("ci", "people")


def test_addresses_are_for_sending_only(file):
    said = problems(
        file,
        "- {name: a, addresses: [127.0.0.1, '::1', 10.0.0.0/8], scopes: [send, read]}\n"
        "- {name: b, addresses: [10.0.0.1/8, localhost]}\n"
        "- {name: c, addresses: '10.0.0.0/8'}\n",
    )

    assert said == [
        "sender 'a': addresses: show too little for other scopes than send",
        "sender 'b': addresses: '10.0.0.1/8' is no address and no network",
        "sender 'b': addresses: 'localhost' is no address and no network",
        "sender 'c': has the address of sender 'a'",
    ]


def test_tokens_stand_in_a_file_of_their_own_one_a_line(file, tmp_path):
    (tmp_path / "tokens").write_text(f"\n{TOKEN}\n  {OTHER} \n")
    file.write_text("- name: ci\n  tokens_file: tokens\n")
    senders = SendersFile(file, monotonic=lambda: 0.0)

    assert (named(senders), named(senders, OTHER)) == ("ci", "ci")
    assert named(senders, "") is None


def test_everything_that_is_wrong_is_said_at_once(file):
    said = problems(
        file,
        "- name: a b\n"
        "  tokens: [short]\n"
        "- token: [x]\n"
        "- just a text\n"
        "- {name: c, tokens: 1234567890123456, types: ['a.**.b'], scopes: [write]}\n"
        "- {name: d, github_secret: [], tokens_file: nowhere}\n"
        "- {name: e, tokens: ['sha256:abc', 'with a blank in it!'], types: yes}\n"
        "- {name: f, standard_webhooks_secret: 'whsec_c2hvcnQ='}\n",
    )

    no_name = "needs a name of letters, digits, '.', '_', '@' and '-'"
    no_texts = "must be a text or a list of texts; quotes make a text of a number"
    kinds = "tokens, github_secret, gitlab_token, standard_webhooks_secret, addresses or signature"
    assert said == [
        f"sender 'a b': {no_name}",
        "sender 'a b': tokens: has less than 16 characters and can be guessed",
        "sender 2: unknown key 'token'; did you mean tokens?",
        f"sender 2: has no credentials: give {kinds}",
        f"sender 2: {no_name}",
        "sender 3: must have keys such as name and tokens",
        f"sender 'c': tokens: {no_texts}",
        "sender 'c': scopes: 'write' is none of send, read, operate",
        "sender 'c': types: 'a.**.b' is no pattern: '**' and '>' may only be the last part",
        "sender 'd': tokens_file: 'nowhere' cannot be read: No such file or directory",
        f"sender 'd': github_secret: {no_texts}",
        f"sender 'e': types: {no_texts}",
        "sender 'e': tokens: 'sha256:' is followed by 64 hexadecimal digits",
        "sender 'e': tokens: a token has ASCII characters only, and no blanks",
        "sender 'f': standard_webhooks_secret: must be 'whsec_' and at least 16 bytes in base64",
    ]


def test_a_signature_of_ones_own_is_described_completely(file):
    said = problems(
        file,
        "- name: a\n"
        "  signature: {heder: X, algorithm: md5, encoding: octal, content: 'x', secret: short}\n"
        "- name: b\n"
        "  signature: {header: X-S, timestamp_header: X-T, content: '{body}', secret_file: gone}\n"
        "- {name: c, signature: sha256}\n"
        "- {name: d, signature: {header: X-S, content: '{body', encoding: hex}}\n",
    )

    assert said == [
        "sender 'a': signature: unknown key 'heder'; did you mean header?",
        "sender 'a': signature: content: must have {body} once",
        "sender 'a': signature: header: must be the name of a header",
        "sender 'a': signature: algorithm: must be one of sha256, sha512",
        "sender 'a': signature: encoding: must be one of hex, base64",
        "sender 'a': signature: secret: has less than 16 characters and can be guessed",
        "sender 'b': signature: content: must have {x-t}, too, or anybody could change it",
        "sender 'b': signature: secret_file: 'gone' cannot be read: No such file or directory",
        "sender 'c': signature: must have keys of its own",
        "sender 'd': signature: content: has braces that hold no name of a header",
        "sender 'd': signature: needs a secret or a secret_file",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a list with at least one sender (`- name: …`)"),
        ("[]", "must be a list with at least one sender (`- name: …`)"),
        ("name: ci", "must be a list with at least one sender (`- name: …`)"),
        (f"- name: ci\n  tokens: [{TOKEN}\n", "line 3: not YAML"),
        (f"- name: ci\n  tokens: [*{TOKEN}]\n", "line 2: not YAML"),
        (f"- name: ci\n  tokens: !{TOKEN} x\n", "line 2: not YAML"),
        (f"- tokens: [{TOKEN}]\n  tokens: [{TOKEN}]\n", "line 2: a key stands twice"),
        ("- ? [a]\n  : 1\n", "line 1: not YAML"),
        ("- \x00\n", "is not YAML in UTF-8"),
        ("[" * 5000, "is not YAML in UTF-8"),
    ],
)
def test_what_is_no_list_of_senders_is_refused_without_being_quoted(file, text, said):
    assert problems(file, text) == [said]


def test_a_file_that_is_not_there_is_refused(file):
    with pytest.raises(BadSettings, match="cannot be read: No such file"):
        check_senders(file)


def test_what_tells_senders_apart_belongs_to_one_of_them(file):
    said = problems(
        file,
        f"- {{name: a, tokens: [{TOKEN}], github_secret: {OTHER}}}\n"
        f"- {{name: b, tokens: [{TOKEN}], gitlab_token: {TOKEN}}}\n"
        f"- {{name: a, github_secret: {OTHER}}}\n",
    )

    assert said == [
        "sender 'b': has the token of sender 'a'",
        "sender 'a': has the name of sender 'a'",
        "sender 'a': has the signing secret of sender 'a'",
    ]


def test_no_secret_is_said_printed_or_logged(file, clock, caplog):
    caplog.set_level("DEBUG")
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}], github_secret: {OTHER}}}\n")
    senders = SendersFile(file, monotonic=clock)
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}, x], {OTHER}: 1}}\n- [{TOKEN}\n")
    clock.now += 1
    senders.current()
    wrong = problems(file, f"- {{name: ci, tokens: ['{TOKEN} x'], {OTHER}: 1, types: 5}}\n")

    shown = caplog.text + repr(vars(senders)) + repr(vars(senders.current())) + str(wrong)
    assert TOKEN not in shown
    assert OTHER not in shown


def test_a_change_is_followed_within_a_second(file, clock, caplog):
    caplog.set_level("INFO")
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}]}}\n")
    senders = SendersFile(file, monotonic=clock)
    file.write_text(f"- {{name: new, tokens: [{OTHER}]}}\n")

    clock.now += 0.9
    assert named(senders) == "ci"
    clock.now += 0.2
    assert (named(senders), named(senders, OTHER)) == (None, "new")
    assert caplog.messages == ["senders read again, now in force: new"]


def test_a_mounted_secret_is_followed_too(file, clock, tmp_path):
    """Kubernetes leads the links of a volume to another directory."""
    for name, token in (("one", TOKEN), ("two", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(token)
    (tmp_path / "..data").symlink_to("one")
    file.write_text("- {name: ci, tokens_file: ..data/token}\n")
    senders = SendersFile(file, monotonic=clock)
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")

    clock.now += 1
    assert (named(senders), named(senders, OTHER)) == (None, "ci")


def test_a_broken_new_version_is_reported_once_and_the_old_one_stays(file, clock, caplog):
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}]}}\n")
    senders = SendersFile(file, monotonic=clock)
    file.write_text("- {name: ci}\n- {name: x, tokens_file: gone}\n")

    for _ in range(3):
        clock.now += 1
        assert named(senders) == "ci"
    (message,) = caplog.messages
    assert "the old one stays in force: sender 'ci': has no credentials" in message
    assert "sender 'x': tokens_file: 'gone' cannot be read" in message


def test_a_broken_version_that_is_repaired_by_another_file_comes_into_force(file, clock, tmp_path):
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}]}}\n")
    senders = SendersFile(file, monotonic=clock)
    file.write_text("- {name: ci, tokens_file: late}\n")
    clock.now += 1
    senders.current()
    (tmp_path / "late").write_text(OTHER)

    clock.now += 1
    assert (named(senders), named(senders, OTHER)) == (None, "ci")


def test_a_file_that_is_taken_away_changes_nothing(file, clock):
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}]}}\n")
    senders = SendersFile(file, monotonic=clock)
    file.unlink()

    clock.now += 1
    assert named(senders) == "ci"


def test_unchanged_files_are_not_read_again(file, clock):
    file.write_text(f"- {{name: ci, tokens: [{TOKEN}]}}\n")
    senders = SendersFile(file, monotonic=clock)
    before = senders.current()
    os.utime(file.parent)

    clock.now += 5
    assert senders.current() is before
