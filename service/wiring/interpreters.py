"""The programs that run scripts: which ones there are on this machine.

The service runs Python scripts with the interpreter it runs with itself. The program in one
file (Botkube's plugin) has none inside that scripts could use, so there the machine's own
programs count, and those of a stock agent are few: `sh`, no bash, no Python.
"""

import shutil
import sys

from service.config.settings import Settings
from service.errors import BadSettings
from service.outcome import Ending, Execution
from service.ports import Order

ONE_FILE = bool(getattr(sys, "frozen", False))
"""This is the program in one file."""
_USUAL = "bash"


def find_shell(settings: Settings, *, one_file: bool = ONE_FILE) -> str:
    """Return the absolute path of the shell; in the one file, `sh` stands in for bash.

    Empty when there is neither, in the one file: scripts of other kinds run all the same.
    Raises `BadSettings` when the shell was chosen, or is missing where the service runs.
    """
    found = shutil.which(settings.shell, path=settings.script_path)
    if found is None and one_file and settings.shell == _USUAL:
        return shutil.which("sh", path=settings.script_path) or ""
    if found is None:
        raise BadSettings(
            f"GENEXEC_SHELL={settings.shell} is not in GENEXEC_SCRIPT_PATH={settings.script_path}"
        )
    return found


def find_python(settings: Settings, *, one_file: bool = ONE_FILE) -> str:
    """Return the absolute path of the interpreter for scripts; empty when there is none."""
    if not one_file:
        return sys.executable
    return shutil.which("python3", path=settings.script_path) or ""


class Absent:
    """The `Runner` of scripts for which the machine has no program: it says so."""

    def __init__(self, suffix: str, program: str, settings: Settings) -> None:
        self._detail = (
            f"a {suffix} script needs {program}, and there is none in "
            f"GENEXEC_SCRIPT_PATH={settings.script_path}"
        )

    async def run(self, _: Order) -> Execution:
        return Execution(ending=Ending.NOT_RUN, detail=self._detail)

    async def cancel(self, _: str) -> bool:
        return False
