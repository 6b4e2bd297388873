"""The first moments of a plugin process: cookie, standard output, parents.

Called before anything large is imported. The host reads one line of standard output and
takes anything else there for a broken plugin; later it waits, without a limit, until nobody
holds standard error any more. So standard output becomes standard error at once, and the
way back to the host is kept in a descriptor of its own (go-plugin, protocol of core
version 1).
"""

import os
import sys

COOKIE = ("BOTKUBE", "52ca7b74-28eb-4fac-ae79-31a9cbda2454")
_EXPLANATION = """\
This is a plugin of Botkube and is started by its agent, not by hand.
It gives chat the commands of generic-executor-service; see docs/botkube.md.
"""


def step_in() -> int:
    """Return a descriptor for the line that the host waits for.

    Ends the process with code 1 when no host has started it, or one that wants mutual TLS:
    it would get plain text otherwise.
    """
    name, value = COOKIE
    if os.environ.get(name) != value:
        sys.stderr.write(_EXPLANATION)
        raise SystemExit(1)
    if os.environ.get("PLUGIN_CLIENT_CERT"):
        sys.stderr.write("[ERROR] mutual TLS (PLUGIN_CLIENT_CERT) is not offered here\n")
        raise SystemExit(1)
    host = os.dup(1)
    os.set_inheritable(host, False)  # noqa: FBT003  # has no name
    os.dup2(2, 1)
    empty, writing = os.pipe()
    os.close(writing)
    os.dup2(empty, 0)  # it was the agent's
    os.close(empty)
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # no Git is no reason not to start
    return host


def shake_hands(host: int, address: str, *, app_version: int = 3) -> None:
    """Tell the host where to dial, and let go of the way to it."""
    os.write(host, f"1|{app_version}|unix|{address}|grpc\n".encode("ascii"))
    os.close(host)
