"""Which programs are workers by our module, and what they need for it: nothing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.unit.builders.folders import bundle_of
from trivet.platform.builders.descriptions import Program, endpoints_in
from trivet.platform.builders.loading import load
from trivet.platform.builders.recognise import recognise
from trivet.platform.builders.runpod import DropInWorker, RunPodWorker
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import DeploymentRefused
from trivet.protocol.runpod import LINKED_HOST, POLLING_HOST


def kind_of(folder: Path, source: str) -> object:
    return recognise(SourceTree.read(bundle_of(folder, {"handler.py": source})))


@pytest.mark.parametrize(
    "source",
    [
        "import trivet.runpod as runpod\nrunpod.serverless.start({})",
        "import trivet.runpod\ntrivet.runpod.serverless.start({})",
        "import trivet\ntrivet.runpod.serverless.start({})",
        "from trivet import runpod\nrunpod.serverless.start({})",
        "from trivet.runpod import serverless as s\ns.start({})",
        "from trivet.runpod.serverless import start as go\ngo({})",
        "import trivet.runpod.serverless as s\nbegin = s.start\nbegin({})",
    ],
)
def test_a_worker_by_our_module_is_found_and_needs_no_package(source: str, tmp_path: Path) -> None:
    kind = kind_of(tmp_path, source)
    assert isinstance(kind, DropInWorker)
    assert (kind.host, kind.usual) == (POLLING_HOST, ())


@pytest.mark.parametrize(
    ("source", "host"),
    [
        ("import trivet.runpod as runpod\nrunpod.serverless.start({'handler': print})", LINKED_HOST),
        (
            "import trivet.runpod as runpod\nrunpod.serverless.start({'handler': print, 'concurrency_modifier': None})",
            LINKED_HOST,
        ),
        (
            "from trivet.runpod.serverless import start\nstart({'handler': print, 'concurrency_modifier': lambda n: 1})",
            POLLING_HOST,
        ),
        ("import runpod\nrunpod.serverless.start({'handler': print})", POLLING_HOST),
    ],
)
def test_a_worker_by_our_module_gets_the_link_unless_it_chooses_how_many_jobs_it_takes(
    source: str, host: str, tmp_path: Path
) -> None:
    original = {"runpod/__init__.py": "from . import serverless", "runpod/serverless.py": "start = None"}
    bundle_of(tmp_path, {"handler.py": source, **original})
    answer = asyncio.run(load(Path(sys.executable), tmp_path, "handler.py", timeout=30, on_output=print))
    (endpoint,) = endpoints_in(answer, POLLING_HOST, Program("handler.py", "mine"))
    assert endpoint.host == host


def test_a_program_that_can_do_with_either_is_given_the_original(tmp_path: Path) -> None:
    source = (
        "try:\n    import runpod\nexcept ImportError:\n    import trivet.runpod as runpod\nrunpod.serverless.start({})"
    )
    kind = kind_of(tmp_path, source)
    assert type(kind) is RunPodWorker
    assert kind.usual == ("runpod",)


@pytest.mark.parametrize(
    "source",
    [
        "import trivet.runpod as runpod\nrunpod.api_key = 'k'\nrunpod.Endpoint('e').run({})",
        "import trivet\ntrivet.Client().start()",
        "from other.runpod import serverless\nserverless.start({})",
        "text = 'import trivet.runpod; trivet.runpod.serverless.start'",
    ],
)
def test_what_only_looks_like_one_is_none(source: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused):
        kind_of(tmp_path, source)
