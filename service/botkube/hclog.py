"""Log lines as the host of a go-plugin process understands them.

One JSON object per line on standard error, in the keys of hclog. Anything else there is
shown at level debug, that is not at all; and a `@message` that is no text ends the whole
agent. So all records go through this one formatter.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

_LEVELS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "error",
}
_LONGEST = 16 * 1024
"""Characters of one text; the host stops reading at lines of 64 KiB."""
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

log = logging.getLogger(__name__)


class HclogFormatter(logging.Formatter):
    """Writes a record as one line for the host."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "@level": _LEVELS.get(record.levelno, "info"),
            "@message": _cut(record.getMessage()),
            "@timestamp": moment.isoformat(timespec="microseconds"),
            "@module": record.name,
        }
        line |= {
            name: value if isinstance(value, int | float) else _cut(str(value))
            for name, value in record.__dict__.items()
            if name not in _USUAL and not name.startswith("@")
        }
        if record.exc_info:
            line["error"] = _cut(self.formatException(record.exc_info))
        return json.dumps(line)


def log_to_the_host(stream: TextIO, level: int = logging.INFO) -> None:
    """Send every record, warning and uncaught error of this process to the host at *stream*."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HclogFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the plugin ends: %s", error, exc_info=(kind, error, trace))


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value or arguments.exc_type()
    log.error("a thread ended: %s", error, exc_info=error)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
