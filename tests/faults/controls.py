"""How the suite reaches into a running server: a small file that the start script looks at, and one that it leaves behind."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What the start script does to the server.

    ``clock``: seconds by which the server's clock is wrong. ``point`` and ``passes``: it is killed when it comes by this
    kill point for the so-manieth time from now on; ``serial`` makes each such order a new one.
    """

    clock: float = 0.0
    point: str = ""
    passes: int = 0
    serial: int = 0


class Controls:
    """The folder that suite and server share. Nothing in it belongs to the platform."""

    VARIABLE = "FAULTS_CONTROLS"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "link.sock"
        self._file = folder / "settings.json"
        self._died = folder / "died"

    def write(self, settings: Settings) -> None:
        """Takes effect within `POLL` seconds."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(settings)))
        draft.replace(self._file)

    def read(self) -> Settings:
        try:
            return Settings(**json.loads(self._file.read_text()))
        except FileNotFoundError:
            return Settings()

    def stamp(self) -> int:
        """Changes whenever something was written."""
        try:
            return self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def note_death(self, point: str) -> None:
        """The last thing that a struck server does."""
        descriptor = os.open(self._died, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"{point}\n".encode())
        os.close(descriptor)

    def deaths(self) -> list[str]:
        """The kill points at which servers have died so far, in order."""
        return self._died.read_text().splitlines() if self._died.exists() else []


POLL = 0.02
"""Seconds between two looks at the settings."""
