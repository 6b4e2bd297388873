"""`python -m campaign`: play the chapters side by side, print the ledger, say what is broken.

Exit code 0 when every promise was kept, 1 when one was broken, 2 when a chapter could not be
played.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import SystemRandom
from typing import NoReturn

from campaign.chapter import Chapter, opened
from campaign.chapters import backlog, disk, kills, latency, overload, points, requests
from campaign.ledger import Entry, as_document, as_table, entry_of
from campaign.promises import broken_promises
from campaign.service import ROOT
from campaign.sizes import SIZES, Size

CHAPTERS: dict[str, Callable[[Chapter], None]] = {
    "kills": kills.run,
    "points": points.run,
    "backlog": backlog.run,
    "disk": disk.run,
    "requests": requests.run,
    "overload": overload.run,
    "latency": latency.run,
}
PROMISES: dict[str, tuple[str, ...]] = {
    "kills": kills.PROMISES,
    "points": points.PROMISES,
    "backlog": backlog.PROMISES,
    "disk": disk.PROMISES,
    "requests": requests.PROMISES,
    "overload": overload.PROMISES,
    "latency": latency.PROMISES,
}
"""What each chapter makes trouble for; the promises about evidence are held in every one."""
_SETTINGS = {"overload": overload.SETTINGS}
_PLACES = {"backlog": 16, "overload": overload.AT_ONCE}
_SIDE_BY_SIDE = 4
_SHOWN = 25


def main() -> int:
    """Run the campaign as the command line says."""
    arguments = _arguments()
    if not (chosen := _chosen(arguments)):
        print(f"no chapter of the campaign is about {arguments.promise}")
        return 0
    size = SIZES["release" if arguments.release else arguments.size]
    size = replace(size, overload=arguments.overload or size.overload)
    seed = arguments.seed if arguments.seed is not None else SystemRandom().randrange(10**6)
    name = "release" if arguments.release else arguments.size
    print(f"seed {seed}  (the same plan again: make campaign ARGS='--size {name} --seed {seed}')")
    print(f"size {name}: {size.bound}", flush=True)
    folder = (arguments.folder or ROOT / ".campaign" / str(seed)).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.monotonic()
    playing: list[Chapter] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _give_up(playing))
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        futures = [
            pool.submit(_play, chapter, folder, seed, size, playing)
            for chapter in chosen
            if chapter != "latency"
        ]
        entries = [future.result() for future in futures]
    if "latency" in chosen:  # alone: it is about time
        entries.append(_play("latency", folder, seed, size, playing))
    took = time.monotonic() - begun
    return _tell(entries, folder, seed=seed, size=name, took=round(took), keep=arguments.keep)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default="regular")
    parser.add_argument("--release", action="store_true", help="the size before a release")
    parser.add_argument("--seed", type=int, help="repeat the plan of this seed")
    parser.add_argument("--folder", type=Path, help="where evidence goes [.campaign/SEED]")
    parser.add_argument("--only", nargs="+", choices=sorted(CHAPTERS), help="these chapters")
    every = [f"R{number}" for number in range(1, 19)]
    parser.add_argument("--promise", choices=every, metavar="R4", help="the chapters about it")
    parser.add_argument("--overload", type=float, help="seconds of overload, instead of the size's")
    parser.add_argument("--keep", action="store_true", help="keep the evidence in any case")
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace) -> list[str]:
    return [
        name
        for name in CHAPTERS
        if name in (arguments.only or CHAPTERS)
        and (arguments.promise or PROMISES[name][0]) in PROMISES[name]
    ]


def _give_up(playing: list[Chapter]) -> NoReturn:
    """End what was started; called when the campaign itself is told to end."""
    for chapter in playing * 2:  # once more: a chapter may just have started its service anew
        chapter.abandon()
    print("given up; what was started is ended", flush=True)
    os._exit(130)  # the threads of the chapters would go on


def _play(name: str, folder: Path, seed: int, size: Size, playing: list[Chapter]) -> Entry:
    if name == "disk" and (why := disk.missing_tool()):
        return Entry(chapter=name, skipped=why)
    begun = time.monotonic()
    chapter = Chapter(
        name, folder, seed=seed, size=size, at_once=_PLACES.get(name, 8), file=name != "kills",
        settings=_SETTINGS.get(name, {}),
    )  # fmt: skip
    playing.append(chapter)
    with opened(chapter):
        try:
            CHAPTERS[name](chapter)
            evidence = chapter.close(records_only=name == "disk")
        except Exception:  # noqa: BLE001  # the other chapters are played to their end
            return Entry(chapter=name, skipped=traceback.format_exc(), folder=str(chapter.folder))
    findings = [*chapter.findings, *broken_promises(evidence)]
    chapter.figures["seconds"] = round(time.monotonic() - begun)
    print(f"  {name}: {chapter.figures['seconds']} s, {len(findings)} findings", flush=True)
    entry = entry_of(name, evidence, findings, chapter.figures)
    return replace(entry, folder=str(chapter.folder), promises=PROMISES[name])


def _tell(
    entries: list[Entry], folder: Path, *, seed: int, size: str, took: int, keep: bool
) -> int:
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    document = as_document(
        entries, seed=seed, size=size, seconds=took, at=when, commit=head.stdout.strip()
    )
    ledger = folder / "ledger.json"
    ledger.write_text(json.dumps(document, indent=2, default=str) + "\n")
    print(f"\n{as_table(entries)}\n")
    for entry in entries:
        told = "; ".join(f"{key} {value}" for key, value in entry.figures.items() if value != "")
        held = f" ({', '.join(entry.promises)})" if entry.promises else ""
        print(f"{entry.chapter}{held}: {entry.skipped or told}")
    findings = [(entry, finding) for entry in entries for finding in entry.findings]
    for entry, finding in findings[:_SHOWN]:
        where = f"[{', '.join(finding.events)}; look into {entry.folder}]"
        print(f"BROKEN {finding.promise} in {entry.chapter}: {finding.said} {where}")
    if len(findings) > _SHOWN:
        print(f"… and {len(findings) - _SHOWN} more in {ledger}")
    crashed = [entry for entry in entries if entry.skipped and entry.folder]
    if not findings and not crashed and not keep:
        for entry in entries:
            shutil.rmtree(entry.folder, ignore_errors=True)
    print(f"{'broken' if findings else 'kept'}; seed {seed}, {took} s, ledger {ledger}")
    return 1 if findings else 2 if crashed else 0


if __name__ == "__main__":
    sys.exit(main())
