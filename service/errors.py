"""Everything that can go wrong, as one tree.

    GenexecError
    ├── TryAgainLater            the same thing may work in a moment
    │   ├── QueueFull            429
    │   ├── Draining             503
    │   ├── JournalUnavailable   503
    │   ├── SourceUnavailable    the run stays `unresolved` and is looked up again
    │   ├── RunnerLost           the run is `interrupted`
    │   ├── EnvironmentNotMade   the run is `errored`; the next one tries again
    │   ├── KeptnUnavailable     Keptn's API or its NATS is asked again
    │   ├── ProgramsBusy         whoever asked in chat is told to ask again
    │   ├── ProgramNotStarted    likewise
    │   ├── EngineUnavailable    whoever asked is told to ask again
    │   └── SinkUnavailable      the outgoing event stays `pending`
    └── NeverAgain               it will fail the same way again
        ├── BadEvent             400
        │   └── InvalidName      400
        ├── EventTooLarge        413
        ├── UnsupportedMediaType 415
        ├── ContentConflict      422
        ├── KeptnRefused         Keptn's API does not do what we ask
        ├── SinkRefused          the outgoing event is `dead`
        ├── BadScript            the run is `errored`; carries the line
        ├── BadTarget            an `.http` request may not go there
        ├── BadSettings          exit code 78
        ├── SourceMisconfigured  refused at start, or the project is rejected
        ├── JournalLocked        another instance owns the journal
        ├── JournalUnreadable    503 (newer version, or damaged beyond reading)
        ├── UnknownRun           404
        ├── Mistyped             a command in chat; carries one that would do
        ├── Refused              no rule allows a command in chat
        ├── NoSuchProgram        a command in chat names it
        ├── UnknownScript        404
        ├── EventForgotten       410
        └── NotPermitted         403

The docstring of a class is its message when none is given. A script that fails is not
an error but a value: see `outcome`.
"""


class GenexecError(Exception):
    """Something went wrong in generic-executor-service."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class TryAgainLater(GenexecError):
    """This did not work now and may work in a moment."""


class QueueFull(TryAgainLater):
    """Too many accepted events are waiting to be run; send this one again later."""


class Draining(TryAgainLater):
    """The service is shutting down; send the event again later."""


class JournalUnavailable(TryAgainLater):
    """The journal cannot be written now; send the event again later."""


class SourceUnavailable(TryAgainLater):
    """The script source could not be reached; the event stays in the journal."""


class RunnerLost(TryAgainLater):
    """The runner process ended while the script was running; what the script did is unknown."""


class EnvironmentNotMade(TryAgainLater):
    """The packages that the script declares could not be installed."""

    def __init__(self, message: str = "", *, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class KeptnUnavailable(TryAgainLater):
    """Keptn does not answer; it is asked again."""


class ProgramsBusy(TryAgainLater):
    """Too many programs are running for chat; try again in a moment."""


class ProgramNotStarted(TryAgainLater):
    """The program could not be started."""


class EngineUnavailable(TryAgainLater):
    """The service that runs the scripts could not be reached."""


class SinkUnavailable(TryAgainLater):
    """The event sink did not take the event; it is sent again."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NeverAgain(GenexecError):
    """This will fail the same way when it is tried again."""


class BadEvent(NeverAgain):
    """The request is not a CloudEvent."""


class InvalidName(BadEvent):
    """A project, stage or service has an invalid name."""


class EventTooLarge(NeverAgain):
    """The request body is larger than the limit."""


class UnsupportedMediaType(NeverAgain):
    """The content type is not one that carries a CloudEvent."""


class ContentConflict(NeverAgain):
    """An event with the same source and id but other content was accepted before."""


class KeptnRefused(NeverAgain):
    """Keptn does not do what it is asked."""


class SinkRefused(NeverAgain):
    """The event sink refused the event; it is kept as a dead letter."""


class BadScript(NeverAgain):
    """The script cannot be run as it is written."""

    def __init__(self, message: str = "", *, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


class BadTarget(NeverAgain):
    """The address of an .http request is not allowed."""


class BadSettings(NeverAgain):
    """A setting has a value that cannot be used."""


class SourceMisconfigured(NeverAgain):
    """The address of the scripts cannot be used."""


class JournalLocked(NeverAgain):
    """Another instance of the service uses this state directory."""


class JournalUnreadable(NeverAgain):
    """The journal cannot be read by this version of the service."""


class UnknownRun(NeverAgain):
    """There is no run with this id."""


class Mistyped(NeverAgain):
    """The command cannot be understood."""

    def __init__(self, message: str = "", *, try_this: str = "") -> None:
        super().__init__(message)
        self.try_this = try_this


class Refused(NeverAgain):
    """No rule allows this command."""


class NoSuchProgram(NeverAgain):
    """The program is not installed where the plugin runs."""


class UnknownScript(NeverAgain):
    """There is no script of this name at this place."""


class EventForgotten(NeverAgain):
    """The event of this run is no longer kept, so it cannot be run again."""


class NotPermitted(NeverAgain):
    """The credentials do not allow this."""
