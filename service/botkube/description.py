"""What `Metadata` and the index of plugins say about us.

Used by whoever answers commands and by the program that writes `plugins-index.yaml`.
"""

import service
from service.botkube.configs import SCHEMA_TEXT
from service.botkube.server import Description

NAME = "script"
"""First word of every command; the index forbids an underscore in it."""
_PURPOSE = (
    "Runs, explains and follows the scripts of a Git repository from chat "
    "(generic-executor-service)."
)


def describe() -> Description:
    """Return the description.

    There are no dependencies, so nothing is downloaded with us. Where the documentation is
    read depends on who publishes the index, so only the index says it.
    """
    return Description(
        version=service.__version__,
        description=_PURPOSE,
        schema=SCHEMA_TEXT,
        documentation_url="",
        dependencies={},
    )
