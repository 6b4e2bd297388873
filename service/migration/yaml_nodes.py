"""YAML read strictly, so that every complaint has a line.

Unknown and repeated keys are errors, as they are for job-executor-service. Aliases are
refused: a file of few bytes could stand for millions of values.
"""

from collections.abc import Collection

import yaml

from service.errors import BadScript

Node = yaml.Node


def read_yaml(content: bytes) -> Node:
    """Return the root of the one document. Raises `BadScript` with the line."""
    try:
        text = content.decode("utf-8")
        if any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(text, yaml.SafeLoader)):
            raise BadScript("aliases (*name) are not read; write the text out")
        root = yaml.compose(text, yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise BadScript("the file is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        message = f"not YAML: {error.problem or error.context}"
        raise BadScript(message, line=mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadScript(f"not YAML: {error}") from error
    if root is None:
        raise BadScript("the file is empty")
    return root


def line_of(node: Node) -> int:
    """Return the line a node begins on, from 1."""
    return int(node.start_mark.line) + 1


def mapping(node: Node, what: str, known: Collection[str]) -> dict[str, Node]:
    """Return keys and values of an object. Raises `BadScript`."""
    if not isinstance(node, yaml.MappingNode):
        raise BadScript(f"{what} must be an object", line=line_of(node))
    found: dict[str, Node] = {}
    for key, value in node.value:
        name = scalar(key, "a key")
        if known and name not in known:
            choice = ", ".join(sorted(known))
            raise BadScript(
                f"unknown key {name[:60]!r} in {what}; known: {choice}", line=line_of(key)
            )
        if name in found:
            raise BadScript(f"the key {name[:60]!r} stands twice in {what}", line=line_of(key))
        found[name] = value
    return found


def sequence(node: Node | None, what: str) -> list[Node]:
    """Return the entries of a list; none when it is absent or null. Raises `BadScript`."""
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise BadScript(f"{what} must be a list", line=line_of(node))
    return list(node.value)


def scalar(node: Node | None, what: str) -> str:
    """Return a text, number or boolean as it is written; empty when absent or null."""
    if node is None:
        return ""
    if not isinstance(node, yaml.ScalarNode):
        raise BadScript(f"{what} must be a text", line=line_of(node))
    return "" if node.tag.endswith(":null") else str(node.value)


def whole_number(node: Node | None, what: str, default: int) -> int:
    """Return a whole number. Raises `BadScript`."""
    text = scalar(node, what)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise BadScript(f"{what} must be a whole number", line=line_of(node) if node else None)
    return int(text)


def boolean(node: Node | None, what: str) -> bool:
    """Return a boolean, False when absent. Raises `BadScript`."""
    text = scalar(node, what).lower()
    if text not in ("", "true", "false"):
        raise BadScript(f"{what} must be true or false", line=line_of(node) if node else None)
    return text == "true"
