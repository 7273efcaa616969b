"""A handler behind HTTP on this machine, for trying it out: the original's development server, on the standard library."""

from __future__ import annotations

import json
import os
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless.program import Program
from trivet.sdk._json import object_in

journal = RunPodLogger()
_LONGEST_BODY = 100 * 1024 * 1024
_HELP = {
    "POST /runsync": "runs a job and answers with its output",
    "POST /run": "keeps a job, and answers with its id",
    "POST /status/{id}": "runs the job that was kept",
    "POST /stream/{id}": "the same for a generator, answering with its pieces",
}


class Reply(NamedTuple):
    """A status and a document."""

    status: int
    document: Any


class DevApi:
    """What the server answers, without the server.

    Args:
        program: the handler.
        at_once: how many jobs run at a time.
        endpoint_id: the endpoint whose ``/realtime`` is served; empty for none.
    """

    def __init__(self, program: Program, at_once: int = 1, endpoint_id: str = "") -> None:
        self._program = program
        self._room = threading.BoundedSemaphore(max(1, at_once))
        self._realtime = f"/{endpoint_id}/realtime" if endpoint_id else ""
        self._kept: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """The answer to one request."""
        path = path.partition("?")[0]
        if method == "GET":
            return Reply(200, _HELP) if path == "/" else Reply(405, {"error": "Method Not Allowed"})
        verb, _, job_id = path.strip("/").partition("/")
        if verb in {"run", "runsync"} and not job_id:
            return self._call(verb, body)
        if verb in {"status", "stream"} and job_id:
            return self._look(verb, job_id)
        if self._realtime and path == self._realtime:
            return self._at_once(body)
        return Reply(404, {"error": f"There is nothing at {path[:200]}."})

    def _call(self, verb: str, body: bytes) -> Reply:
        said = object_in(body)
        if said is None or not isinstance(said.get("input"), dict):
            return Reply(422, {"error": "The body is to be a JSON object whose `input` is one."})
        job_id = f"test-{uuid.uuid4()}"
        if verb == "run":
            self._kept[job_id] = said
            return Reply(200, {"id": job_id, "status": "IN_PROGRESS"})
        return Reply(200, self._run(job_id, said)[0])

    def _look(self, verb: str, job_id: str) -> Reply:
        said = self._kept.pop(job_id, None)
        if said is None:
            return Reply(200, {"id": job_id, "status": "FAILED", "error": "Job ID not found"})
        if verb == "stream" and not self._program.is_stream:
            return Reply(
                200, {"id": job_id, "status": "FAILED", "error": "Stream not supported, handler must be a generator."}
            )
        document, pieces = self._run(job_id, said)
        if verb == "stream" and "error" not in document:
            document = {"id": job_id, "status": "COMPLETED", "stream": [{"output": piece} for piece in pieces]}
        return Reply(200, document)

    def _at_once(self, body: bytes) -> Reply:
        said = object_in(body)
        if said is None or "input" not in said:
            return Reply(422, {"error": "The body is to be a JSON object with `id` and `input`."})
        with self._room:
            return Reply(200, self._program.rehearse({"id": str(said.get("id", "")), "input": said["input"]})[0])

    def _run(self, job_id: str, said: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        with self._room:
            report, pieces = self._program.rehearse({"id": job_id, "input": said["input"]})
        if "error" in report:
            return {"id": job_id, "status": "FAILED", "error": report["error"]}, pieces
        output = pieces if self._program.is_stream else report.get("output")
        return {"id": job_id, "status": "COMPLETED", "output": output}, pieces


def bound(program: Program, host: str, port: int, at_once: int) -> ThreadingHTTPServer:
    """A server that listens already, and answers once it is run.

    Raises:
        OSError: the address can't be listened on.
    """
    api = DevApi(program, at_once, os.environ.get("RUNPOD_ENDPOINT_ID", ""))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def log_message(self, format: str, *arguments: Any) -> None:
            journal.debug(format % arguments)

        def _answer(self, method: str) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > _LONGEST_BODY:
                reply = Reply(413, {"error": "The body is too large, or its length is not said."})
                self.close_connection = True
            else:
                reply = api.answer(method, self.path, self.rfile.read(int(length)))
            body = json.dumps(reply.document, default=str).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((host, port), Handler)


def serve(program: Program, host: str, port: int, at_once: int) -> None:
    """Serves a handler until it is interrupted.

    Args:
        program: the handler.
        host: the address to listen on.
        port: the port.
        at_once: how many jobs run at a time.

    Raises:
        OSError: the address can't be listened on.
    """
    with bound(program, host, port, at_once) as server:
        journal.info(f"Serving the handler on http://{host}:{server.server_address[1]} (POST /runsync)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            journal.info("SIGINT received. Shutting down.")
