"""A small real HTTP server on the loopback, that answers as a test tells it and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "trv_0123456789ab_secretsecretsecretsecretsecretsecretsecr"


@dataclass
class Exchange:
    """One request that came, and the means to answer it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    port: int
    handler: BaseHTTPRequestHandler = field(repr=False)
    stopping: threading.Event = field(repr=False)
    sent: int = 0
    """Bytes of a long body that were taken."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Content-Length", str(len(body)))
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def json(self, document: Any, status: int = 200, **headers: str) -> None:
        self.answer(status, json.dumps(document).encode(), Content_Type="application/json", **headers)

    def output(self, value: Any, job_id: str = "job_1") -> None:
        self.json(value, Trivet_Job_Id=job_id, Trivet_Duration="1", Trivet_Queued="0", Trivet_Attempts="1")

    def problem(self, status: int, code: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        document = {
            "type": f"urn:trivet:error:{code}",
            "status": status,
            "code": code,
            "title": "It went wrong",
            **more,
        }
        body = json.dumps(document).encode()
        self.answer(status, body, Content_Type="application/problem+json", **(headers or {}))

    def begin(self) -> None:
        """The head of a stream of events."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def send(self, text: str) -> None:
        data = text.encode()
        self.handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.handler.wfile.flush()

    def event(self, name: str, data: Any, event_id: int | None = None) -> None:
        number = "" if event_id is None else f"id: {event_id}\n"
        self.send(f"event: {name}\n{number}data: {json.dumps(data)}\n\n")

    def end(self) -> None:
        self.handler.wfile.write(b"0\r\n\r\n")

    def drop(self) -> None:
        """Cut the connection, in the middle of whatever was sent."""
        self.handler.wfile.flush()
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.connection.close()
        self.handler.close_connection = True

    def hold(self) -> None:
        """Say nothing until the test is over."""
        self.stopping.wait(30)
        self.handler.close_connection = True


Answer = Callable[[Exchange], None]


class Server:
    """Answers each request by the newest answer given for its method and path; ``prepare`` gives some before the first comes."""

    def __init__(
        self,
        port: int = 0,
        context: ssl.SSLContext | None = None,
        prepare: Callable[[Server], None] = lambda _: None,
    ) -> None:
        self.seen: list[Exchange] = []
        self.stopping = threading.Event()
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def log_message(self, *arguments: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (OSError, ValueError):
                    self.close_connection = True

            def finish(self) -> None:
                with suppress(ConnectionError, ValueError):
                    super().finish()

            def serve(self) -> None:
                outer._serve(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 — the base class looks for these

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self._scheme = "http"
        if context is not None:
            self._scheme = "https"
            # The handshake belongs to the thread of its connection, not to the one that accepts.
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        prepare(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._http.server_port

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answer so: one after another, and the last again and again."""
        prefix = "" if path.startswith(("/readyz", "/api")) else "/api/v1"
        self._answers[method, prefix + path] = list(answers)

    def close(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        exchange = Exchange(
            handler.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in handler.headers.items()},
            _body(handler),
            handler.client_address[1],
            handler,
            self.stopping,
        )
        with self._lock:
            self.seen.append(exchange)
            answers = self._answers.get((exchange.method, exchange.path))
            answer = None if not answers else answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            exchange.problem(404, "not_found", detail=f"Nothing at {exchange.path}.", hint="Look again.")
        else:
            answer(exchange)


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("transfer-encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length") or 0))
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(context=context)
    try:
        yield server
    finally:
        server.close()


def job(status: str = "queued", job_id: str = "job_1", **more: Any) -> dict[str, Any]:
    """A job's document."""
    return {
        "id": job_id,
        "status": status,
        "endpoint": "admin/hello",
        "endpoint_id": "abcdefghijklmn",
        "version": "1.0.0",
        "attempts": 1,
        "created_at": "2026-11-21T08:00:00.000Z",
        "started_at": None,
        "finished_at": None,
        "queued_ms": None,
        "duration_ms": None,
        "progress": None,
        "pieces": 0,
        "error": None,
        **more,
    }


def accepted(document: dict[str, Any]) -> Answer:
    return lambda exchange: exchange.json(document, 202, Location=f"/api/v1/jobs/{document['id']}")


FAILURE = {
    "code": "handler_error",
    "message": "no such name",
    "type": "ValueError",
    "traceback": "Traceback (most recent call last):\n  File main.py, line 3\nValueError: no such name",
    "worker_log": ["loading", "ready"],
    "hint": "Look at main.py, line 3.",
}
