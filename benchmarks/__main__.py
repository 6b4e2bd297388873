"""`python -m benchmarks e2e`: end to end beside the floor, for whoever tunes the hot path."""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.floor import measured_floor
from benchmarks.load import loaded
from benchmarks.machine import Quiet
from benchmarks.rounds import ratio, taking_turns
from benchmarks.service import running
from benchmarks.witness import rate_of


def main() -> None:
    """Do what the command line says."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="genexec-bench-") as folder:
        _end_to_end(arguments, Path(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=["e2e"])
    parser.add_argument("--seconds", type=float, default=8.0, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", default="bench", help="bench (.sh), benchpy or benchjson")
    parser.add_argument("--outstanding", type=int, default=32)
    parser.add_argument("--patience", type=float, default=10, help="wait for a quiet machine")
    parser.add_argument("--set", action="append", default=[], help="GENEXEC_X=value, repeatable")
    return parser.parse_args()


def _end_to_end(arguments: argparse.Namespace, folder: Path) -> None:
    quiet = Quiet(arguments.patience)
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

        found = taking_turns({"floor": floor, "ours": ours}, rounds=arguments.rounds, quiet=quiet)
    for name, rates in found.items():
        print(f"{name:6} {median(rates):7.0f}/s  {[round(rate) for rate in rates]}")
    print(f"ratio  {ratio(found, 'ours', 'floor'):7.3f}")
    parts = {part: median(cost[part] for cost in costs) for part in costs[0]}
    print("µs CPU per event: " + ", ".join(f"{part} {used:.0f}" for part, used in parts.items()))
    print(quiet.remark())


if __name__ == "__main__":
    main()
