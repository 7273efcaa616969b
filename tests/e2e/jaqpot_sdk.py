"""Jaqpot's published SDK, unmodified, in a process of its own: what tests call it with, and what it saw."""

from __future__ import annotations

import json
import os
import select
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.originals import original_python

JAQPOT_LATEST = "6.2.3"
PACKAGE = "jaqpot-python-sdk"
_PATIENCE = 120.0
"""Seconds that one call may take: the SDK itself has no limit."""


def pointing_jaqpot(url: str, token: str) -> dict[str, str]:
    """The variables that point Jaqpot's SDK at a platform, as ``trivet env jaqpot`` prints them."""
    key, secret = pair(token)
    return {"JAQPOT_API_KEY": key, "JAQPOT_API_SECRET": secret, "JAQPOT_API_URL": f"{url}/jaqpot"}


def pair(token: str) -> tuple[str, str]:
    """The two halves of a token: ``trv_<id>`` and its secret."""
    key, _, secret = token.rpartition("_")
    return key, secret


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a call. Either it returned, or ``raised`` is the name of the exception."""

    returned: Any = None
    raised: str | None = None
    status: int | None = None
    body: str | None = None
    message: str | None = None
    text: str = ""
    seconds: float = 0.0

    @property
    def why(self) -> str:
        """The message in the body of an answer that is an error."""
        assert self.body, f"nothing was refused: {self}"
        said = json.loads(self.body)
        assert said["status"] == self.status
        message: str = said["message"]
        return message


class JaqpotSdk:
    """An interpreter that has imported Jaqpot's SDK once, and makes one call after the other.

    Args:
        folder: its home, which is also where it runs.
        **environ: what it is given beside PATH and the like.
    """

    def __init__(self, folder: Path, **environ: str) -> None:
        program = Path(__file__).parent / "programs" / "jaqpot_caller.py"
        self._process = subprocess.Popen(
            [str(original_python(JAQPOT_LATEST, PACKAGE)), "-u", str(program)],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ}, cwd=folder, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        assert self._line() == "ready", "Jaqpot's SDK can't be imported"

    def call(self, url: str, token: str, method: str, args: dict[str, Any], api: str | None = None) -> Told:
        """Makes one call: of the SDK, or with ``api`` of that part of the generated client below it."""
        key, secret = pair(token)
        asked = {"url": url, "key": key, "secret": secret, "method": method, "args": args, "api": api}
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        return Told(**json.loads(self._line()))

    def close(self) -> None:
        """Ends the interpreter."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        if not ready:
            self._process.kill()
            raise AssertionError(f"the SDK has not come back within {_PATIENCE:g} s")
        return self._process.stdout.readline().rstrip("\n")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an API key who uses the SDK."""

    sdk: JaqpotSdk
    url: str
    token: str = field(repr=False)

    def tries(self, method: str, /, **args: Any) -> Told:
        """A call of the SDK, however it ends."""
        return self.sdk.call(f"{self.url}/jaqpot", self.token, method, args)

    def gets(self, method: str, /, **args: Any) -> Any:
        """What a call of the SDK returns; it must not raise."""
        told = self.tries(method, **args)
        assert told.raised is None, told
        return told.returned

    def asks(self, api: str, method: str, /, **args: Any) -> Told:
        """A call of the generated client below the SDK, however it ends."""
        return self.sdk.call(f"{self.url}/jaqpot", self.token, method, args, api)
