"""The first comment of a script, in one line."""

import pytest

from service.browsing import first_comment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/bash\n# Scales up.\n# More.\n", "Scales up."),
        ("# genexec: timeout=5m\n#\n# Scales up.\n", "Scales up."),
        ("#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n# Scales.\n", "Scales."),
        ("# shellcheck shell=bash\n# Scales.\n", "Scales."),
        ("### Opens a ticket\nPOST http://example.com\n", "Opens a ticket"),
        ("// Opens a ticket\nPOST http://example.com\n", "Opens a ticket"),
        ("# @no-log\n# Opens.\nGET http://example.com\n", "Opens."),
        ("echo x\n# too late\n", ""),
        ("", ""),
        ("# " + "x" * 200, "x" * 119 + "…"),
        ("# a\x1b[31m\x07b\n", "a [31m b"),
    ],
)
def test_it_is_about_the_script(text, said):
    assert first_comment(text.encode()) == said


def test_bytes_that_are_no_text_are_replaced():
    assert first_comment(b"# a\xff\n") == "a\ufffd"
