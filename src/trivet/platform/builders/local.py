"""The builder that works on this machine: bundles and environments are folders beside each other."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from trivet.platform.builders import model
from trivet.platform.builders.archive import unpack
from trivet.platform.builders.decorated import likely_names
from trivet.platform.builders.descriptions import Program, endpoints_in, name_of, warnings_in
from trivet.platform.builders.environments import Environments
from trivet.platform.builders.leftovers import leftovers, remove
from trivet.platform.builders.loading import UNKNOWN, VariableMissing, load
from trivet.platform.builders.manifests import add_frozen, freeze
from trivet.platform.builders.members import Limits
from trivet.platform.builders.recognise import Kind, recognise
from trivet.platform.builders.requirements import Requirements, read_requirements
from trivet.platform.builders.runtime_bundle import RuntimeBundle
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import BuildFailed, CoreError, DeploymentRefused, StorageFull
from trivet.platform.ports.builder import Built, Checksum, TrialEnv
from trivet.platform.ports.clock import Clock
from trivet.protocol.removal import remove_folder
from trivet.protocol.runpod import POLLING_HOST

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = ".new"
_MOST_OUTPUT = 1024**2
_RUNNING = "Running {} up to where its worker starts"
_STEPS = {"algorithm": _RUNNING, POLLING_HOST: _RUNNING, model.HOST: "Checking the model"}
"""What is done with a bundle once its environment is there, by kind of host; else its handlers are loaded."""
UNUSED_FOR = 3600.0
"""Seconds that what nothing refers to must have been left alone before it is removed: longer than any build takes."""


class LocalBuilder:
    """Builds in the data folder: ``bundles/`` by digest, ``envs/`` by content, ``runtime/`` by content.

    Making one removes the bundles that an earlier process left half-unpacked.

    Args:
        data: the data folder.
        limits: what an upload may hold.
        install_timeout: seconds that installing may take.
        load_timeout: seconds that loading the handlers may take.
        clock: what the age of folders is told by.
    """

    def __init__(
        self,
        data: Path,
        *,
        limits: Limits | None = None,
        install_timeout: float = 900.0,
        load_timeout: float = 600.0,
        clock: Clock = time.time,
    ) -> None:
        self._bundles = data.resolve() / "bundles"
        self._environments = Environments(
            data.resolve() / "envs", RuntimeBundle(data.resolve() / "runtime"), timeout=install_timeout
        )
        self._limits = limits or Limits()
        self._load_timeout = load_timeout
        self._clock = clock
        self._locks: dict[str, asyncio.Lock] = {}
        for leftover in self._bundles.glob(f"*{_UNFINISHED}*"):
            remove_folder(leftover)

    async def unpack(self, archive: Path, filename: str, digest: str) -> str:
        """Unpacks an upload safely and returns the name of its bundle, which is its digest.

        Args:
            archive: the upload.
            filename: what the caller named it.
            digest: the SHA-256 of the upload, in hex.

        Raises:
            DeploymentRefused: a path that escapes, a link, a bomb, a syntax error, nothing deployable; nothing is kept.
            StorageFull: the disk is full; nothing is kept.
        """
        if not _DIGEST.fullmatch(digest):
            raise ValueError("a digest has 64 hex digits")
        async with self._locks.setdefault(digest, asyncio.Lock()):
            await asyncio.to_thread(self._unpack, archive, filename, digest)
        return digest

    async def build(
        self,
        bundle: str,
        on_step: Callable[[str], None],
        on_output: Callable[[str], None],
        *,
        filename: str = "",
        is_image: bool = False,
        checksum: Checksum | None = None,
        env: TrialEnv | None = None,
    ) -> Built:
        """Makes the environment of a bundle and loads its handlers once in it.

        Args:
            bundle: what `unpack` returned.
            on_step: told each step, a sentence for people.
            on_output: told what the installer and the code print, up to a mebibyte.
            filename: what the caller named the upload; an endpoint whose code does not name it is named after that.
            is_image: whether a program that misses an environment variable is built all the same, as a template sets that.
            checksum: tells the hashes of the hosted files that its code loads; None: they are not asked for.
            env: tells what the code finds in its environment while it is loaded; None: nothing. It is not asked for models.

        Raises:
            BuildFailed: with the reason in the author's or the installer's own words.
            StorageFull: the disk is full.
        """
        folder = self._bundles / bundle
        output = _bounded(on_output)
        try:
            on_step("Reading the code")
            kind, program, requirements = await asyncio.to_thread(_read, folder, filename)
            if is_image and kind.host == model.HOST:
                raise BuildFailed(
                    "A model is no image: it has no program that a template could start.",
                    hint="Deploy it as an endpoint.",
                )
            given = await self._given(env, folder, kind, program)
            warnings, manifest = await asyncio.to_thread(_beside, kind, folder, given)
            environment = await self._environments.ensure(requirements, on_step, output)
            if manifest is not None and checksum is not None:
                on_step("Freezing the model manifest")
                bundle, told = await self._freeze(bundle, manifest, checksum)
                folder, warnings = self._bundles / bundle, (*warnings, *told)
            on_step(_STEPS.get(kind.host, "Loading the handlers").format(program and program.path))
            python = self._environments.python(environment)
            try:
                path = program.path if program is not None else None
                answer = await load(
                    python, folder, path, kind.host, timeout=self._load_timeout, on_output=output, env=given
                )
                warnings = (*warnings, *warnings_in(answer))
            except VariableMissing as error:
                if not is_image:
                    raise
                answer, warnings = UNKNOWN, (*warnings, error.warning)
            endpoints = endpoints_in(answer, kind.host, program)
        except DeploymentRefused as error:
            raise BuildFailed(error.detail, hint=error.hint) from error
        except OSError as error:
            raise _system(error) from error
        return Built(bundle, environment, endpoints, warnings)

    @staticmethod
    async def _given(env: TrialEnv | None, folder: Path, kind: Kind, program: Program | None) -> Mapping[str, str]:
        """What the code finds in its environment while it is loaded; nothing for a model, which has none."""
        if env is None or kind.host == model.HOST:
            return {}
        names = (program.name,) if program is not None else await asyncio.to_thread(_likely_names, folder)
        return await env(names)

    async def _freeze(self, bundle: str, manifest: dict[str, Any], checksum: Checksum) -> tuple[str, tuple[str, ...]]:
        """Freezes a manifest; returns the bundle that has it, and what could not be frozen."""
        found = await freeze(manifest, checksum, self._clock())
        if not found.has_hashes:
            return bundle, found.warnings
        return await asyncio.to_thread(add_frozen, self._bundles, bundle, found), found.warnings

    async def forget_unused(self, bundles: AbstractSet[str], environments: AbstractSet[str]) -> int:
        """Removes what nothing refers to: bundles, environments, and worker runtimes that no environment is left for.

        What was made or asked for within the last `UNUSED_FOR` seconds stays.

        Args:
            bundles: the bundles to keep.
            environments: the environments to keep.

        Returns:
            How many folders have gone.
        """
        before = self._clock() - UNUSED_FOR
        removed = await self._environments.forget_unused(environments, before)
        for folder in await asyncio.to_thread(leftovers, self._bundles, bundles, before):
            async with self._locks.setdefault(folder.name, asyncio.Lock()):
                removed += await asyncio.to_thread(remove, folder, before)
        return removed

    def _unpack(self, archive: Path, filename: str, digest: str) -> None:
        target = self._bundles / digest
        if target.is_dir():
            os.utime(target)  # asked for again: it has to stay until this deployment's version refers to it
            return
        new = self._bundles / f"{digest}{_UNFINISHED}"
        try:
            unpack(archive, filename, new, self._limits)
            model.settle(new, archive, self._limits)
            _read(new)
            new.rename(target)
        finally:
            remove_folder(new)


def _read(bundle: Path, filename: str = "") -> tuple[Kind, Program | None, Requirements]:
    """What a bundle is, the program that is run where it is one, and what it needs."""
    source = SourceTree.read(bundle)
    kind = recognise(source)
    if kind.host == model.HOST:  # its files are data: a list of packages among them is none of ours
        program = Program(kind.program(source) or "", name_of(filename, model.title(bundle)))
        return kind, program, Requirements(tuple(sorted(kind.requirements(source))))
    requirements = read_requirements(
        bundle, kind.requirements(source), lines=kind.requirement_lines(source), usual=kind.usual
    )
    path = kind.program(source)
    return kind, Program(path, kind.name(source) or name_of(filename)) if path else None, requirements


def _likely_names(bundle: Path) -> tuple[str, ...]:
    return likely_names(SourceTree.read(bundle))


def _beside(kind: Kind, bundle: Path, given: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, Any] | None]:
    """What a bundle asks for that is not to be had, and the manifest that is to be frozen."""
    source = SourceTree.read(bundle)
    return kind.warnings(source, given.keys()), kind.manifest(source)


def _system(error: OSError) -> CoreError:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("The build could not go on: the platform's disk is full.")
    return BuildFailed(f"The build could not go on: {error.strerror or error}.")


def _bounded(on_output: Callable[[str], None]) -> Callable[[str], None]:
    left = _MOST_OUTPUT

    def give(line: str) -> None:
        nonlocal left
        if left <= 0:
            return
        left -= len(line) + 1
        on_output(line if left > 0 else "… what follows is not kept")

    return give
