"""No script is waited for without end: a silent runner is given up.

The runner process ends scripts at their deadline; if it is frozen itself, nobody does. Then
waiting stops some time after the deadline, and the runner process is taken for lost.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
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

    async def run(self, order: Order) -> Execution:
        """Run as the other runner does. Raises `RunnerLost` also when it does not answer."""
        running = asyncio.ensure_future(self.runner.run(order))
        seconds = order.timeout + self.margin
        try:
            done, _ = await asyncio.wait({running}, timeout=seconds)
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait({running})
            raise
        if done:
            return await running
        log.error(
            "the runner has not reported within %g s; it is given up and started again",
            seconds,
            extra={"run": order.run, "alarm": "runner-frozen"},
        )
        await self.give_up()
        return await running

    async def cancel(self, run: str) -> bool:
        """End the script of this run; False when none is running."""
        return await self.runner.cancel(run)
