"""How much of everything: three sizes of the same campaign."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """The figures of one size; durations in seconds."""

    events: int
    """Sent in the chapter of kills; a fifth of them again."""
    kills: int
    per_point: int
    """Crashes at each of the twelve points."""
    backlog: int
    """Answers that wait for a sink that is away."""
    contexts: int
    """Contexts that share the backlog, one of which is always refused."""
    disk: float
    """How long one disk operation in a hundred fails."""
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
        per_point=1,
        backlog=300,
        contexts=50,
        disk=6,
        settle=60,
        limit=90,
        bound="about a minute",
    ),
    "regular": Size(
        events=2000,
        kills=20,
        per_point=5,
        backlog=2000,
        contexts=50,
        disk=60,
        settle=180,
        limit=900,
        bound="about three minutes",
    ),
    "release": Size(
        events=12000,
        kills=300,
        per_point=25,
        backlog=20000,
        contexts=200,
        disk=600,
        settle=600,
        limit=2700,
        bound="about a quarter of an hour, at most 75 minutes",
    ),
}
