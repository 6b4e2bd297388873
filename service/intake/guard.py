"""The guard: who sent this request, and whether they may.

`gate` asks twice: at sight, when only the header is there, and again with the body when the
request claims to be signed. What is not proven is refused with 401, what is not allowed with
403, and who is wrong too often with 429.
"""

from collections.abc import Callable

from service.intake.asgi import Request
from service.intake.attempts import WrongAttempts
from service.intake.refusals import Denial
from service.intake.roll import Roll
from service.intake.senders import Scope, Sender
from service.ports import Clock

_WAIT = (b"retry-after", b"10")
_DENIED = Denial(
    status=401,
    code="not-authenticated",
    message="no valid credentials came with the request",
    headers=((b"www-authenticate", b"Bearer"),),
)
_TOO_MANY = Denial(
    status=429,
    code="too-many-attempts",
    message="too many requests without valid credentials came from this address",
    headers=(_WAIT,),
)
_PLACES = {
    Scope.SEND: "send events",
    Scope.READ: "read",
    Scope.OPERATE: "operate the service",
}


class Guard:
    """Knows senders by what they show; used from one event loop only."""

    def __init__(self, roll: Callable[[], Roll], *, tolerance: float, clock: Clock) -> None:
        """*roll* gives the senders in force now; signed times may be off by *tolerance*."""
        self._roll = roll
        self._tolerance = tolerance
        self._clock = clock
        self._attempts = WrongAttempts()

    def at_sight(self, request: Request, scope: Scope) -> Sender | Denial | None:
        """Return who it is, or that they may not; None when only the body can tell."""
        roll = self._roll()
        sender = roll.at_sight(request)
        if sender is not None:
            return _permitted(sender, scope)
        return None if roll.signature_shown(request) else self._unknown(request)

    def known(self, request: Request, scope: Scope) -> Sender | None:
        """Return who it is when they may; None, and nothing counted, in every other case."""
        sender = self._roll().at_sight(request)
        return sender if sender is not None and scope in sender.scopes else None

    def by_signature(self, request: Request, body: bytes, scope: Scope) -> Sender | Denial:
        """Return who signed it, or that they may not."""
        found = self._roll().by_signature(
            request, body, now=self._clock.now().timestamp(), tolerance=self._tolerance
        )
        if found is None:
            return self._unknown(request)
        sender, signature = found
        for name, _ in request.headers:
            if name.startswith(b"ce-") and not signature.covers(name):
                return Denial(
                    status=403,
                    code="not-signed",
                    message=f"the signature does not cover the header {name.decode('latin-1')!r}; "
                    "send signed events in structured mode",
                )
        return _permitted(sender, scope)

    def _unknown(self, request: Request) -> Denial:
        wrong = self._attempts.too_many(request.peer, now=self._clock.monotonic())
        return _TOO_MANY if wrong else _DENIED


def _permitted(sender: Sender, scope: Scope) -> Sender | Denial:
    if scope in sender.scopes:
        return sender
    return Denial(
        status=403,
        code="not-allowed",
        message=f"sender {sender.name!r} may not {_PLACES[scope]}: it lacks the scope {scope}",
    )
