"""Environments: what a bundle's requirements become, one for each set of them, shared by all that ask for the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

from trivet.platform.builders import tool
from trivet.platform.builders.leftovers import leftovers, remove
from trivet.platform.builders.requirements import Requirements
from trivet.platform.builders.runtime_bundle import RuntimeBundle
from trivet.platform.core.errors import BuildFailed, StorageFull

COMPLETE = ".complete"
"""The file that marks an environment as whole; it is written last."""
_PACKAGES = "lib/python*/site-packages"
_RUNTIME = "_trivet_runtime.pth"
_PASSED_ON = frozenset(
    {
        *("HOME", "LANG", "PATH", "NETRC", "SSL_CERT_DIR", "SSL_CERT_FILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("all_proxy", "http_proxy", "https_proxy", "no_proxy"),
    }
)
_QUOTED_LINES = 12

_CAUSES = (
    (("failed to parse", "unexpected end of version", "expected one of"), "a requirement can't be read", "Correct it"),
    (
        ("was not found in the package registry", "there are no versions of"),
        "a requirement is unknown",
        "Check its name",
    ),
    (
        ("failed to fetch", "dns error", "error sending request", "could not connect", "network was disabled"),
        "the package index can't be reached",
        "Check the network of the server",
    ),
    (("failed to build",), "a requirement has no wheel for this machine and does not build", "Choose one that has"),
    (("no solution found",), "the requirements can't be met together", "Loosen or correct them"),
)
"""What the installer says, in lower case, and what it means."""


class Environments:
    """The environments in a folder, each under the hash of what is in it.

    Args:
        folder: where they lie.
        runtime: the worker runtime that each of them is given.
        timeout: seconds that one may take to be made.
    """

    def __init__(self, folder: Path, runtime: RuntimeBundle, *, timeout: float = 900.0) -> None:
        self._folder = folder
        self._runtime = runtime
        self._timeout = timeout
        self._locks: dict[str, asyncio.Lock] = {}

    def python(self, name: str) -> Path:
        """The interpreter of an environment."""
        return self._folder / name / "bin" / "python"

    async def ensure(
        self, requirements: Requirements, on_step: Callable[[str], None], on_output: Callable[[str], None]
    ) -> str:
        """The name of the environment with exactly these requirements, made now where it is not there yet.

        Two that ask for the same at the same time share one.

        Raises:
            BuildFailed: with a sentence on the cause and the installer's own last lines.
            StorageFull: the disk is full.
        """
        runtime = await asyncio.to_thread(self._runtime.ensure)
        name = _name(requirements, runtime)
        folder = self._folder / name
        async with self._locks.setdefault(name, asyncio.Lock()):
            if (folder / COMPLETE).exists():
                os.utime(folder)  # asked for again: it has to stay until a version refers to it
                on_step("Using the environment that an earlier build made")
                return name
            count = len(requirements)
            on_step(f"Installing {count} requirement{'' if count == 1 else 's'}" if count else "Making an environment")
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # what a crash left half-made
            try:
                await self._make(folder, requirements, runtime, on_output)
            except BaseException:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                raise
        return name

    async def forget_unused(self, keep: AbstractSet[str], before: float) -> int:
        """Removes the environments that are not in ``keep`` and were last asked for before a moment, and then the runtimes
        that none of those left was given. Returns how many folders have gone.
        """
        removed = 0
        for folder in await asyncio.to_thread(leftovers, self._folder, keep, before):
            async with self._locks.setdefault(folder.name, asyncio.Lock()):
                removed += await asyncio.to_thread(remove, folder, before)
        return removed + await asyncio.to_thread(self._forget_runtimes, before)

    def _forget_runtimes(self, before: float) -> int:
        given = {Path(link.read_text().strip()).name for link in self._folder.glob(f"*/{_PACKAGES}/{_RUNTIME}")}
        return self._runtime.forget_unused(given, before)

    async def _make(
        self, folder: Path, requirements: Requirements, runtime: Path, on_output: Callable[[str], None]
    ) -> None:
        import uv

        program = uv.find_uv_bin()
        self._folder.mkdir(parents=True, exist_ok=True)
        base = ("--no-python-downloads", "--no-managed-python", "--color", "never", "--no-progress")
        python = str(self.python(folder.name))
        venv = (program, "venv", *base, "--no-project", "--python", sys.executable, str(folder))
        await self._run(venv, _quietly)
        if requirements.identity:
            listed = folder / "requirements.txt"
            listed.write_text(requirements.text)
            await self._run((program, "pip", "install", *base, "--python", python, "-r", str(listed)), on_output)
        await asyncio.to_thread(_finish, folder, runtime)

    async def _run(self, command: tuple[str, ...], on_output: Callable[[str], None]) -> None:
        # From the root folder, so that no project around the data folder brings settings of its own.
        finished = await tool.run(command, cwd=Path("/"), env=_environ(), timeout=self._timeout, on_line=on_output)
        if finished.status != 0:
            raise _failure(finished, self._timeout)


def _finish(folder: Path, runtime: Path) -> None:
    packages = next(folder.glob(_PACKAGES))
    # Relative, so that the data folder may be moved as a whole.
    (packages / _RUNTIME).write_text(f"{os.path.relpath(runtime, packages)}\n")
    (folder / COMPLETE).touch()


def _name(requirements: Requirements, runtime: Path) -> str:
    made_of = [
        *("runtime", runtime.name, "python", sys.version, "platform", sysconfig.get_platform()),
        *("requirements", *requirements.identity),
    ]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]


def _quietly(line: str) -> None:
    """What making a bare environment prints tells an author nothing."""


_SYSTEM_CERTIFICATES = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
"""Trust whom this machine trusts, as pip does: laboratories and firms have certificates of their own. (Newer and older uv.)"""


def _environ() -> dict[str, str]:
    passed_on = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("UV_")}
    return {**_SYSTEM_CERTIFICATES, **passed_on}


def _failure(finished: tool.Finished, timeout: float) -> BuildFailed | StorageFull:
    said = "\n".join(finished.last_lines[-_QUOTED_LINES:])
    lower = said.lower()
    if "os error 28" in lower or "no space left on device" in lower:
        return StorageFull("The environment could not be made: the platform's disk is full.")
    if finished.status is None:
        return BuildFailed(
            f"The environment could not be made: it took more than {timeout:g} s.\n{said}",
            hint="Deploy again; what was downloaded is kept.",
        )
    for signs, cause, advice in _CAUSES:
        if any(sign in lower for sign in signs):
            return BuildFailed(
                f"The environment could not be made: {cause}.\n{said}", hint=f"{advice}, and deploy again."
            )
    return BuildFailed(f"The environment could not be made: the installer failed.\n{said}")
