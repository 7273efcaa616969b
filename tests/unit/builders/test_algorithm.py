"""Algorithms as bundles: told by their configuration, named by it, imported once before anything is published."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders.folders import HELLO, bundle_of
from trivet.platform.builders.algorithm import Algorithm
from trivet.platform.builders.descriptions import Program, endpoints_in, warnings_in
from trivet.platform.builders.loading import load
from trivet.platform.builders.recognise import recognise
from trivet.platform.builders.requirements import read_requirements
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import BuildFailed, DeploymentRefused

CONFIGURATION = '{"username": "demo", "algoname": "Hello", "langauge": "python3"}'
APPLY = "def apply(input):\n    '''Says hello.'''\n    return input\n"
ALGORITHMIA = {
    "Algorithmia/__init__.py": """
        from adk import ADK
        from Algorithmia.client import Client
        from Algorithmia.handler import Handler
    """,
    "Algorithmia/handler.py": """
        class Handler:
            def __init__(self, apply_func, load_func):
                if not callable(load_func):
                    raise Exception("load function must be callable")
                self.apply_func = apply_func

            def serve(self):
                raise AssertionError("it serves")
    """,
    "Algorithmia/client.py": """
        import os, urllib.request
        class Client:
            def file(self, path):
                return urllib.request.urlopen(os.environ["ALGORITHMIA_API"] + "/v1/data/" + path, timeout=5)
    """,
    "adk/__init__.py": """
        class ADK:
            def __init__(self, apply_func, load_func=None):
                self.apply_func = apply_func

            def init(self, payload=None):
                raise AssertionError("it serves")
    """,
}
"""As much of the published packages as a module calls when it is imported."""


def source_of(folder: Path, files: Mapping[str, str]) -> SourceTree:
    return SourceTree.read(bundle_of(folder, {"algorithmia.conf": CONFIGURATION, **files}))


def test_a_repository_is_told_by_its_configuration(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"src/Hello.py": APPLY, "old.py": "import runpod\nrunpod.serverless.start({})"})
    kind = recognise(source)
    assert (kind.host, kind.program(source), kind.name(source)) == ("algorithm", "src/Hello.py", "Hello")


def test_a_decorated_handler_beside_an_algorithm_wins(tmp_path: Path) -> None:
    assert recognise(source_of(tmp_path, {"src/Hello.py": APPLY, "main.py": HELLO})).host == "decorated"


def test_without_a_module_of_its_name_the_one_named_algorithm_is_it(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"src/Algorithm.py": APPLY, "src/other.py": APPLY})
    assert (Algorithm().program(source), Algorithm().name(source)) == ("src/Algorithm.py", "Hello")


@pytest.mark.parametrize("name", ["src/hello.py", "Hello.py", "src/Hello/__init__.py"])
def test_a_module_elsewhere_is_not_guessed(name: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match="neither src/Hello.py nor src/Algorithm.py"):
        Algorithm().program(source_of(tmp_path, {name: APPLY}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "can't be read"),
        ("algoname: Hello", "can't be read"),
        ("[" * 50_000, "can't be read"),
        ("[1]", "is no JSON object"),
        ("{}", "None can't be an algorithm's name"),
        ('{"algoname": "../Hello"}', "can't be an algorithm's name"),
        ('{"algoname": "a.b"}', "can't be an algorithm's name"),
        ('{"algoname": "1st"}', "can't be an algorithm's name"),
        ('{"algoname": ["Hello"]}', "can't be an algorithm's name"),
    ],
)
def test_a_configuration_that_names_nothing_is_refused(text: str, said: str, tmp_path: Path) -> None:
    source = SourceTree.read(bundle_of(tmp_path, {"algorithmia.conf": text, "src/Hello.py": APPLY}))
    with pytest.raises(DeploymentRefused) as refused:
        Algorithm().name(source)
    assert said in refused.value.detail
    assert "algoname" in refused.value.hint


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    folder = bundle_of(tmp_path, {"algorithmia.conf": b"\xef\xbb\xbf" + CONFIGURATION.encode(), "src/Hello.py": APPLY})
    assert Algorithm().name(SourceTree.read(folder)) == "Hello"


def test_nothing_is_installed_that_the_repository_does_not_name(tmp_path: Path) -> None:
    kind, source = (
        Algorithm(),
        source_of(tmp_path, {"src/Hello.py": APPLY, "requirements.txt": "algorithmia>=1.0.0,<2.0\nsix"}),
    )
    lines, declared = kind.requirement_lines(source), kind.requirements(source)
    assert read_requirements(tmp_path, declared, lines=lines, usual=kind.usual).lines == (
        "algorithmia>=1.0.0,<2.0",
        "six",
    )


# -- loading it once ------------------------------------------------------------------------------------------------------


def loaded(folder: Path, source: str, **files: str) -> Mapping[str, Any]:
    named = {name.replace("__", "."): text for name, text in files.items()}
    bundle_of(folder, {**ALGORITHMIA, "src/Hello.py": source, **named})
    return asyncio.run(
        load(Path(sys.executable), folder, "src/Hello.py", "algorithm", timeout=60, on_output=lambda _: None)
    )


def failure(folder: Path, source: str) -> BuildFailed:
    with pytest.raises(BuildFailed) as failed:
        loaded(folder, source)
    return failed.value


@pytest.mark.parametrize(
    "source",
    [
        APPLY,
        f"from Algorithmia import ADK\n{APPLY}ADK(apply).init('x')",
        f"from Algorithmia import ADK\n{APPLY}algorithm = ADK(apply, lambda: 1 / 0)\nalgorithm.init()",
        f"import Algorithmia\n{APPLY}Algorithmia.Handler(apply, lambda: 1 / 0).serve()",
    ],
)
def test_a_module_of_each_style_is_imported_and_neither_loads_nor_serves(source: str, tmp_path: Path) -> None:
    answer = loaded(tmp_path, source)
    (endpoint,) = endpoints_in(answer, "algorithm", Program("src/Hello.py", "Hello"))
    assert (endpoint.name, endpoint.handler, endpoint.host) == ("Hello", "src/Hello.py", "algorithm")
    assert (endpoint.description, endpoint.settings.timeout) == ("Says hello.", 300.0)
    assert warnings_in(answer) == ()


def test_an_import_that_fails_is_told_in_the_authors_words(tmp_path: Path) -> None:
    error = failure(tmp_path, "import os\nimport missing_package\n")
    assert "ModuleNotFoundError: No module named 'missing_package'" in error.detail
    assert 'File "src/Hello.py", line 2' in error.detail
    assert "requirements.txt" in error.hint


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def aply(input): ...", "src/Hello.py has no function `apply`"),
        ("def apply(input: ...", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("import Algorithmia\nAlgorithmia.Handler(print, None)", "load function must be callable"),
    ],
)
def test_what_can_never_be_loaded_is_refused(source: str, said: str, tmp_path: Path) -> None:
    assert said in failure(tmp_path, source).detail


def test_what_can_not_be_parsed_is_told_with_the_path_in_the_repository(tmp_path: Path) -> None:
    for source in ("def apply(input: ...", "open('none')", "raise OSError(__file__)", "raise ValueError()"):
        detail = failure(tmp_path, source).detail
        assert 'File "src/Hello.py", line 1' in detail
        assert "trivet-load-" not in detail
    assert "src/Hello.py" in failure(tmp_path, "raise OSError(__file__)").detail.splitlines()[0]


def test_a_module_that_needs_a_secret_at_its_import_is_taken_with_a_warning(tmp_path: Path) -> None:
    (warning,) = warnings_in(loaded(tmp_path, f"import os\nKEY = os.environ['MY_KEY']\n{APPLY}"))
    assert "needs the environment variable MY_KEY" in warning
    assert "first worker" in warning


def test_a_module_that_asks_the_platform_at_its_import_is_taken_with_a_warning(tmp_path: Path) -> None:
    (warning,) = warnings_in(
        loaded(tmp_path, f"import Algorithmia\nMODEL = Algorithmia.Client().file('.my/models/m')\n{APPLY}")
    )
    assert "asks the platform for something" in warning


def test_a_manifest_that_would_always_fail_to_load_is_warned_of(tmp_path: Path) -> None:
    manifest = {"required_files": [{"name": "net", "source_uri": "data://x/y/z", "fail_on_tamper": True}]}
    (warning,) = warnings_in(loaded(tmp_path, APPLY, model_manifest__json=json.dumps(manifest)))
    assert "model_manifest.json is not frozen" in warning
    assert "algo freeze" in warning
    bundle_of(tmp_path, {"model_manifest.json.freeze": "{}"})
    assert warnings_in(loaded(tmp_path, APPLY)) == ()


def test_what_the_module_does_to_its_folder_does_not_change_the_bundle(tmp_path: Path) -> None:
    loaded(tmp_path, f"open('written', 'w').close()\n{APPLY}")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("given", [None, "text", {"a": 1}, []])
def test_warnings_of_another_form_are_none(given: object) -> None:
    assert warnings_in({"warnings": given}) == ()


def test_warnings_are_few_and_short() -> None:
    assert [len(each) for each in warnings_in({"warnings": ["x" * 5000] * 50})] == [1000] * 10
