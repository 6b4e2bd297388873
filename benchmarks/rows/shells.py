"""Other builds of bash: a large part of a run is the start of the C library.

Debian's `bash-static` is measured when it is installed, a bash built against musl when
`benchmarks/programs/musl_bash.sh` has made one.
"""

import os
import shutil
from contextlib import ExitStack
from statistics import median

from benchmarks.bench import Bench, Row
from benchmarks.floor import measured_floor
from benchmarks.load import loaded
from benchmarks.rounds import ratio
from benchmarks.rows.end_to_end import end_to_end_rate
from benchmarks.service import ROOT

MUSL = ROOT / ".benchmarks" / "bash-musl"
ROUNDS = 3


def measure(bench: Bench) -> list[Row]:
    """Measure the floor and the service with each shell that is there."""
    plain = "/bin/bash"
    shells = {"bash": plain} | {name: path for name, path in _others().items() if path}
    missing = [name for name, path in _others().items() if not path]
    with ExitStack() as stack:
        variants = {}
        for name, path in shells.items():
            folder = f"shell-{name}"
            settings: dict[str, str] = {} if path == plain else {"GENEXEC_SHELL": path}
            service = stack.enter_context(bench.running(folder, **settings))
            loaded(service, bench.tools, count=50)
            variants[name] = lambda it=service: end_to_end_rate(bench, it)
            variants[f"floor {name}"] = lambda it=path: (
                measured_floor(bench.tools, seconds=bench.size.seconds / 4, shell=it).rate
            )
        found = bench.turns(variants, rounds=min(ROUNDS, bench.size.rounds))
    rows = [
        Row(
            what=f"Events per second with {name} ÷ with bash",
            value=ratio(found, name, "bash"),
            how=(
                f"{median(found[name]):.0f} of {median(found['bash']):.0f} per second; floor "
                f"{median(found['floor ' + name]):.0f} of {median(found['floor bash']):.0f}, "
                f"so {ratio(found, name, 'floor ' + name):.2f} of its own floor"
            ),
        )
        for name in shells
        if name != "bash"
    ]
    return [
        *rows,
        *(
            Row(what=f"Events per second with {name} ÷ with bash", value=None, how=_ABSENT[name])
            for name in missing
        ),
    ]


_ABSENT = {
    "bash-static": "not installed (Debian package `bash-static`)",
    "musl bash": "not built (`benchmarks/programs/musl_bash.sh` does it)",
}


def _others() -> dict[str, str | None]:
    musl = str(MUSL) if os.access(MUSL, os.X_OK) else None
    return {"bash-static": shutil.which("bash-static"), "musl bash": musl}
