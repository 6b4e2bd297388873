"""Events go to Keptn's API from outside: `POST …/api/v1/event` with a token.

A `Sender` for `outbox`; the requests are made by `sink`. The file with the token is looked at
before each event, so that a new token needs no restart. The API gives every event an id of its
own; ours come back under other ids and are recognised by their source.
"""

from pathlib import Path

from service.delivery.sink import HttpSink
from service.errors import SinkUnavailable


class KeptnApiSink:
    """Posts events to the API of one Keptn."""

    def __init__(
        self,
        api: str,
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        attempt_timeout: float = 10,
    ) -> None:
        """*api* is the address of the gateway, such as `https://keptn.example.org/api`."""
        self._url = f"{api.rstrip('/')}/v1/event"
        self._token_file = token_file
        self._ca_file = ca_file
        self._attempt_timeout = attempt_timeout
        self._token = ""
        self._sink: HttpSink | None = None

    async def start(self) -> None:
        """Get ready to send in the running loop; connects to nobody yet."""
        await self._exchange("")

    async def close(self) -> None:
        """Close all connections; what is under way fails."""
        sink, self._sink = self._sink, None
        if sink is not None:
            await sink.close()

    async def send(self, body: bytes) -> None:
        """Deliver one event. Raises `SinkUnavailable` or `SinkRefused`."""
        token = self._read()
        if self._sink is None or token != self._token:
            await self._exchange(token)
        sink = self._sink
        if sink is None:
            raise SinkUnavailable("Keptn's API is not used now: the service starts or stops")
        await sink.send(body)

    def _read(self) -> str:
        if self._token_file is None:
            return ""
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not ASCII"
            raise SinkUnavailable(f"the token for Keptn's API cannot be read: {why}") from error
        if not token or not token.isprintable():
            raise SinkUnavailable("the file of GENEXEC_KEPTN_TOKEN_FILE does not hold a token")
        return token

    async def _exchange(self, token: str) -> None:
        headers = {"x-token": token} if token else {}
        sink = HttpSink(
            self._url,
            attempt_timeout=self._attempt_timeout,
            headers=headers,
            ca_file=self._ca_file,
        )
        await sink.start()
        old, self._sink, self._token = self._sink, sink, token
        if old is not None:
            await old.close()
