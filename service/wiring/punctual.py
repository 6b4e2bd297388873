"""No script is waited for without end: a silent runner is given up.

The runner process ends scripts at their deadline; if it is frozen itself, nobody does. Then
waiting stops some time after the deadline, and the runner process is taken for lost.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from service.outcome import Execution
from service.ports import Order, Runner

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class PunctualRunner:
    """Asks another runner, and waits for its answer a limited time."""

    runner: Runner
    margin: float
    """Seconds after the deadline of a script in which its end must have been reported."""
    give_up: Callable[[], Coroutine[Any, Any, None]]
    """Lets the runner go; called once it has failed to report."""
    under_way: set[asyncio.Future[None]] = field(default_factory=set, compare=False)
    """Keeps what is under way from being forgotten."""

    async def run(self, order: Order) -> Execution:
        """Run as the other runner does. Raises `RunnerLost` also when it does not answer."""
        seconds = order.timeout + self.margin
        late = asyncio.get_running_loop().call_later(seconds, self._late, order.run, seconds)
        try:
            return await self.runner.run(order)
        finally:
            late.cancel()

    def _late(self, run: str, seconds: float) -> None:
        log.error(
            "the runner has not reported within %g s; it is given up and started again",
            seconds,
            extra={"run": run, "alarm": "runner-frozen"},
        )
        giving_up = asyncio.ensure_future(self.give_up())
        self.under_way.add(giving_up)
        giving_up.add_done_callback(self.under_way.discard)

    async def cancel(self, run: str) -> bool:
        """End the script of this run; False when none is running."""
        return await self.runner.cancel(run)
