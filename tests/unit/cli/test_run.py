from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Trivet

HELLO = '''\
import trivet


@trivet.endpoint
def {name}(name: str, times: int = 1) -> str:
    """Greets."""
    print("greeting", name)
    return " ".join([f"Hello {{name}}"] * times)
'''

MANY = """\
import trivet


@trivet.endpoint
def one(number: int) -> dict:
    trivet.progress(0.5, "half")
    return {"twice": 2 * number}


@trivet.endpoint
def words(text: str):
    for word in text.split():
        print("next")
        yield word + " "


@trivet.endpoint
def breaks(number: int):
    return 1 // number


@trivet.endpoint
def leaves(number: int):
    raise SystemExit(7)


@trivet.endpoint
def picture(data: bytes) -> bytes:
    return data[::-1]


@trivet.endpoint
def odd(number: int):
    return object()
"""


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    path = tmp_path / "cli_hello.py"
    path.write_text(HELLO.format(name="hello"))
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "cli_many.py"
    path.write_text(MANY)
    return path


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `run` puts before the module path is gone with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_it_runs_without_a_server_and_prints_the_output_alone(trivet: Trivet, hello: Path) -> None:
    result = trivet("run", str(hello), '{"name": "Bond", "times": 2}')
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Hello Bond Hello Bond\n", "greeting Bond\n")


def test_any_other_input_is_the_only_argument(trivet: Trivet, hello: Path) -> None:
    assert trivet("run", str(hello), '"Bond"', "--json").stdout == '"Hello Bond"\n'


def test_an_input_that_does_not_fit_names_the_field(trivet: Trivet, hello: Path) -> None:
    result = trivet("run", str(hello), '{"name": "Bond", "times": "twice"}')
    assert result.exit_code == 1
    assert "/times" in result.stderr


def test_a_folder_is_run_as_well(trivet: Trivet, hello: Path) -> None:
    (hello.parent / "main.py").write_text(HELLO.format(name="from_folder"))
    hello.unlink()
    assert trivet("run", str(hello.parent), '{"name": "Bond"}').stdout == "Hello Bond\n"


def test_one_of_several_endpoints_must_be_named(trivet: Trivet, many: Path) -> None:
    refused = trivet("run", str(many), "1")
    assert refused.exit_code == 2
    assert "one, words, breaks" in refused.stderr
    assert trivet("run", str(many), "1", "--endpoint", "one").stdout == '{"twice":2}\n'
    assert trivet("run", str(many), "1", "--endpoint", "none").exit_code == 2


def test_pieces_are_printed_as_they_come(trivet: Trivet, many: Path) -> None:
    result = trivet("run", str(many), '"a b"', "--endpoint", "words")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "a b \n", "next\nnext\n")


def test_a_handler_that_raises_shows_the_authors_frames_alone(trivet: Trivet, many: Path) -> None:
    result = trivet("run", str(many), "0", "--endpoint", "breaks")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ZeroDivisionError" in result.stderr
    assert "cli_many.py" in result.stderr
    assert "authoring" not in result.stderr


def test_a_handler_that_exits_is_a_failure(trivet: Trivet, many: Path) -> None:
    result = trivet("run", str(many), "0", "--endpoint", "leaves")
    assert result.exit_code == 1
    assert "SystemExit: 7" in result.stderr


def test_an_output_without_a_form_is_refused_in_words(trivet: Trivet, many: Path) -> None:
    result = trivet("run", str(many), "0", "--endpoint", "odd")
    assert result.exit_code == 1
    assert "can't be written as JSON" in result.stderr
    assert "Traceback" not in result.stderr


def test_bytes_go_in_and_out(trivet: Trivet, many: Path, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"\x00\xff")
    result = trivet("run", str(many), f"@{tmp_path / 'data.bin'}", "--endpoint", "picture")
    assert (result.exit_code, result.stdout_bytes) == (0, b"\xff\x00")


def test_code_that_cannot_be_loaded_shows_where(trivet: Trivet, tmp_path: Path) -> None:
    (tmp_path / "cli_broken.py").write_text("import trivet\n\n@trivet.endpoint\ndef broken(:\n")
    result = trivet("run", str(tmp_path / "cli_broken.py"), "1")
    assert result.exit_code == 1
    assert "cli_broken.py" in result.stderr
    assert "SyntaxError" in result.stderr


def test_a_place_without_an_endpoint_is_told_so(trivet: Trivet, tmp_path: Path) -> None:
    (tmp_path / "cli_nothing.py").write_text("x = 1\n")
    result = trivet("run", str(tmp_path / "cli_nothing.py"), "1")
    assert result.exit_code == 1
    assert "@trivet.endpoint" in result.stderr


def test_a_path_that_is_not_there_is_wrong_usage(trivet: Trivet, tmp_path: Path) -> None:
    assert trivet("run", str(tmp_path / "none.py"), "1").exit_code == 2


def test_it_needs_nothing_of_the_platform_and_no_http_client(hello: Path) -> None:
    program = (
        "import sys\nfrom trivet.cli.main import cli\n"
        f"cli(['run', {str(hello)!r}, '\"Bond\"'], standalone_mode=False)\n"
        "print(sorted({'pyreqwest', 'trivet.sdk', 'trivet.platform', 'rich'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ))
    assert done.stdout.splitlines() == ["Hello Bond", "[]"]
