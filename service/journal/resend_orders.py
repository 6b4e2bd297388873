"""Orders to send dead letters after all, left in the state directory.

`genexec resend` leaves one, the engine looks for them and takes them away when they are
carried out. Whoever may write into the state directory may give such orders; no port has to
be open for it, and an order given while the engine is away waits for it.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.errors import JournalUnavailable

EVERY = ""
"""In place of an id: all dead letters there are."""
_LONGEST = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One order; its file is there until it is carried out."""

    file: Path
    event: str
    """The id of the event, or `EVERY`."""

    def is_waiting(self) -> bool:
        """Say whether it is not carried out yet."""
        return self.file.exists()

    def carried_out(self) -> None:
        """Take it away."""
        self.file.unlink(missing_ok=True)


class ResendOrders:
    """The orders of a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "resend"

    def leave(self, event_id: str) -> Order:
        """Give an order. Raises `JournalUnavailable`."""
        name = f"{time.time_ns()}-{secrets.token_hex(4)}"
        file = self._folder / f"{name}.order"
        beside = self._folder / f"{name}.new"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            beside.write_text(event_id, encoding="utf-8")
            beside.rename(file)
        except OSError as error:
            raise JournalUnavailable(f"the order cannot be given: {error}") from error
        return Order(file=file, event=event_id)

    def waiting(self) -> Sequence[Order]:
        """Return the orders that wait, oldest first."""
        try:
            files = sorted(self._folder.glob("*.order"))
            return [Order(file=file, event=file.read_text("utf-8")[:_LONGEST]) for file in files]
        except (OSError, UnicodeDecodeError):
            return []
