"""What a bundle is, found by reading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.builders.folders import HELLO, bundle_of
from trivet.platform.builders.decorated import likely_names
from trivet.platform.builders.recognise import recognise
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import DeploymentRefused


def host_of(folder: Path) -> str:
    return recognise(SourceTree.read(folder)).host


def refusal(folder: Path) -> DeploymentRefused:
    with pytest.raises(DeploymentRefused) as caught:
        host_of(folder)
    return caught.value


def asked_for(folder: Path) -> tuple[str, ...]:
    source = SourceTree.read(folder)
    return recognise(source).requirements(source)


@pytest.mark.parametrize(
    "source",
    [
        HELLO,
        "import trivet\n@trivet.endpoint\ndef f(): ...",
        "import trivet as t\n@t.endpoint()\nasync def f(): ...",
        "from trivet import endpoint\n@endpoint\nclass F: ...",
        "from trivet import endpoint as e\n@e(workers=1)\ndef f(): ...",
        "from trivet.authoring import endpoint\n@endpoint\ndef f(): ...",
        "import trivet.authoring\n@trivet.authoring.endpoint\ndef f(): ...",
        "import trivet.authoring as a\n@a.endpoint\ndef f(): ...",
        "from trivet import authoring\n@authoring.endpoint\ndef f(): ...",
        "from trivet import *\n@endpoint\ndef f(): ...",
        "import trivet\ndef f(): ...\nf = trivet.endpoint(timeout=3)(f)",
        "# -*- coding: latin-1 -*-\nimport trivet\n@trivet.endpoint\ndef f(): return 'caf\\xe9'",
    ],
)
def test_the_decorator_is_found_however_it_was_imported(source: str, tmp_path: Path) -> None:
    assert host_of(bundle_of(tmp_path, {"main.py": source})) == "decorated"


def test_the_decorator_is_found_in_a_package(tmp_path: Path) -> None:
    assert host_of(bundle_of(tmp_path, {"app/__init__.py": "", "app/serve.py": HELLO})) == "decorated"


@pytest.mark.parametrize(
    "source",
    [
        "def endpoint(f): return f\n@endpoint\ndef f(): ...",
        "from flask import endpoint\n@endpoint\ndef f(): ...",
        "import trivet\ndef f(): ...",
        "import other\n@other.endpoint\ndef f(): ...",
        "'''import trivet\n@trivet.endpoint\ndef f(): ...'''",
    ],
)
def test_what_only_looks_like_it_is_not(source: str, tmp_path: Path) -> None:
    error = refusal(bundle_of(tmp_path, {"main.py": source}))
    assert "Looked for a function or class decorated with @trivet.endpoint" in error.detail
    assert "looked at main.py" in error.detail
    assert "import trivet" in error.hint


def test_nothing_is_run_to_find_out(tmp_path: Path) -> None:
    assert host_of(bundle_of(tmp_path, {"main.py": f"raise SystemExit('run')\n{HELLO}"})) == "decorated"


def test_a_bundle_without_python_says_so(tmp_path: Path) -> None:
    assert "no Python file" in refusal(bundle_of(tmp_path, {"README.md": "x"})).detail


def test_a_syntax_error_at_the_top_is_refused_with_its_place(tmp_path: Path) -> None:
    error = refusal(bundle_of(tmp_path, {"main.py": HELLO, "broken.py": "x = 1\ndef f(:\n    pass\n"}))
    assert error.detail.startswith("There is a syntax error in broken.py, line 2: def f(:")


def test_a_syntax_error_further_down_matters_only_where_nothing_else_is_found(tmp_path: Path) -> None:
    bundle_of(tmp_path, {"vendored/old.py": "print 'python 2'"})
    assert "vendored/old.py, line 1" in refusal(tmp_path).detail
    assert host_of(bundle_of(tmp_path, {"main.py": HELLO})) == "decorated"


@pytest.mark.parametrize("content", [b"x = '\0'", b"(" * 100_000, b"\xff\xfe\xff", b"-" * 200_000 + b"1"])
def test_a_file_made_to_break_the_parser_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "main.py" in refusal(bundle_of(tmp_path, {"main.py": content})).detail


def test_caches_environments_and_hidden_files_are_not_looked_at(tmp_path: Path) -> None:
    names = ("._main.py", ".git/x.py", "__pycache__/x.py", "venv/lib/x.py", "node_modules/x.py")
    bundle_of(tmp_path, {**dict.fromkeys(names, b"\0 no python"), "venv/pyvenv.cfg": "", "main.py": HELLO})
    assert [file.path for file in SourceTree.read(tmp_path).python] == ["main.py"]


def test_requirements_come_from_decorators_and_script_blocks(tmp_path: Path) -> None:
    main = """
        # /// script
        # requires-python = ">=3.11"
        # dependencies = [
        #   "httpx",
        #   "rich>=13",
        # ]
        # ///
        import trivet
        @trivet.endpoint(requirements=["numpy>=2"])
        def f(): ...
        @trivet.endpoint(requirements=("pandas",))
        def g(): ...
        @trivet.endpoint(requirements=None)
        def h(): ...
    """
    other = '# /// script\n# dependencies = ["not-asked-for"]\n# ///\n'
    bundle_of(tmp_path, {"main.py": main, "tool.py": other})
    assert sorted(asked_for(tmp_path)) == ["httpx", "numpy>=2", "pandas", "rich>=13"]


@pytest.mark.parametrize("value", ["REQUIREMENTS", "['numpy', VERSION]", "['a' + 'b']", "'numpy'", "[1]"])
def test_requirements_that_can_not_be_read_without_running_are_refused(value: str, tmp_path: Path) -> None:
    bundle_of(tmp_path, {"main.py": f"import trivet\n@trivet.endpoint(requirements={value})\ndef f(): ..."})
    with pytest.raises(DeploymentRefused, match=r"main\.py, line 2: `requirements` must be a literal list"):
        asked_for(tmp_path)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("# /// script\n# dependencies = []\n", "not closed"),
        ("# /// script\n# dependencies = [\n# ///\n", "not valid TOML"),
        ("# /// script\n# dependencies = 'numpy'\n# ///\n", "must be a list"),
        ("# /// script\n# ///\n# /// script\n# ///\n", "there twice"),
    ],
)
def test_a_malformed_script_block_is_refused(block: str, said: str, tmp_path: Path) -> None:
    bundle_of(tmp_path, {"main.py": block + HELLO})
    with pytest.raises(DeploymentRefused, match=said):
        asked_for(tmp_path)


def test_the_names_of_endpoints_are_read_as_far_as_they_stand_in_the_code(tmp_path: Path) -> None:
    source = """
        import trivet
        from trivet import endpoint as offered
        NAME = "computed"

        @trivet.endpoint
        def plain(): ...

        @offered(timeout=5, name="given")
        async def other(): ...

        @trivet.endpoint(name=NAME)
        class Computed: ...

        @NAME.upper
        def nothing(): ...
    """
    bundle_of(tmp_path, {"main.py": source, "more.py": "def helper(): ..."})
    assert likely_names(SourceTree.read(tmp_path)) == ("plain", "given", "Computed")
