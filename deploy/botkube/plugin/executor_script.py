"""The program that an agent of Botkube starts as its executor plugin `script`.

`make plugin` makes one file of it. It lies outside the package because only here something
may be done before the imports: the host reads one line of standard output, and libraries
may print.
"""

import os
import sys

from service.botkube.doorstep import step_in
from service.botkube.unpacked import settle_in
from service.engine.launch import RUNNER


def main() -> None:
    """Be the runner of scripts when started by ourselves, else the plugin."""
    settle_in()
    if sys.argv[1:2] == [RUNNER]:
        del sys.argv[1]
        from service.engine.runner import main as be_the_runner

        be_the_runner()
        return
    host = step_in()
    from service.wiring.botkube import be_the_plugin

    be_the_plugin(host, dict(os.environ))


if __name__ == "__main__":
    main()
