"""The gRPC server that a Botkube agent talks to.

It serves the executor contract, the health service under the name `plugin` and go-plugin's
`Shutdown`; the streams of standard output and of the broker are optional and left out. What
is answered is the business of a `Plugin`; whatever it raises becomes a message in chat, never
a traceback. Runs in one asyncio loop.
"""

import asyncio
import json
import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc

from service.botkube.wire import message_class

_UNLIMITED = -1
_GRACE = 0.5
_SERVING = 1
_NAMES = ("plugin", "")
_OPTIONS = (
    ("grpc.max_receive_message_length", _UNLIMITED),
    ("grpc.max_send_message_length", _UNLIMITED),
    ("grpc.so_reuseport", 0),
)

_Call = Any  # grpc.aio.ServicerContext, which is generic for the type checker only
_Method = Callable[[Any, _Call], Coroutine[Any, Any, Any]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One command from chat."""

    command: str
    """As it was typed, without the mention of the bot; begins with the name of the plugin."""
    configs: Sequence[bytes]
    """YAML of each binding of the channel, in their order."""
    interactive: bool
    """Whether the platform shows buttons and selects."""
    state: bytes
    """What was selected in Slack's blocks, JSON; usually empty."""
    kubeconfig: bytes
    user: str
    """A mention such as `<@U1>`, else the name that is shown, else empty."""
    display_name: str
    url: str
    """The message that asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What the index of plugins says about us."""

    version: str
    description: str
    schema: str
    documentation_url: str
    """May be empty."""
    dependencies: dict[str, dict[str, str]]
    """Program: platform such as `linux/amd64`: address."""


class Plugin(Protocol):
    """What answers."""

    async def execute(self, request: Request) -> Sequence[bytes]:
        """Return messages as JSON; the first is the answer, more are posted after it."""

    def help(self) -> bytes:
        """Return a message as JSON."""

    def description(self) -> Description:
        """Return what the index says."""


class PluginServer:
    """Serves one `Plugin` on a socket of its own."""

    def __init__(
        self,
        plugin: Plugin,
        *,
        stop: Callable[[], None],
        stopping: asyncio.Event,
        socket_dir: str | None = None,
    ) -> None:
        """*stop* is called when the host wants us to go, and sets *stopping* in the end.

        *socket_dir* is where the host wants sockets.
        """
        self._plugin = plugin
        self._stop = stop
        self._stopping = stopping
        self._socket_dir = socket_dir

    async def serve(self, listening: Callable[[str], None]) -> None:
        """Tell *listening* the path of the socket, then serve until *stopping* is set.

        The socket is in a fresh directory that nobody else may enter, and goes with it.
        """
        folder = Path(tempfile.mkdtemp(prefix="plugin", dir=self._socket_dir))
        server = grpc.aio.server(options=_OPTIONS)
        try:
            server.add_generic_rpc_handlers(self._services())
            address = str(folder / "s")
            server.add_insecure_port(f"unix:{address}")
            await server.start()
            listening(address)
            await self._stopping.wait()
            await server.stop(_GRACE)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _services(self) -> tuple[grpc.GenericRpcHandler, ...]:
        return (
            _service(
                "executor.Executor",
                Execute=(self._execute, "ExecuteRequest"),
                Metadata=(self._metadata, "Empty"),
                Help=(self._help, "Empty"),
            ),
            _service("grpc.health.v1.Health", Check=(self._check, "HealthCheckRequest")),
            _service("plugin.GRPCController", Shutdown=(self._shutdown, "Empty")),
        )

    async def _execute(self, asked: Any, _: _Call) -> Any:  # noqa: ANN401  # made at run time
        who = asked.context.message.user
        request = Request(
            command=asked.command,
            configs=tuple(config.rawYAML for config in asked.configs),
            interactive=asked.context.isInteractivitySupported,
            state=asked.context.slackState,
            kubeconfig=asked.context.kubeConfig,
            user=who.mention or who.displayName,
            display_name=who.displayName or who.mention,
            url=asked.context.message.url,
        )
        messages = await self._answer(request)
        response = message_class("ExecuteResponse")
        return response(message=messages[0] if messages else b"", messages=messages[1:])

    async def _answer(self, request: Request) -> Sequence[bytes]:
        try:
            return await self._plugin.execute(request)
        except Exception:  # the top of a call: one command must not look like a dead plugin
            reference = secrets.token_hex(4)
            log.exception("a command failed here (%s)", reference, extra={"reference": reference})
            text = f"Something is wrong in this plugin; its log tells more (look for {reference})."
            return [json.dumps({"baseBody": {"plaintext": text}}).encode()]

    async def _metadata(self, _: Any, __: _Call) -> Any:  # noqa: ANN401  # made at run time
        about = self._plugin.description()
        entry, dependency = message_class("DependenciesEntry"), message_class("Dependency")
        url = message_class("UrlsEntry")
        return message_class("MetadataResponse")(
            version=about.version,
            description=about.description,
            json_schema=message_class("JSONSchema")(value=about.schema),
            documentation_url=about.documentation_url,
            dependencies=[
                entry(key=name, value=dependency(urls=[url(key=k, value=v) for k, v in of.items()]))
                for name, of in about.dependencies.items()
            ],
        )

    async def _help(self, _: Any, __: _Call) -> Any:  # noqa: ANN401  # made at run time
        return message_class("HelpResponse")(help=self._plugin.help())

    async def _check(self, asked: Any, context: _Call) -> Any:  # noqa: ANN401  # made at run time
        if asked.service not in _NAMES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "only 'plugin' is served here")
        return message_class("HealthCheckResponse")(status=_SERVING)

    async def _shutdown(self, _: Any, __: _Call) -> Any:  # noqa: ANN401  # made at run time
        self._stop()
        return message_class("Empty")()


def _service(name: str, **methods: tuple[_Method, str]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        name,
        {
            method: grpc.unary_unary_rpc_method_handler(
                function,
                request_deserializer=message_class(request).FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for method, (function, request) in methods.items()
        },
    )
