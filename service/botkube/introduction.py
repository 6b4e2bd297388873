"""The plugin while nothing else answers: it says what it is.

Its help and its description are those of the whole; a command is answered with the help.
"""

import json
from collections.abc import Sequence

import service
from service.botkube.description import describe
from service.botkube.server import Description, Request

_HELP = f"""\
generic-executor-service {service.__version__}: scripts of a Git repository, from chat.
Type `script help` for the commands."""


class Introduction:
    """A `Plugin` that knows no command but help."""

    async def execute(self, _: Request) -> Sequence[bytes]:
        return [self.help()]

    def help(self) -> bytes:
        return json.dumps({"baseBody": {"plaintext": _HELP}}).encode()

    def description(self) -> Description:
        return describe()
