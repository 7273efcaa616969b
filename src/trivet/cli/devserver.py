"""A platform of one's own for ``trivet dev``: a process of this command line, on a free port and a temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trivet.cli.errors import Failure
from trivet.cli.output import note

if TYPE_CHECKING:
    from trivet.sdk._config import Profile

START_LIMIT = 60.0
"""Seconds in which the platform must have started."""
STOP_LIMIT = 15.0
"""Seconds that it has to stop by itself before it is killed."""


@contextmanager
def temporary_platform() -> Iterator[Profile]:
    """Runs a platform while the block runs, and removes all that it has made. Gives its URL and its key.

    Raises:
        Failure: it did not start; says what it said.
    """
    with tempfile.TemporaryDirectory(prefix="trivet-dev-") as folder:
        home = Path(folder)
        log = home / "platform.log"
        with log.open("wb") as output:
            process = _start(home, output.fileno())
        try:
            yield _started(process, home / "config.toml", log)
        finally:
            _stop(process)


def _start(home: Path, output: int) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if name not in ("TRIVET_URL", "TRIVET_API_KEY")}
    # A profile of its own: it is where the new platform leaves its URL and key, and the user's stays as it is.
    environ["TRIVET_CONFIG"] = str(home / "config.toml")
    return subprocess.Popen(
        [sys.executable, "-m", "trivet.cli", "up", "--host", "127.0.0.1", "--port", "0", "--data", str(home / "data")],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environ,
        # Ctrl-C is for us to hear: we stop the platform when we have let go of it.
        start_new_session=True,
    )


def _started(process: subprocess.Popen[bytes], config: Path, log: Path) -> Profile:
    from trivet.sdk._config import read_profile

    limit = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < limit:
        profile = read_profile(config)
        if profile.url is not None and profile.api_key is not None:
            return profile
        time.sleep(0.05)
    ended = process.poll() is not None
    note(log.read_text(errors="replace").rstrip())
    raise Failure(
        f"A platform for dev {'did not start' if ended else f'took longer than {START_LIMIT:.0f} s to start'}."
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
