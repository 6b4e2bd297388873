"""How much of everything: three sizes of the same campaign."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """The figures of one size; durations in seconds."""

    events: int
    """Sent in the chapter of kills; a fifth of them again."""
    kills: int
    """SIGKILLs at random times."""
    ends: int
    """SIGTERMs among them."""
    per_point: int
    """Crashes at each of the twelve points."""
    backlog: int
    """Answers that wait for a sink that is away."""
    contexts: int
    """Contexts that share the backlog, one of which is always refused."""
    restarts: int
    """How often the service is killed and started with that backlog."""
    disk: float
    """How long one disk operation in a hundred fails."""
    full: float
    """How long the disk is full after that."""
    overload: float
    """How long ten times more comes than can be run."""
    requests: int
    """Requests that are not quite right."""
    latency: float
    """How long acceptances are timed; not judged when it is short."""
    settle: float
    """How long the service gets, once all is well again, to end what is open."""
    limit: float
    """How long a chapter goes on making trouble at most."""
    bound: str
    """What the whole takes, said before it begins."""


SIZES = {
    "small": Size(
        events=300,
        kills=7,
        ends=1,
        per_point=1,
        backlog=300,
        contexts=50,
        restarts=1,
        disk=6,
        full=2,
        overload=4,
        requests=1500,
        latency=2,
        settle=60,
        limit=90,
        bound="about a minute",
    ),
    "regular": Size(
        events=2000,
        kills=20,
        ends=5,
        per_point=5,
        backlog=2000,
        contexts=50,
        restarts=5,
        disk=60,
        full=5,
        overload=60,
        requests=10000,
        latency=60,
        settle=180,
        limit=900,
        bound="about five minutes",
    ),
    "release": Size(
        events=12000,
        kills=300,
        ends=50,
        per_point=25,
        backlog=20000,
        contexts=200,
        restarts=20,
        disk=600,
        full=30,
        overload=1800,
        requests=100000,
        latency=180,
        settle=600,
        limit=2700,
        bound="about an hour, half of it overload (--overload makes that shorter)",
    ),
}
