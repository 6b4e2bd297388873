"""The machine that measures: what it is, and whether others use it just now."""

import os
import platform
import shutil
import sqlite3
import ssl
import subprocess
import sysconfig
import time
from pathlib import Path

from service import __version__

QUIET_BELOW = 0.06
"""Share of all cores that others may take."""
_LOOK = 0.4


class Quiet:
    """Waits until others leave the machine alone, for *patience* seconds in all."""

    def __init__(self, patience: float) -> None:
        self._left = patience
        self.noisy = 0
        """How many rounds began although others were busy."""
        self.looks = 0

    def wait(self) -> None:
        """Return when the machine is quiet, or patience is used up."""
        self.looks += 1
        begun = time.monotonic()
        while (busy := _busy_share(_LOOK)) > QUIET_BELOW:
            if time.monotonic() - begun > self._left:
                break
        self._left = max(0.0, self._left - max(0.0, time.monotonic() - begun - _LOOK))
        self.noisy += busy > QUIET_BELOW

    def remark(self) -> str:
        """Say how quiet it was."""
        if not self.noisy:
            return f"quiet before each of {self.looks} rounds"
        return f"**others were busy** before {self.noisy} of {self.looks} rounds"


def _busy_share(seconds: float) -> float:
    """Return which share of all cores was in use while this process slept."""
    begun = _busy_ticks()
    time.sleep(seconds)
    used, whole = (after - before for before, after in zip(begun, _busy_ticks(), strict=True))
    return used / max(1, whole)


def _busy_ticks() -> tuple[int, int]:
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def synchronising(folder: Path, *, times: int = 200) -> float:
    """Return the microseconds that the disk of *folder* takes to synchronise 4 KiB."""
    file = folder / "synchronising"
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    took = []
    try:
        for _ in range(times):
            os.pwrite(descriptor, os.urandom(4096), 0)
            begun = time.perf_counter()
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - begun)
    finally:
        os.close(descriptor)
        file.unlink()
    return sorted(took)[times // 2] * 1e6


def described(folder: Path) -> list[str]:
    """Return what a reader needs to know about this machine; no names, no paths."""
    cores = len(os.sched_getaffinity(0))
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    system = f"{platform.system()} {platform.release()}"
    build = f"{'with' if optimised else 'without'} profile-guided optimisation"
    python = f"Python {platform.python_version()} ({build})"
    return [
        f"{_processor()}, {cores} cores{_virtual()}, {_memory()} GiB, {system}",
        f"disk: fdatasync of 4 KiB takes {synchronising(folder):.0f} µs (median of 200)",
        f"{python}, SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}",
        f"generic-executor-service {__version__}, {_commit()}; {_bash()}",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _virtual() -> str:
    return " (virtual)" if " hypervisor" in Path("/proc/cpuinfo").read_text() else ""


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "commit unknown"
    words = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=-changed"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"commit {said.stdout.strip()}" if said.returncode == 0 else "commit unknown"


def _bash() -> str:
    said = subprocess.run(["bash", "--version"], capture_output=True, text=True, check=False)
    return "bash " + said.stdout.partition("version ")[2].partition("(")[0]
