"""Standard error: for one formatter the way to the host, for others a pipe.

The host waits, without a limit, until nobody holds the standard error that it gave us, and
ends altogether when a JSON line there has a `@message` that is no text. So nothing that we
start gets it, whoever starts it: descriptors 1 and 2 become a pipe, and what arrives there
is logged. Called by `wiring` once, after the imports and before anything is started.
"""

import logging
import os
import threading
from typing import BinaryIO, TextIO

_LONGEST = 8 * 1024

log = logging.getLogger(__name__)


def keep_for_ourselves() -> TextIO:
    """Return the way to the host; log what others write from now on."""
    ours = os.dup(2)  # not inheritable
    reading, writing = os.pipe()
    for descriptor in (1, 2):  # standard output has been led here at the doorstep
        os.dup2(writing, descriptor)
    os.close(writing)
    lines = os.fdopen(reading, "rb")
    threading.Thread(target=_log, args=(lines,), name="standard error", daemon=True).start()
    return os.fdopen(ours, "w", encoding="utf-8", errors="backslashreplace", buffering=1)


def _log(lines: BinaryIO) -> None:
    while line := lines.readline(_LONGEST):
        text = line.decode("utf-8", errors="replace").rstrip()
        if text:
            log.info("standard error: %s", text)
