"""A proxy on the link between workers and server, which can be cut, or go deaf without anybody noticing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

_CHUNK = 64 * 1024


class LinkProxy:
    """Listens where workers are sent to, and hands on to the server. Lives on a thread of its own until `close`.

    While it is *held* nothing gets through, in neither direction, and no connection ends: a half-open link. What was said
    meanwhile arrives late, when it is let go.
    """

    def __init__(self, listen: Path, server: Path) -> None:
        self._listen = listen
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="link-proxy", daemon=True)
        self._thread.start()
        self._ready.wait(30)

    def hold(self) -> None:
        """From now on nothing gets through."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def release(self) -> None:
        """Everything gets through again, first what was held back."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def cut(self) -> int:
        """Ends every connection at once; returns how many that were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
        self._listen.unlink(missing_ok=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._flows.set()
        server = await asyncio.start_unix_server(self._connect, str(self._listen))
        self._ready.set()
        await self._end.wait()
        server.close()
        await self._cut()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(str(self._server))
        except OSError:  # the server is down: its workers learn it so
            writer.close()
            return
        self._open |= {writer, server_writer}
        await asyncio.gather(self._pass(reader, server_writer), self._pass(server_reader, writer))
        self._open -= {writer, server_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        await self._flows.wait()
        writer.close()

    async def _cut(self) -> int:
        held = list(self._open)
        for writer in held:
            writer.transport.abort()
        return len(held) // 2
