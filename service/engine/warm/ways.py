"""How scripts in Python were started: warm, or cold and why.

`processes` asks for whom a script may be warm, and notes every end here; the engine shows
the sum in `/api/v1/status`.
"""

import logging
from collections.abc import Mapping

from service.engine.protocol import Ended, Start
from service.ports import Order
from service.strict_json import Json

log = logging.getLogger(__name__)


class WarmPython:
    """Counts since the engine was started."""

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self._warm = 0
        self._cold = 0
        self._why_cold = ""

    def domain(self, order: Order) -> str:
        """Return whose interpreter the script may be forked from, empty for no one's."""
        warm = self.wanted and not order.cold and order.name.endswith(".py")
        return order.project if warm else ""

    def note(self, start: Start, ended: Ended) -> None:
        """Take in how a script was started that has ended now."""
        if not start.warm:
            return
        if ended.cold:
            self._cold += 1
            self._why_cold = ended.cold
            log.debug("Python was started for the script: %s", ended.cold, extra={"run": start.run})
        else:
            self._warm += 1
            log.debug("the script was forked from warm Python", extra={"run": start.run})

    def status(self) -> Mapping[str, Json]:
        """Return the level, the counts, and why the last cold one was not warm."""
        level = "on" if self.wanted else "off"
        return {
            "level": level,
            "warm": self._warm,
            "cold": self._cold,
            "why_cold": self._why_cold,
        }
