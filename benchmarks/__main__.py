"""`python -m benchmarks`: measure every row and print the table.

`python -m benchmarks e2e` measures the first row only, for whoever tunes the hot path;
`python -m benchmarks profile` tells where the CPU of an event goes.
"""

import argparse
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.bench import SIZES, Bench, Row
from benchmarks.floor import measured_floor
from benchmarks.load import loaded
from benchmarks.machine import Quiet
from benchmarks.profile import profile
from benchmarks.report import put_into, report
from benchmarks.rounds import ratio, taking_turns
from benchmarks.rows import (
    accepting,
    backlog,
    disk,
    end_to_end,
    latency,
    memory,
    python,
    record,
    shells,
)
from benchmarks.service import ROOT, running
from benchmarks.witness import rate_of

ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "end-to-end": end_to_end.measure,
    "accepting": accepting.measure,
    "python": python.measure,
    "record": record.measure,
    "backlog": backlog.measure,
    "disk": disk.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "shells": shells.measure,
}
PAGE = ROOT / "docs" / "performance.md"


def main() -> int:
    """Do what the command line says; return the exit code."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="genexec-bench-", dir=_folder()) as folder:
        if arguments.what == "e2e":
            return _end_to_end(arguments, Path(folder))
        if arguments.what == "profile":
            return _profile(arguments, Path(folder))
        return _all_rows(arguments, Path(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["all", "e2e", "profile"], default="all")
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), help="these rows")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--patience", type=float, help="seconds to wait for a quiet machine")
    group = parser.add_argument_group("e2e")
    group.add_argument("--seconds", type=float, default=8.0, help="of one round")
    group.add_argument("--task", default="bench", help="bench (.sh), benchpy or benchjson")
    group.add_argument("--outstanding", type=int, default=end_to_end.OUTSTANDING)
    group.add_argument("--set", action="append", default=[], help="GENEXEC_X=value, repeatable")
    return parser.parse_args()


def _folder() -> Path:
    """Return where journals are made: on the disk of this checkout, not on a tmpfs."""
    folder = ROOT / ".benchmarks"
    folder.mkdir(exist_ok=True)
    return folder


def _all_rows(arguments: argparse.Namespace, folder: Path) -> int:
    size = SIZES[arguments.size]
    if arguments.rounds:
        size = replace(size, rounds=arguments.rounds)
    patience = size.patience if arguments.patience is None else arguments.patience
    bench = Bench(size=size, folder=folder, quiet=Quiet(patience))
    rows: list[Row] = []
    begun = time.monotonic()
    failed = False
    for name in arguments.only or ROWS:
        since = time.monotonic()
        try:
            rows += ROWS[name](bench)
        except Exception:  # noqa: BLE001  # the other rows are measured all the same
            failed = True
            print(f"{name}: not measured\n{traceback.format_exc()}", flush=True)
            rows.append(Row(what=name, value=None, how="failed while it was measured"))
        print(f"  {name}: {time.monotonic() - since:.0f} s", flush=True)
    text = report(bench, rows, took=time.monotonic() - begun)
    print(f"\n{text}")
    if arguments.write and not failed:
        put_into(PAGE, text)
        print(f"written into {PAGE.relative_to(ROOT)}")
    return 1 if failed else 0


def _end_to_end(arguments: argparse.Namespace, folder: Path) -> int:
    quiet = Quiet(10.0 if arguments.patience is None else arguments.patience)
    settings = dict(word.split("=", 1) for word in arguments.set)
    costs: list[dict[str, float]] = []
    with running(folder / "service", **settings) as service:
        loaded(service, folder, task=arguments.task, seconds=1)

        def ours() -> float:
            load = loaded(
                service, folder, task=arguments.task,
                seconds=arguments.seconds, outstanding=arguments.outstanding,
            )  # fmt: skip
            costs.append(load.cpu)
            return rate_of(load.seen, "f", warm=0.3)

        def floor() -> float:
            return measured_floor(folder, seconds=arguments.seconds / 2).rate

        rounds = arguments.rounds or 3
        found = taking_turns({"floor": floor, "ours": ours}, rounds=rounds, quiet=quiet)
    for name, rates in found.items():
        print(f"{name:6} {median(rates):7.0f}/s  {[round(rate) for rate in rates]}")
    print(f"ratio  {ratio(found, 'ours', 'floor'):7.3f}")
    parts = {part: median(cost[part] for cost in costs) for part in costs[0]}
    print("µs CPU per event: " + ", ".join(f"{part} {used:.0f}" for part, used in parts.items()))
    print(quiet.remark())
    return 0


def _profile(arguments: argparse.Namespace, folder: Path) -> int:
    bench = Bench(size=SIZES["quick"], folder=folder, quiet=Quiet(0))
    for name, modules in profile(bench, seconds=arguments.seconds).items():
        print(f"{name}: {sum(cost for _, cost in modules):.0f} µs per event")
        for module, cost in modules:
            print(f"  {cost:7.0f}  {module}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
