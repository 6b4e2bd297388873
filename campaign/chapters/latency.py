"""How long an acceptance takes at 50 events/s, and what a script costs over its shell: R17.

It is played alone, after the others. Machines are noisy: it waits for a quiet moment, takes
bare shell and script in turn, compares medians, and tries once more before it says anything. On a
machine that others keep busy nothing can be said about time; then it says that.
"""

import shutil
import subprocess
import time
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from campaign.chapter import Chapter
from campaign.flood import Flood
from campaign.plan import Planned, planned_events
from campaign.processes import busy_share
from campaign.scripts import script_files

PROMISES = ("R17",)
JUDGED_FROM = 30.0
"""Seconds; a shorter run only shows that this chapter can be played."""
_RATE = 50
_P99 = 0.050
_COST = 0.010
_QUIET = 0.4
_WAIT = 30.0
_PAUSE = 0.08
_TRIES = 2


def run(chapter: Chapter) -> None:
    """Time it, once more when it was too slow."""
    size = chapter.size
    judged = size.latency >= JUDGED_FROM
    chapter.service.start()
    _warm(chapter)
    for number in range(_TRIES if judged else 1):
        busy = _wait_for_quiet() if judged else 0.0
        acceptances = _acceptances(chapter, number)
        chapter.settle()
        shells, scripts = _costs(chapter, number, pairs=100 if judged else 10)
        p99 = quantiles(acceptances, n=100)[98]
        cost = median(scripts) - median(shells)
        chapter.figures |= {
            "acceptance_p50_ms": round(1000 * median(acceptances), 1),
            "acceptance_p99_ms": round(1000 * p99, 1),
            "acceptances": len(acceptances),
            "bare_shell_ms": round(1000 * median(shells), 1),
            "script_ms": round(1000 * median(scripts), 1),
            "cost_ms": round(1000 * cost, 1),
            "busy_before": f"{busy:.0%}" if judged else "",
            "tries": number + 1,
        }
        if p99 < _P99 and cost < _COST:
            return
    if judged and busy > _QUIET:
        chapter.figures["not_judged"] = "other programs kept the machine busy all the time"
        return
    if judged and p99 >= _P99:
        chapter.broken("R17", f"99 % of acceptances took up to {1000 * p99:.0f} ms, also again")
    if judged and cost >= _COST:
        chapter.broken("R17", f"a script costs {1000 * cost:.1f} ms over its shell, also again")


def _warm(chapter: Chapter) -> None:
    events = planned_events(chapter.random, count=20, seconds=0.5, prefix="w", only=("quick",))
    chapter.sender.send_all(chapter.plan(events))
    chapter.settle()


def _wait_for_quiet() -> float:
    """Return how busy the machine is, once it is quiet or after half a minute."""
    deadline = time.monotonic() + _WAIT
    while (busy := busy_share(1.0)) > _QUIET and time.monotonic() < deadline:
        pass
    return busy


def _acceptances(chapter: Chapter, number: int) -> list[float]:
    """Send at a steady rate, whatever is answered; return the seconds from due to answered."""
    seconds = chapter.size.latency
    events = planned_events(
        chapter.random, count=round(_RATE * seconds), seconds=seconds, prefix=f"l{number}",
        only=("quick",),
    )  # fmt: skip
    flood = Flood(urlsplit(chapter.service.address).port or 0, chapter.plan(events))
    flood.run()
    chapter.sender.accepted |= flood.accepted
    return list(flood.seconds.values())


def _costs(chapter: Chapter, number: int, *, pairs: int) -> tuple[list[float], list[float]]:
    """Return the seconds of the bare shell and of the script, of one text, taken in turn."""
    events = chapter.plan(
        planned_events(chapter.random, count=pairs, seconds=0, prefix=f"c{number}", only=("quick",))
    )
    shells = []
    for event in events:
        shells.append(_bare(chapter))
        time.sleep(_PAUSE)
        chapter.sender.send(event)
        time.sleep(_PAUSE)
    chapter.settle()
    return shells, [_of(chapter, event) for event in events]


def _bare(chapter: Chapter) -> float:
    script = chapter.folder / "bare.sh"
    if not script.exists():
        script.write_text(script_files("")["quick.triggered.sh"])
    bash = shutil.which("bash") or "bash"
    known = {"ID": "bare", "GENEXEC_SCRIPT": "bare", "GENEXEC_ATTEMPT": "1", "PATH": "/usr/bin"}
    environment = known | {"ENV_CAMPAIGN_WITNESS": str(Path(chapter.folder, "bare-witness"))}
    begun = time.monotonic()
    subprocess.run([bash, str(script)], env=environment, check=True, capture_output=True)
    return time.monotonic() - begun


def _of(chapter: Chapter, event: Planned) -> float:
    """Return how long the script of an event took, by the record."""
    runs = chapter.service.reader.runs(limit=500)
    run = next(run for run in runs if run.event_id == event.id)
    (attempt,) = chapter.service.reader.run(run.id).attempts
    if attempt.started_at is None or attempt.ended_at is None:
        raise ValueError(f"run {run.id} has no times")
    return (attempt.ended_at - attempt.started_at).total_seconds()
