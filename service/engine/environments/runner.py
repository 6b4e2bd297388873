"""Running a Python script in the environment it declares.

`wiring` puts it in front of the runner for `.py` files. The environment is there before the
script starts: making it takes nothing from the script's deadline.
"""

import asyncio
import platform
from dataclasses import replace
from typing import Any

from packaging.specifiers import SpecifierSet

from service.engine.environments.place import Lock
from service.engine.environments.stock import Stock
from service.errors import EnvironmentNotMade
from service.outcome import Ending, Execution
from service.ports import Order, Runner


class PythonRunner:
    """The `Runner` for `.py` files; scripts without a block run as they always did."""

    def __init__(self, runner: Runner, stock: Stock | None) -> None:
        """*runner* runs the scripts; without a *stock* no script gets packages."""
        self._runner = runner
        self._stock = stock
        self._waiting: dict[str, asyncio.Future[Execution]] = {}
        """By run: set to end the wait for an environment."""

    async def run(self, order: Order) -> Execution:
        """Run as the other runner does, when the environment is there."""
        wanted = order.requirements
        if wanted is None:
            return await self._runner.run(order)
        version = platform.python_version()
        if not SpecifierSet(wanted.python).contains(version, prereleases=True):
            return _not_run(
                f"this script requires Python {wanted.python}, and the service has {version}"
            )
        if self._stock is None:
            if not wanted.packages:
                return await self._runner.run(order)
            return _not_run(
                f"this script needs packages ({', '.join(wanted.packages)}), and "
                "GENEXEC_PYTHON_ENVIRONMENTS=no"
            )
        return await self._run_in_environment(order, self._stock, wanted.packages)

    async def cancel(self, run: str) -> bool:
        """End the script of this run, or its wait; False when there is neither."""
        waiting = self._waiting.get(run)
        if waiting is None:
            return await self._runner.cancel(run)
        if not waiting.done():
            waiting.set_result(Execution(ending=Ending.CANCELLED, detail="cancelled"))
        return True

    async def _run_in_environment(
        self, order: Order, stock: Stock, packages: tuple[str, ...]
    ) -> Execution:
        taking = asyncio.ensure_future(stock.take(packages))
        cancelled: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        self._waiting[order.run] = cancelled
        either: set[asyncio.Future[Any]] = {taking, cancelled}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            taking.add_done_callback(_let_go)
            taking.cancel()
            raise
        finally:
            del self._waiting[order.run]
        if not taking.done():
            taking.cancel()
            return await cancelled
        try:
            python, lock = taking.result()
        except EnvironmentNotMade as error:
            return Execution(
                ending=Ending.NOT_RUN, detail=str(error), output=error.output.encode("utf-8")
            )
        try:
            if cancelled.done():
                return cancelled.result()
            return await self._runner.run(replace(order, program=python))
        finally:
            lock.release()


def _let_go(taking: "asyncio.Future[tuple[str, Lock]]") -> None:
    if not taking.cancelled() and taking.exception() is None:
        _, lock = taking.result()
        lock.release()


def _not_run(detail: str) -> Execution:
    return Execution(ending=Ending.NOT_RUN, detail=detail)
