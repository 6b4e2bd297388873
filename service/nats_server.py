"""Where NATS is and how we show who we are, for both directions.

`intake` takes events there, `delivery` brings answers; `wiring` makes one from the settings.
"""

import logging
import ssl
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class NatsServer:
    """One server; the token is read at each connect."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None

    @property
    def place(self) -> str:
        """The address without its secrets."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def options(self) -> dict[str, object]:
        """Return what a client needs besides the address."""
        given: dict[str, object] = {"name": "generic-executor-service"}
        if self.token_file is not None:
            given["token"] = partial(_token_in, self.token_file)
        if self.ca_file is not None:
            given["tls"] = ssl.create_default_context(cafile=str(self.ca_file))
        return given


def _token_in(file: Path) -> str:
    """Return what a token file holds; with none the server refuses, and the next try reads it."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        log.warning("the token for NATS cannot be read: %s", error)
        return ""
