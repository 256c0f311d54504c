"""Runs the application under uvicorn: for everyone (`serve`) or for one command (`private`)."""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn

from server.app import create_app, give_up_long_work
from server.cli.failure import Failure
from server.edge.connections import connection_class
from server.edge.serving import Service
from server.settings import Settings
from storage.errors import DirectoryLocked, StorageError

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Asgi = Callable[[Any, _Receive, _Send], Awaitable[None]]

_LOG = logging.getLogger("uvicorn.error")
_STACK = 32 << 20  # bytes of a thread: what the engine's processes can hold of terms in each other, all threads can
_DRAIN_SECONDS = 2  # of the ten that `docker stop` leaves: the others are for what has to be written and closed


class Hosted:
    """The application, remembering why it could not start."""

    def __init__(self, app: Service) -> None:
        self.app = app
        self.failure: Exception | None = None

    def __call__(self, scope: Any, receive: _Receive, send: _Send) -> Awaitable[None]:  # noqa: ANN401 - as ASGI has it
        """Pass everything on."""
        live: _Asgi = self.app if scope["type"] != "lifespan" else self._live
        return live(scope, receive, send)

    async def _live(self, scope: Any, receive: _Receive, send: _Send) -> None:  # noqa: ANN401 - as ASGI has it
        async def without_traceback(message: _Message) -> None:
            await send({name: value for name, value in message.items() if name != "message"})

        try:
            await self.app(scope, receive, without_traceback)
        except Exception as error:
            self.failure = error
            raise


class Server(uvicorn.Server):
    """uvicorn, which says when it listens and raises why it does not."""

    def __init__(self, config: uvicorn.Config, hosted: Hosted, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._hosted = hosted
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the data directory and listen."""
        await super().startup(sockets)
        _LOG.setLevel(logging.WARNING)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests end for a while, but for those that may take long, and close everything."""
        give_up_long_work(self._hosted.app)
        await super().shutdown(sockets)

    def run_or_raise(self, sockets: list[socket.socket] | None = None) -> None:
        """Run until it is told to stop. Raises Failure where the data directory cannot be used."""
        _LOG.setLevel(logging.CRITICAL)  # what goes wrong until it listens is ours to tell
        try:
            self.run(sockets)
        except SystemExit:
            if self._hosted.failure is None:
                raise
        if self._hosted.failure is not None:
            raise failure_of(self._hosted.failure) from self._hosted.failure


def failure_of(error: Exception) -> Exception:
    """Return the failure that an error at the start is; what is a bug stays as it is."""
    if isinstance(error, DirectoryLocked):
        return Failure(str(error), hint=_way_round(error.holder))
    return Failure(str(error)) if isinstance(error, StorageError) else error


def _way_round(holder: str) -> str:
    at, _, _ = holder.removeprefix("the server at ").partition(" (")
    return f"ask that server: --url {at}" if at.startswith("http") else "try again when it has ended"


def _server(settings: Settings, what: str | None, on_start: Callable[[], None], **options: Any) -> Server:  # noqa: ANN401
    hosted = Hosted(create_app(settings, what))
    config = uvicorn.Config(
        hosted,
        interface="asgi3",
        lifespan="on",
        http=connection_class(settings),
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips="*" if "*" in settings.proxies else sorted(settings.proxies),
        timeout_keep_alive=settings.keep_alive_seconds,  # type: ignore[arg-type] # a number of seconds
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        **options,
    )
    return Server(config, hosted, on_start)


def serve(settings: Settings, listener: socket.socket, on_start: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what ends soon and close the data directory."""
    threading.stack_size(_STACK)
    gc.set_threshold(20_000, 20, 20)  # requests make few cycles, and looking for them took a tenth of the time
    with listener:
        _server(settings, None, on_start, **_tls(settings)).run_or_raise([listener])


def _tls(settings: Settings) -> dict[str, str]:
    return {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key} if settings.tls_cert else {}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound. Raises Failure where the address is taken or is none."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        reason = "the port is taken" if error.errno == 98 else (error.strerror or str(error))
        raise Failure(f"cannot listen on {host}:{port}: {reason}", hint="choose another --port, or 0") from None


@contextlib.contextmanager
def private(settings: Settings) -> Iterator[Path]:
    """Serve this process alone, on a Unix domain socket in a directory that nobody else can enter."""
    with tempfile.TemporaryDirectory(prefix="twinhouse-") as folder:
        path = Path(folder) / "socket"
        started = threading.Event()
        server = _server(settings, f"`twinhouse {' '.join(sys.argv[1:2])}`", started.set, uds=str(path))
        thread = _Runner(server, started)
        thread.start()
        try:
            started.wait()
            thread.raise_error()
            yield path
        finally:
            server.should_exit = True
            thread.join()
        thread.raise_error()


class _Runner(threading.Thread):
    """Runs a server and keeps what it raises."""

    def __init__(self, server: Server, started: threading.Event) -> None:
        super().__init__(name="private-server", daemon=True)
        self._server = server
        self._ready = started
        self._error: BaseException | None = None

    def run(self) -> None:
        """Serve; in the end `started` is set in any case."""
        try:
            self._server.run_or_raise()
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def raise_error(self) -> None:
        """Raise what ended the server, if anything did."""
        if self._error is not None:
            raise self._error
