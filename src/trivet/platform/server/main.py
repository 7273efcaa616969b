"""`trivet up`: one platform in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import uvicorn

from trivet.platform.core.errors import CoreError
from trivet.platform.server import logs, memory
from trivet.platform.server.app import create_root
from trivet.platform.server.bootstrap import Platform
from trivet.platform.server.data import DataFolderError
from trivet.platform.server.patience import Patience
from trivet.platform.server.protocol import http_protocol
from trivet.platform.server.settings import SettingError, Settings

Echo = Callable[[str], None]
OnReady = Callable[[str, Platform], None]


class StartError(Exception):
    """The platform can't start; the message says why and what to do."""


def serve(host: str | None, port: int | None, data: Path | None, *, echo: Echo, on_ready: OnReady | None = None) -> int:
    """Runs a platform until SIGINT or SIGTERM.

    Args:
        host: the address to listen on; None: the setting.
        port: the port, 0 for a free one; None: the setting.
        data: the data folder; None: the setting.
        echo: told what a person should know, line by line.
        on_ready: called with the URL and the platform once calls are answered.

    Returns:
        0 after a clean stop, 1 where it could not start (the reason has been told).
    """
    try:
        settings = Settings.load(host=host, port=port, data=data)
        logs.configure(settings.log_level, settings.log_format)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(settings, echo, on_ready))
    except (SettingError, DataFolderError, StartError) as error:
        echo(f"Trivet can't start. {error}")
        return 1
    except CoreError as error:
        echo(f"Trivet can't start. {error.detail} {error.hint}".rstrip())
        return 1
    return 0


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The fastest event loop that is installed."""
    try:
        import uvloop
    except ImportError:  # not on every system
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(settings: Settings, echo: Echo, on_ready: OnReady | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as (url, platform):
        if on_ready is not None:
            on_ready(url, platform)
        await stop.wait()
        echo("Stopping: running jobs may finish, waiting ones stay on disk.")


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[str, Platform]]:
    """A platform that answers calls while the block runs; yields its URL and itself.

    Raises:
        StartError: the address can't be listened on.
        DataFolderError, CoreError: the data folder or the database can't be used.
    """
    listening = _listen(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    try:
        platform = await Platform.open(settings, _url(_ANYWHERE.get(host, host), port))
    except BaseException:
        listening.close()
        raise
    root = create_root(platform)
    patience = Patience(settings.head_patience, settings.body_patience)
    config = uvicorn.Config(
        root.app,
        http=await http_protocol(root.hot_routes, patience, root.traffic),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=2,
        backlog=2048,
    )
    server = _Server(config)
    memory.settle()
    # who connects before it is up waits in the backlog
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield _url(host, port), platform
    finally:
        await platform.drain()
        server.should_exit = True
        await serving
        listening.close()
        await platform.close()


_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens there: it is what such a socket says
"""Where a server is to be found on its own machine that listens at every address."""


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """Leaves the process's signals to us: one handler stops workers, server and store in their order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} on {host} is in use, perhaps by another platform. Stop that one, or choose another: --port N."
            ) from None
        raise StartError(
            f"{host}:{port} can't be listened on: {error.strerror}. Choose another: --host, --port."
        ) from None
    sock.setblocking(False)
    return sock
