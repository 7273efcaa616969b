"""Which programs are workers by our module, and what they need for it: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.builders.folders import bundle_of
from trivet.platform.builders.recognise import recognise
from trivet.platform.builders.runpod import DropInWorker, RunPodWorker
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import DeploymentRefused


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
    assert (kind.host, kind.usual) == ("runpod", ())


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
