"""A plugin for tests: the real process, with answers that misbehave on request.

Started by the host as `python program.py`; `script WORD …` does what the word says.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager

from service.botkube.description import describe
from service.botkube.doorstep import step_in


class Misbehaving:
    """Hangs, fails, floods and leaves children, as commands say."""

    def help(self):
        return json.dumps({"baseBody": {"plaintext": "see script help"}}).encode()

    def description(self):
        return describe()

    async def execute(self, request):
        word = request.command.split()[1]
        return [json.dumps({"baseBody": {"plaintext": await self.said(word, request)}}).encode()]

    async def said(self, word, request):
        match word:
            case "hang":
                await asyncio.sleep(60)
            case "block":
                time.sleep(60)
            case "fail":
                raise RuntimeError("secret detail")
            case "children":
                return self.children()
            case "noise":
                return self.noise()
            case "large":
                return "x" * 2_000_000
        return f"{len(request.command)} {len(request.configs)} {request.user}"

    def children(self):
        """Leave a child with our standard error, and a grandchild in a session of its own."""
        own = subprocess.Popen(["sleep", "97"])
        hidden = subprocess.run(
            ["sh", "-c", "setsid sleep 98 >/dev/null 2>&1 & echo $!"],
            stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        return f"{own.pid} {hidden.stdout.strip()}"

    def noise(self):
        """Print what ends agents, by ourselves and by a child."""
        hostile = '{"@level": 7, "@message": 5, "@timestamp": {}}\n' + "y" * 200_000
        print(hostile)
        print(hostile, file=sys.stderr)
        subprocess.run(["sh", "-c", 'echo "$0"; echo "$0" >&2', hostile[:9000]], check=True)
        return "noise made"


@asynccontextmanager
async def misbehaving(_):
    yield Misbehaving()


if __name__ == "__main__":
    host = step_in()
    from service.wiring.botkube import be_the_plugin

    be_the_plugin(host, dict(os.environ), opened=misbehaving)
