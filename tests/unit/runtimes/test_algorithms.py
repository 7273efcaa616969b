"""What the workers of algorithms find in their environment, and how they are started."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.runtimes.stage import Stage
from trivet.platform.core.errors import Unavailable
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes.kinds import Kinds
from trivet.platform.runtimes.process import ProcessRuntime

TELLS = """
import json, os
print(json.dumps(dict(os.environ)))
"""


def spec_of(stage: Stage, program: str = TELLS, **secrets: str) -> WorkerSpec:
    spec = stage.spec("wkr_1", program, **secrets)
    return replace(spec, version=replace(spec.version, host="algorithm", handler="src/Hello.py"))


def test_the_address_of_the_platform_proves_which_worker_asks_and_no_secret_takes_its_place(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    async def act(runtime: ProcessRuntime) -> None:
        await runtime.start(spec_of(stage, ALGORITHMIA_API="http://elsewhere", MODEL="7"))
        await stage.gone("wkr_1")

    stage.play(act, url="http://127.0.0.1:8300")
    (line,) = stage.lines
    assert '"ALGORITHMIA_API": "http://127.0.0.1:8300/algorithmia/w/wkr_1"' in line
    assert '"TRIVET_ADDRESS_TOKEN": "token-of-the-worker"' in line
    assert '"TRIVET_HOST": "algorithm"' in line
    assert '"MODEL": "7"' in line


def test_without_a_place_to_ask_none_is_started(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    async def act(runtime: ProcessRuntime) -> None:
        with pytest.raises(Unavailable, match="finds the platform over HTTP"):
            await runtime.start(spec_of(stage))

    stage.play(act)


def test_no_parent_is_warmed_for_a_worker_that_imports_nothing_of_its_authors(tmp_path: Path) -> None:
    version = spec_of(Stage(tmp_path)).version
    kinds = Kinds(tmp_path / "bundles")
    asyncio.run(kinds.read(version))
    assert kinds.of(version, {}) is None
    native = replace(version, host="decorated", handler="worker:hello")
    asyncio.run(kinds.read(native))
    assert kinds.of(native, {}) is not None
