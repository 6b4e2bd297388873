"""What a channel was given: merged as Botkube's plugins do it, checked, named when wrong."""

import pytest

from service.botkube.configs import Embedded, Remote, read_configs
from service.errors import BadSettings


def test_mappings_are_merged_and_lists_replaced():
    read = read_configs(
        [
            b"scripts: /a\ndefaults: {project: shop, stage: dev}\ncmd: {programs: [a, b]}",
            b"defaults: {stage: prod}\ncmd: {programs: [c]}",
            b"",
        ]
    )

    assert read.engine == Embedded(scripts="/a")
    assert (read.defaults.project, read.defaults.stage) == ("shop", "prod")
    assert read.programs == ("c",)


def test_null_clears():
    read = read_configs([b"scripts: /a\nallow: [{users: [x], commands: [run]}]", b"allow: null"])

    assert read.rules == ()


def test_a_mapping_replaces_a_word():
    read = read_configs([b"engine: embedded", b"engine: {url: 'https://x/'}"])

    assert read.engine == Remote(url="https://x")


@pytest.mark.parametrize(
    ("block", "named"),
    [
        (b"[]", "config 1 of this plugin is no mapping"),
        (b"a: [", "config 1 of this plugin is not YAML"),
        (b"", "names no engine"),
        (b"#" * 5_000_000, "larger than 128 KiB"),
        (b"engine: {url: 'ftp://x'}", "engine"),
        (b"scripts: /a\nallow: [{users: [x], commands: [list]}]", "allow.0.commands.0"),
        (b"scripts: /a\ncmd: {programs: [/bin/sh]}", "cmd.programs.0"),
        (b"scripts: /a\nanswerWithin: 9", "answerWithin"),
        (b"scripts: /a\ntemplates: [3]", "templates.0"),
        (b"scripts: /a\nallowed: []", "allowed"),
    ],
)
def test_what_is_wrong_is_named(block, named):
    with pytest.raises(BadSettings) as caught:
        read_configs([block])

    assert named in str(caught.value)
