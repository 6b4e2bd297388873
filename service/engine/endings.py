"""What is said of a script that did not end by itself; used by `processes`."""

from service.engine.protocol import Start
from service.outcome import Ending, Execution


def what_stopped(ending: Ending, start: Start, *, output: int) -> str:
    """Return a clause, empty for a script that ended by itself; *output* is its limit in bytes."""
    return {
        Ending.DEADLINE: f"stopped at its deadline of {start.timeout:g} s",
        Ending.OUTPUT_LIMIT: f"stopped after {output} bytes of output",
        Ending.DISK_LIMIT: f"stopped after it took {start.file_size} bytes of disk",
        Ending.CANCELLED: "cancelled",
        Ending.INTERRUPTED: "the service was shut down",
    }.get(ending, "")


def not_run(detail: str) -> Execution:
    """Return how a script ended that could not be started."""
    return Execution(ending=Ending.NOT_RUN, detail=detail)
