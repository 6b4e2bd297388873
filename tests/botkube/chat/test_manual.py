"""The page about chat tells what the program has."""

import json
import re
from pathlib import Path

import pytest
import yaml

from service.botkube.blueprints import read_file
from service.botkube.configs import SCHEMA_TEXT, read_configs
from service.botkube.tables import FORMS
from service.botkube.verbs import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "botkube.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_command_is_listed_as_it_is_typed(verb):
    spec = COMMANDS[verb]
    usage = ", ".join(f"`{one}`" for one in spec.usage.split(", "))

    rows = [row for row in PAGE.splitlines() if row.startswith(f"| {usage} |")]

    assert [row.endswith(f"| {'yes' if spec.changes else 'no'} |") for row in rows] == [True]


@pytest.mark.parametrize("key", json.loads(SCHEMA_TEXT)["properties"])
def test_a_key_of_the_config_is_listed(key):
    assert f"\n| `{key}` |" in PAGE


@pytest.mark.parametrize("form", FORMS)
def test_a_kind_of_table_is_listed(form):
    assert re.search(rf"^\| `parser:table:.*`?{form}`", PAGE, re.MULTILINE)


def test_the_example_of_a_config_is_read():
    config, _ = EXAMPLES

    read = read_configs([config.encode()])

    assert [rule.commands[0] for rule in read.rules] == ["run", "run", "action"]


def test_the_example_of_a_blueprint_is_read():
    _, templates = EXAMPLES

    (blueprint,) = read_file(templates)

    assert blueprint.fits("helm list -A")
    assert list(yaml.safe_load(templates)) == ["templates"]
