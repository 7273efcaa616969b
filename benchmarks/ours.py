"""Ours: a whole platform as a user starts it, with key check, schema, records on disk and separate workers."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import time
import tomllib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import trivet
from benchmarks.load import LoadError, Target, fetch
from benchmarks.network import free_port
from benchmarks.processes import Contender, StartError

_DATASET = re.compile(rb"(?i)\r\nlocation: [^\r]*/datasets/([0-9]+)")
DRAIN = 300.0
"""Seconds that jobs have to become final."""


class Ours:
    """A running platform on a folder of its own. Leave the `with` block to end it.

    Args:
        folder: where it may put everything.
        environ: settings beside the defaults.

    Attributes:
        process: its processes.
        key: an administrator's.
        client: the SDK's client, with that key.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self._config = folder / "config.toml"
        self._data = folder / "data"
        self._environ = {"TRIVET_CONFIG": str(self._config), "TRIVET_LOG_LEVEL": "warning", **(environ or {})}
        self.process = self._start()
        key = tomllib.loads(self._config.read_text())["api_key"]
        self._root = Target(self._port, "/", headers=(("authorization", f"Bearer {key}"),))
        self.key = key
        self.client = trivet.Client(self.url, key)

    def _start(self) -> Contender:
        up = [sys.executable, "-m", "trivet.cli", "up", "--port", str(self._port), "--data", str(self._data)]
        process = Contender("trivet", up, self.folder, self._environ)
        try:
            process.wait_for(lambda: fetch(Target(self._port, "/readyz")) and self._config.exists())
        except BaseException:
            process.stop()
            raise
        return process

    def restart(self) -> None:
        """Ends it and starts it again on the same data."""
        self.process.stop()
        self.process = self._start()

    def deploy(self, name: str, source: str, requirements: str = "") -> None:
        """Publishes what a module holds, under the account ``admin``.

        Raises:
            StartError: it does not build.
        """
        folder = self.folder / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(source)
        if requirements:
            (folder / "requirements.txt").write_text(requirements)
        self.publish(folder)

    def deploy_files(self, name: str, files: Mapping[str, str]) -> None:
        """Publishes a project, such as an algorithm's repository; the text of each of its files stands behind its path.

        Raises:
            StartError: it does not build.
        """
        folder = self.folder / name
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.publish(folder)

    def publish(self, folder: Path) -> None:
        """Publishes what lies in a folder.

        Raises:
            StartError: it does not build.
        """
        try:
            self.client.deploy(folder)
        except trivet.TrivetError as error:
            raise StartError(f"deploying {folder.name}: {error}") from error

    def call(self, endpoint: str, body: bytes, verb: str = "run") -> Target:
        """A call of an endpoint."""
        status, marker = (202, b"") if verb == "submit" else (200, b"event: piece" if verb == "stream" else b"")
        return self._root.to(f"/api/v1/endpoints/admin/{endpoint}/{verb}", body, status=status, marker=marker)

    def runpod(self, endpoint: str, body: bytes, verb: str = "runsync") -> Target:
        """A call of an endpoint in RunPod's dialect, which knows it by its opaque id."""
        opaque = self.client.endpoints.get(f"admin/{endpoint}").id
        return self._root.to(f"/runpod/v2/{opaque}/{verb}", body)

    def algorithmia(self, algorithm: str, body: bytes, owner: str = "admin") -> Target:
        """A call of an endpoint in Algorithmia's dialect, as `pipe` makes it."""
        return self._root.to(f"/algorithmia/v1/algo/{owner}/{algorithm}", body)

    def jaqpot(self, model: str, body: bytes, what: str = "predict") -> Target:
        """A prediction of a model in Jaqpot's dialect, which knows it by its integer; see `dataset` for what is asked next."""
        number = self.client.endpoints.get(f"admin/{model}").model_id
        return self._root.to(f"/jaqpot/v1/models/{number}/{what}", body, status=201)

    def dataset(self, answer: bytes) -> Target:
        """A look at the dataset that a prediction was answered with.

        Raises:
            LoadError: the answer names none.
        """
        found = _DATASET.search(answer)
        if found is None:
            raise LoadError(f"a prediction was answered with {answer[:300]!r}")
        return self._root.to(f"/jaqpot/v1/datasets/{int(found[1])}")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def file(self, name: str, collection: str = "bench", dialect: str = "") -> Target:
        """A file of hosted data, in the native API or in ``algorithmia``'s dialect."""
        root = "/algorithmia/v1/data" if dialect == "algorithmia" else "/api/v1/files"
        return self._root.to(f"{root}/.my/{collection}/{name}")

    def look(self, path: str) -> Target:
        """A request that reads."""
        return self._root.to(f"/api/v1{path}")

    def health(self, endpoint: str) -> dict[str, Any]:
        """The counts of an endpoint."""
        document: dict[str, Any] = json.loads(fetch(self.look(f"/endpoints/admin/{endpoint}/health")))
        return document

    def drain(self, endpoint: str, seconds: float = DRAIN) -> None:
        """Waits until no job of an endpoint is open.

        Raises:
            LoadError: one still was, in the end.
        """
        until = time.monotonic() + seconds
        while True:
            counts = self.health(endpoint)["jobs"]
            if not counts["queued"] and not counts["running"]:
                return
            if time.monotonic() > until:
                raise LoadError(f"{endpoint} still has {counts} after {seconds:g} s")
            time.sleep(0.005)

    def settle(self, endpoint: str, seconds: float = DRAIN) -> None:
        """Waits until no job of an endpoint is open, neither to the platform's knowledge nor on the disk.

        Raises:
            LoadError: one still was, in the end.
        """
        self.drain(endpoint, seconds)
        until = time.monotonic() + seconds
        while self.on_disk("SELECT 1 FROM jobs WHERE status IN ('queued', 'running') LIMIT 1"):
            if time.monotonic() > until:
                raise LoadError(f"{endpoint} still has open jobs on disk after {seconds:g} s")
            time.sleep(0.002)

    def without_workers(self, endpoint: str, seconds: float = 30.0) -> None:
        """Waits until an endpoint has no worker.

        Raises:
            LoadError: it still had one, in the end.
        """
        until = time.monotonic() + seconds
        while any(self.health(endpoint)["workers"].values()):
            if time.monotonic() > until:
                raise LoadError(f"{endpoint} still has workers after {seconds:g} s")
            time.sleep(0.02)

    def on_disk(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says, read beside the platform."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql).fetchall()

    @property
    def database(self) -> Path:
        """The file of the database."""
        return next(self._data.glob("*.db"), self._data / "trivet.db")

    def python(self) -> Path:
        """The interpreter of the environment that was made last."""
        made = sorted(self._data.glob("envs/*/bin/python"), key=lambda path: path.parent.parent.stat().st_mtime)
        return made[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.stop()
