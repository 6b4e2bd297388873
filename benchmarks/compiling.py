"""The C programs in `programs/`, compiled on the spot with `cc`.

The floor, the load and its sink are in C so that they take as little of the machine as can
be, and so that nobody can say that a slow floor makes us look fast.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
FLAGS = ("-O2", "-Wall", "-Wextra")


class Unavailable(Exception):
    """Something that a row needs is not on this machine; the row says so."""


def compiled(name: str, folder: Path, *flags: str) -> Path:
    """Return the program compiled from `programs/NAME.c`; compiled anew when that changed.

    Raises `Unavailable` without a compiler.
    """
    source = PROGRAMS / f"{name}.c"
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unavailable("there is no C compiler (cc)")
    mark = hashlib.sha256(source.read_bytes() + repr(flags).encode()).hexdigest()[:12]
    program = folder.absolute() / f"{name}-{mark}"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        beside = program.with_suffix(".new")
        command = [compiler, *FLAGS, *flags, "-o", str(beside), str(source), "-ldl"]
        subprocess.run(command, check=True)
        beside.replace(program)
    return program
